"""Hypothesis profiles: `HYPOTHESIS_PROFILE=thorough pytest` tries many more examples than the default."""

import os
import signal

from hypothesis import HealthCheck, settings

# On a shared machine, time says nothing about the code: no deadlines, and no health check for slow data.
_QUIET = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("quick", max_examples=60, print_blob=True, **_QUIET)
settings.register_profile("thorough", max_examples=1_000, print_blob=True, **_QUIET)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

# A process started in the background ignores Ctrl-C, and so would every child that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
