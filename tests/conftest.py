"""What holds for every test.

With TTL_ARCHIVE_SLOW=1, as in the gate, tests marked `slow` run, and property tests try more examples.
`HYPOTHESIS_PROFILE=thorough pytest` tries many more.
"""

import functools
import os
import signal

import botocore.loaders
import pytest
from hypothesis import HealthCheck, settings

# On a shared machine, time says nothing about the code: no deadlines, and no health check for slow data.
_QUIET = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
for profile, examples in {"quick": 25, "gate": 60, "thorough": 1_000}.items():
    settings.register_profile(profile, max_examples=examples, print_blob=True, **_QUIET)
_RUNS_SLOW_TESTS = bool(os.environ.get("TTL_ARCHIVE_SLOW"))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate" if _RUNS_SLOW_TESTS else "quick"))

# A session of boto3 reads AWS's service models for itself, which was half of what the tests of commands took.
# Clients of one session share a model, so sessions can share it too.
_read_model = functools.cache(botocore.loaders.JSONFileLoader().load_file)
botocore.loaders.JSONFileLoader.load_file = lambda _, file_path: _read_model(file_path)  # type: ignore[method-assign]

# A process started in the background ignores Ctrl-C, and so would every child that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the slow tests, unless TTL_ARCHIVE_SLOW is set."""
    if _RUNS_SLOW_TESTS:
        return
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="slow: set TTL_ARCHIVE_SLOW=1"))
