"""What holds for every test.

`HYPOTHESIS_PROFILE=thorough pytest` tries many more examples than the default. Tests marked `slow` run with
TTL_ARCHIVE_SLOW=1, as in the gate.
"""

import functools
import os
import signal

import botocore.loaders
import pytest
from hypothesis import HealthCheck, settings

# On a shared machine, time says nothing about the code: no deadlines, and no health check for slow data.
_QUIET = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("quick", max_examples=60, print_blob=True, **_QUIET)
settings.register_profile("thorough", max_examples=1_000, print_blob=True, **_QUIET)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

# A session of boto3 reads AWS's service models for itself, which was half of what the tests of commands took.
# Clients of one session share a model, so sessions can share it too.
_read_model = functools.cache(botocore.loaders.JSONFileLoader().load_file)
botocore.loaders.JSONFileLoader.load_file = lambda _, file_path: _read_model(file_path)  # type: ignore[method-assign]

# A process started in the background ignores Ctrl-C, and so would every child that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the slow tests, unless TTL_ARCHIVE_SLOW is set."""
    if os.environ.get("TTL_ARCHIVE_SLOW"):
        return
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="slow: set TTL_ARCHIVE_SLOW=1"))
