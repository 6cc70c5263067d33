"""The entry that Lambda calls. archive.toml is read at the cold start, and a mistake in it is told there."""

from ttl_archive.transform.batch import batch_transform
from ttl_archive.transform.settings import load

handler = batch_transform(load())
