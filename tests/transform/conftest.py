"""The tests of the transform learn a shape from every first image, so that short batches use shapes too."""

from collections.abc import Iterator

import pytest

from ttl_archive.transform import learning


@pytest.fixture(autouse=True, scope="session")
def _learn_from_one_image() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning, "SAMPLE", 1)
        patch.setattr(learning, "WINDOW", 2)
        patch.setattr(learning, "PAUSE", 1)
        yield
