"""S3 and Kinesis clients in memory, which fail on demand; shapes are boto3's."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError


def client_error(code: str, operation: str, status: int = 400) -> ClientError:
    """Return what a boto3 client raises for an error of the service."""
    answer = {
        "Error": {"Code": code, "Message": f"{code} on demand"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, operation)


@dataclass
class FakeS3:
    """Buckets in memory: `objects[bucket, key]` is the put_object call; `fail_puts` puts fail, -1 for all."""

    objects: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    fail_puts: int = 0
    error_code: str = "InternalError"

    def put_object(self, **request: Any) -> dict[str, Any]:
        if self.fail_puts:
            self.fail_puts -= 1
            raise client_error(self.error_code, "PutObject", 503)
        self.objects[request["Bucket"], request["Key"]] = request
        return {"ETag": '"etag"'}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        if (Bucket, Key) not in self.objects:
            raise client_error("NoSuchKey", "GetObject", 404)
        return self.objects[Bucket, Key]

    def listed(self, prefix: str = "", bucket: str | None = None) -> list[str]:
        return sorted(k for b, k in self.objects if k.startswith(prefix) and bucket in (None, b))

    def body(self, key: str) -> bytes:
        (body,) = (request["Body"] for (_, k), request in self.objects.items() if k == key)
        return bytes(body)

    def bodies(self, prefix: str = "") -> bytes:
        return b"".join(self.body(key) for key in self.listed(prefix))


@dataclass
class FakeKinesis:
    """One data stream in memory, counting from 1 in each shard; the next get_records raise `errors`."""

    shards: int = 1
    page_size: int = 10_000
    records: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    closed: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)

    def list_shards(self, *, StreamName: str = "", NextToken: str = "") -> dict[str, Any]:
        """One shard a page, so that paging is always at work."""
        index = int(NextToken or 0)
        page: dict[str, Any] = {"Shards": [{"ShardId": shard_id(index)}] if index < self.shards else []}
        return page | ({"NextToken": str(index + 1)} if index + 1 < self.shards else {})

    def get_shard_iterator(
        self, *, StreamName: str, ShardId: str, ShardIteratorType: str, StartingSequenceNumber: str = ""
    ) -> dict[str, str]:
        positions = {"LATEST": len(self.records[ShardId]), "TRIM_HORIZON": 0}
        position = positions.get(ShardIteratorType, int(StartingSequenceNumber or 0))
        return {"ShardIterator": f"{ShardId}:{position}"}

    def get_records(self, *, ShardIterator: str) -> dict[str, Any]:
        if self.errors:
            raise client_error(self.errors.pop(0), "GetRecords")
        shard, _, position = ShardIterator.partition(":")
        page = self.records[shard][int(position) : int(position) + self.page_size]
        end = int(position) + len(page)
        is_over = shard in self.closed and end == len(self.records[shard])
        return {"Records": page} | ({} if is_over else {"NextShardIterator": f"{shard}:{end}"})

    def put_records(self, *, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:
        answers = [self.put(r["Data"], r["PartitionKey"]) for r in Records]
        return {"FailedRecordCount": 0, "Records": answers}

    def put(self, data: bytes, partition_key: str = "key", shard: int = 0) -> dict[str, str]:
        records = self.records[shard_id(shard)]
        sequence = str(len(records) + 1)
        records.append({"Data": data, "PartitionKey": partition_key, "SequenceNumber": sequence})
        return {"SequenceNumber": sequence, "ShardId": shard_id(shard)}


def shard_id(index: int) -> str:
    return f"shardId-{index:012d}"
