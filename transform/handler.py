"""The entry that Lambda calls. archive.toml is read at the cold start, and a mistake in it is told there."""

from transform.batch import batch_transform
from transform.settings import load

handler = batch_transform(load())
