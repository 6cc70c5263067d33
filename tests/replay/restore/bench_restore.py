"""How many rows restore reads, stages and writes in a second of CPU time.

    python tests/replay/restore/bench_restore.py

Rows of twelve attributes with their image, 744 bytes each, in a bucket in memory.
"""

import gzip
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.replay.bucket import Bucket
from tests.replay.restore.archives import archived
from tests.replay.samples import BUCKET, SETTINGS, change
from ttl_archive.replay.restore.archive_listing import find_archived
from ttl_archive.replay.restore.item_extraction import ItemExtractor
from ttl_archive.replay.restore.item_files import write_dynamodb_json, write_jsonl
from ttl_archive.replay.restore.output_file import whole_file
from ttl_archive.replay.restore.row_selection import Selection
from ttl_archive.replay.restore.stage import Stage

ROWS, OBJECTS = 60_000, 3
IMAGE = {f"attr{n}": {"S": f"text value {n}"} if n % 2 else {"N": str(n * 1.5)} for n in range(10)}


def filled_bucket() -> Bucket:
    """A bucket with ROWS rows in OBJECTS objects."""
    bucket = Bucket()
    each = ROWS // OBJECTS
    for number in range(OBJECTS):
        records = (change(number * each + position, **IMAGE) for position in range(each))
        key = f"archive/DeviceData/dt=2025-11-20/{number}.jsonl.gz"
        bucket.fill(key, gzip.compress(archived(SETTINGS, *records), 1))
    return bucket


def rows_a_second(bucket: Bucket, *, wants_items: bool, where: str = "") -> float:
    """Restore everything into a file; return rows a second of CPU time."""
    selection = Selection(where=where)
    with tempfile.TemporaryDirectory() as folder:
        begun = time.process_time()
        with Stage(Path(folder) / "stage") as stage, whole_file(Path(folder) / "out") as file:
            extractor = ItemExtractor(bucket, SETTINGS, selection, wants_items=wants_items)
            for each in find_archived(bucket, BUCKET, "archive/", SETTINGS, selection).objects:
                stage.add_object(each, extractor.rows(each))
            write = write_dynamodb_json if wants_items else write_jsonl
            assert write(stage.lines(), file) == ROWS
        return ROWS / (time.process_time() - begun)


def main() -> None:
    """Print a line for each kind of restore: the best of three."""
    bucket = filled_bucket()
    kinds = {
        "rows as JSONL": {"wants_items": False},
        "items as DynamoDB JSON": {"wants_items": True},
        "rows by a filter": {"wants_items": False, "where": "attr1 LIKE 'text%' AND n > 1"},
    }
    for name, options in kinds.items():
        best = max(rows_a_second(bucket, **options) for _ in range(3))  # type: ignore[arg-type]
        print(f"{name:24} {best:9,.0f} rows a CPU second")


if __name__ == "__main__":
    main()
