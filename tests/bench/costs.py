"""What the function costs besides CPU time: resident memory, cold start, package size; and its price."""

import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sampling import HERE
from workloads import KINDS, TABLE, build

from ttl_archive.infra.local.lambda_runtime.runtime_client import LambdaRuntime

_PROJECT = HERE.parent.parent
# The default settings, image on; what passes the response's limit fails, so that nothing is called.
_CONFIG = f"""\
[table]
name = "{TABLE}"
ttl_attribute = "expiredAt"
[output]
overflow = "fail"
"""

# Proportional below, one vCPU at this size. LDG: configuration-memory.
_MB_FOR_ONE_CPU = 1769
# List prices of us-east-1, arm64. Source: infracost test data, 2024-07-01.
_USD_PER_GB_S = 0.0000133334
_USD_PER_REQUEST = 0.20 / 1e6
_MEMORY_SIZES_MB = (128, 256, 512, 1024, 1769, 3008)


def peak_memory_mb(full_bytes: int) -> dict[str, float]:
    """Return the highest resident memory of a process after one event, over the four kinds of item.

    The event is as full as a Lambda request may be, unless `full_bytes` of raw data end it before.
    """
    with _configured() as environment:
        found = [_peaks(f"{kind}:1", full_bytes, environment) for kind in KINDS]
    return {way: max(peaks[way] for peaks in found) for way in found[0]}


def import_ms(runs: int) -> dict[str, float]:
    """Return the CPU time to import a module beside the runtime client, in ms, the least of the runs.

    Raises SystemExit when our handler imports boto3, which is for re-ingestion only.
    """
    modules = ("ttl_archive.transform.handler", "ttl_archive.transform.fast_handler", "boto3")
    with _configured() as environment:
        found = [{module: _import_s(module, environment) for module in modules} for _ in range(runs)]
    return {module: round(min(times[module] for times in found) * 1000, 1) for module in modules}


def package_bytes() -> dict[str, int]:
    """Return the size of every Lambda package that `make package` has built."""
    return {file.name: file.stat().st_size for file in sorted(_PROJECT.glob("build/transform-*.zip"))}


def prices(cpu_s_per_event: float, records_per_event: int) -> list[dict[str, float]]:
    """Return each memory size's time for an event and price of a million records, by this machine's CPU."""
    rows = []
    for memory_mb in _MEMORY_SIZES_MB:
        event_s = cpu_s_per_event / min(1, memory_mb / _MB_FOR_ONE_CPU)
        billed_s = math.ceil(event_s * 1000) / 1000
        usd = billed_s * memory_mb / 1024 * _USD_PER_GB_S + _USD_PER_REQUEST
        usd_per_million = round(usd / records_per_event * 1e6, 5)
        rows.append(
            {"memory_mb": memory_mb, "event_s": round(event_s, 3), "usd_per_million": usd_per_million}
        )
    return rows


def _peaks(name: str, full_bytes: int, environment: dict[str, str]) -> dict[str, float]:
    body = build(name, full_bytes).body
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(body)
        alone = float(_run([str(HERE / "probe.py"), file.name], environment))
    runtime = LambdaRuntime("probe.handler", environment=environment, task_root=HERE)
    with runtime:
        runtime.invoke(body)
        runtime.invoke(b'{"deliveryStreamArn": "", "records": []}')
        peaks = [json.loads(line)["peak_mb"] for line in runtime.logs() if line.startswith('{"peak_mb"')]
    return {"handler and codec alone": alone, "awslambdaric": peaks[-1]}


def _import_s(module: str, environment: dict[str, str]) -> float:
    code = (
        "import sys, awslambdaric.__main__; from time import process_time; start = process_time();"
        f"import {module}; print(process_time() - start, 'boto3' in sys.modules)"
    )
    seconds, has_boto3 = _run(["-c", code], environment).split()
    if module != "boto3" and has_boto3 == "True":
        raise SystemExit(f"{module} imports boto3. It must do so only when something is re-ingested.")
    return float(seconds)


def _run(arguments: list[str], environment: dict[str, str]) -> str:
    """Return the last line that a child process prints."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()[-1]


@contextmanager
def _configured() -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "archive.toml")
        file.write_text(_CONFIG)
        yield {"TTL_ARCHIVE_CONFIG": str(file)}
