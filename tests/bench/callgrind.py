"""Instructions counted by valgrind between two marks of a Python process.

Unlike a time the count repeats to the digit: hash seed, environment and clocks are fixed, and valgrind places
memory the same every time. The process marks the end of a part by `mark()`. The work before its first mark,
such as imports, and the work after its last one are not counted.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
MISSING = "valgrind is not installed. Install it, or leave this to the CI."
_MARK = "getppid"  # a function of the C library that Python calls for nothing else


def is_installed() -> bool:
    """Return whether instructions can be counted on this machine."""
    return shutil.which("valgrind") is not None


def mark() -> None:
    """End a part, in the process that is counted."""
    os.getppid()


def stop_the_clocks() -> None:
    """Replace the clocks, before a module is imported that keeps a reference to one.

    The log line is part of the handler, and a duration with one more digit costs a few more instructions.
    """
    time.perf_counter = lambda: 0.0
    time.time_ns = lambda: 1_767_225_600_000_000_000


def count_parts(arguments: list[str], stdin: Any = subprocess.DEVNULL) -> list[int]:
    """Return the instructions of each part of a Python script of this folder. Raises SystemExit."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", f"--dump-before={_MARK}"]
        command += [f"--callgrind-out-file={folder}/part", sys.executable, *arguments]
        environment = {"PYTHONHASHSEED": "0", "AWS_REGION": "us-east-1"}
        done = subprocess.run(
            command, stdin=stdin, stderr=subprocess.PIPE, env=environment, cwd=HERE, text=True
        )
        found = [_instructions(file) for file in sorted(Path(folder).glob("part.*"), key=_number)]
    if done.returncode or len(found) < 2:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    return found[1:]


def _number(file: Path) -> int:
    return int(file.suffix[1:])


def _instructions(file: Path) -> int:
    found = re.search(r"^totals: (\d+)$", file.read_text(), re.MULTILINE)
    return int(found[1]) if found else 0
