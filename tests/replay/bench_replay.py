"""How fast, and in how much memory, failed records are replayed with the s3 sink on one core.

    python tests/replay/bench_replay.py             10,000 to 1,000,000 records
    python tests/replay/bench_replay.py 1000000     that many

The bucket is in memory and costs almost nothing, so what is measured is replay itself: reading, judging,
packing, hashing, and the claims. Each line is one process.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from botocore.response import StreamingBody

from tests.replay.bucket import Bucket, Stored
from tests.replay.samples import PREFIX, change, error_object, replay_all

RECORDS_IN_OBJECT = 10_000
SIZES = (10_000, 100_000, 1_000_000)
_IMAGE = {
    "status": {"S": "ok"},
    "site": {"M": {"name": {"S": "Lausanne"}, "floor": {"N": "3"}}},
    "tags": {"SS": ["a", "b", "c"]},
    "expiredAt": {"N": "1763600000"},
}


class Repeated(io.RawIOBase):
    """A block of bytes, so many times, as a file."""

    def __init__(self, block: bytes, times: int) -> None:
        self._block = block
        self._left = times
        self._here = io.BytesIO()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        read = self._here.readinto(buffer)
        while not read and self._left:
            self._left -= 1
            self._here = io.BytesIO(self._block)
            read = self._here.readinto(buffer)
        return read


class GeneratedBucket(Bucket):
    """A bucket whose error objects are one block repeated; of what is put only the size and hash are kept."""

    def generate(self, objects: int, block: bytes, times: int) -> None:
        self.block, self.times, self.written = block, times, 0
        for number in range(objects):
            self.fill(f"{PREFIX}processing-failed/{number:06}", b"")

    def get_object(self, **request: Any) -> dict[str, Any]:
        answer = super().get_object(**request)
        if request["Key"].startswith(PREFIX):
            body = io.BufferedReader(Repeated(self.block, self.times), 1 << 20)
            answer["Body"] = StreamingBody(body, len(self.block) * self.times)
        return answer

    def put_object(self, **request: Any) -> dict[str, Any]:
        if not request["Key"].startswith("archive/"):
            return super().put_object(**request)
        size, digest = 0, hashlib.sha256()
        body = io.BytesIO(request["Body"]) if isinstance(request["Body"], bytes) else request["Body"]
        while piece := body.read(1 << 20):
            size += len(piece)
            digest.update(piece)
        self.written += size
        self.objects[request["Key"]] = _Sized(b"", digest.hexdigest(), self.now, request["Metadata"])
        self.objects[request["Key"]].size = size
        return {"ETag": f'"{digest.hexdigest()}"'}

    def head_object(self, **request: Any) -> dict[str, Any]:
        head = super().head_object(**request)
        found = self.objects[request["Key"]]
        return head | ({"ContentLength": found.size} if isinstance(found, _Sized) else {})

    def paginate(self, **request: Any) -> Any:
        for page in super().paginate(**request):
            for entry in page["Contents"]:
                entry["Size"] = len(self.block) * self.times
            yield page


class _Sized(Stored):
    size: int = 0


def block(records: int = RECORDS_IN_OBJECT) -> bytes:
    """An error object of so many TTL removals, each with an image of ten values, some of them random."""
    chance = random.Random(1)

    def image(number: int) -> dict[str, Any]:
        return _IMAGE | {
            "uid": {"S": f"{chance.getrandbits(128):032x}"},
            "temperature": {"N": f"{chance.uniform(-20, 40):.2f}"},
            "readingTime": {"S": f"2026-11-{chance.randrange(1, 29):02}T10:15:{chance.randrange(60):02}Z"},
        }

    return error_object(change(number, **image(number)) for number in range(records))


def measure(records: int) -> dict[str, Any]:
    """Replay that many records in objects of 10,000, in this process."""
    bucket = GeneratedBucket()
    bucket.generate(records // RECORDS_IN_OBJECT, block(), 1)
    wall, cpu = time.perf_counter(), time.process_time()
    summary = replay_all(bucket)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    assert (summary.exit_code, summary.tally.rows) == (0, records), summary
    return {
        "records": records,
        "seconds": round(wall, 2),
        "records_per_s": round(records / wall),
        "records_per_cpu_s": round(records / cpu),
        "input_mb": round(len(bucket.block) * len(bucket.keys(PREFIX)) / 1e6),
        "output_mb": round(bucket.written / 1e6),
        "peak_mb": round(peak_mb()),
    }


def peak_mb() -> float:
    """The most memory this process has had. getrusage counts what the parent had at the fork as well."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    if os.environ.get("BENCH_REPLAY_RECORDS"):
        print(json.dumps(measure(int(os.environ["BENCH_REPLAY_RECORDS"]))))
        return
    sizes = [int(size) for size in sys.argv[1:]] or SIZES
    for position, size in enumerate(sizes):
        environment = os.environ | {"BENCH_REPLAY_RECORDS": str(size)}
        done = subprocess.run([sys.executable, __file__], env=environment, check=True, capture_output=True)
        found = json.loads(done.stdout)
        if position == 0:
            print("  ".join(f"{name:>17}" for name in found))
        print("  ".join(f"{value:>17,}" for value in found.values()), flush=True)


if __name__ == "__main__":
    main()
