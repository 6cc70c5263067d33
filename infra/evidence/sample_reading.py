"""The one pass over a sample, with a progress bar where there is a terminal."""

from collections.abc import Callable, Iterator

from ttl_archive.infra.evidence.attribute_evidence import SampleEvidence, gather
from ttl_archive.infra.evidence.sample_store import SampleStore
from ttl_archive.replay.commands.progress import counter
from ttl_archive.replay.items.attribute_values import Item

_ITEMS_A_STEP = 100


def read_sample(store: SampleStore) -> SampleEvidence:
    """Fill the store from its source, and return the evidence. Raises as `fill` and `gather` do."""
    expected = min(store.limit, store.total or store.limit)
    with counter("items", expected) as done:
        return gather(_reported(store.fill(), done, expected))


def _reported(items: Iterator[Item], done: Callable[[int, int], None], expected: int) -> Iterator[Item]:
    for number, item in enumerate(items, 1):
        if number % _ITEMS_A_STEP == 0:
            done(number, max(number, expected))
        yield item
