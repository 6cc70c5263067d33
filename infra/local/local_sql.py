"""SQL over the objects of the local pipeline: the embedded engine of `infra/query` in Athena's place.

As Athena does, the engine reads no object in GLACIER until it is retrieved.
"""

from ttl_archive.infra.local.moto_server.emulator import KEY, REGION
from ttl_archive.infra.query.engine import S3Access


def local_access(s3_url: str) -> S3Access:
    """Return how the engine reads from a local S3 endpoint."""
    return S3Access(REGION, KEY, KEY, endpoint_url=s3_url)
