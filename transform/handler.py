"""The entry that Lambda calls. The cold start reads archive.toml, and fails with every mistake in it."""

from ttl_archive.transform.batch import batch_transform
from ttl_archive.transform.settings import load

handler = batch_transform(load())
