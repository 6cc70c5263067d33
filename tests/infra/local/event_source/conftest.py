import pytest

from tests.infra.local.event_source.mapping_world import World


@pytest.fixture
def world() -> World:
    """A stream in memory with a mapping that is not created yet."""
    return World()
