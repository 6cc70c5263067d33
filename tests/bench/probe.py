"""The real handler in a process whose memory is watched; also as `probe.handler` in the runtime client."""

import json
import sys
from pathlib import Path
from typing import Any

from ttl_archive.transform.handler import handler as real_handler


def handler(event: dict[str, Any], context: Any) -> Any:
    """Print the peak so far, then handle the event: the second event prints the peak of the first."""
    print(json.dumps({"peak_mb": peak_mb()}))
    return real_handler(event, context)


def peak_mb() -> float:
    """Return the highest resident memory of this process, in MB. `ru_maxrss` includes the parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (peak_kb,) = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return round(int(peak_kb) / 1024, 1)


def main(file: str) -> None:
    """Handle the event in the file as the runtime does, without a runtime."""
    from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller

    runtime = LambdaMarshaller()
    runtime.marshal_response(real_handler(runtime.unmarshal_request(Path(file).read_bytes()), None))
    print(peak_mb())


if __name__ == "__main__":
    main(sys.argv[1])
