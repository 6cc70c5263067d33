"""The items of a sample tried with configurations: all of them, and those that will expire."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ttl_archive.infra import deploy_settings
from ttl_archive.infra.evidence.refusal_forecast import Forecaster, RefusalForecast
from ttl_archive.infra.evidence.sample_store import SampleStore
from ttl_archive.infra.evidence.ttl_values import TtlEvidence, TtlKind
from ttl_archive.transform.settings import Settings


@dataclass(slots=True)
class Trial:
    """The items of a sample tried with one configuration: all of them, and those that will expire."""

    forecast: RefusalForecast
    expiring: int = 0
    expiring_refused: Counter[str] = field(default_factory=Counter)


def try_items(
    store: SampleStore, configurations: Sequence[Settings], ttl: TtlEvidence, now: datetime
) -> list[Trial]:
    """Return, for each configuration, what the transform makes of the items. Counts their TTL values too."""
    now_us = int(now.astimezone(UTC).timestamp() * 1_000_000)
    forecasters = [
        Forecaster(settings, deploy_settings.parse({}, settings).max_record_kib * 1024, now_us)
        for settings in configurations
    ]
    trials = [Trial(forecaster.forecast) for forecaster in forecasters]
    for item in store:
        expires = ttl.add(item) is TtlKind.EPOCH_SECONDS
        for forecaster, trial in zip(forecasters, trials, strict=True):
            code = forecaster.add(item)
            if expires:
                trial.expiring += 1
                if code:
                    trial.expiring_refused[code] += 1
    for forecaster in forecasters:
        forecaster.finish()
    return trials
