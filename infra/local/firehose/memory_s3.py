"""An S3 client with one operation, put_object, that keeps the objects in memory for a test to look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class MemoryS3:
    """Buckets in memory: `objects[bucket, key]` are the arguments of the last put_object call for a key."""

    objects: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def put_object(self, **request: Any) -> dict[str, Any]:
        """Store one object."""
        self.objects[request["Bucket"], request["Key"]] = request
        return {"ETag": '"etag"'}

    def keys(self, prefix: str = "") -> list[str]:
        """Return the keys under a prefix in all buckets, sorted."""
        return sorted(key for _, key in self.objects if key.startswith(prefix))

    def body(self, key: str) -> bytes:
        """Return the body of an object. Raises KeyError for a key that no bucket has."""
        for (_, stored), request in self.objects.items():
            if stored == key:
                return bytes(request["Body"])
        raise KeyError(f"No object has the key {key!r}. The keys are {self.keys()}.")
