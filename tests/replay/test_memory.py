"""A very large error object in little memory. The whole gigabyte is read with TTL_ARCHIVE_SLOW=1 only."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

_CHILD = """
import json, sys
from tests.replay.bench_replay import GeneratedBucket, block, peak_mb
from tests.replay.samples import replay_all
bucket = GeneratedBucket()
one = block()
if sys.argv[2] == "glued":
    one = one.replace(b"\\n", b"")
times = int(float(sys.argv[1]) // len(one))
bucket.generate(1, one, times)
summary = replay_all(bucket)
print(json.dumps([summary.exit_code, summary.tally.rows - times * 10_000, peak_mb()]))
"""


@pytest.mark.parametrize(
    "size", [pytest.param(60e6, id="60MB"), pytest.param(1e9, id="1GB", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("joined", ["lines", "glued"])
def test_an_object_of_any_size_is_replayed_within_200_mb(size: float, joined: str) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(size), joined], cwd=root, check=True, capture_output=True
    )

    exit_code, missing, peak_mb = json.loads(done.stdout)
    assert (exit_code, missing) == (0, 0)
    assert peak_mb < 200
