"""The items of a sample tried with configurations: all of them, and those that will expire."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ttl_archive.infra import deploy_settings
from ttl_archive.infra.evidence.refusal_forecast import (
    ROW,
    SKIPPED,
    Forecaster,
    RefusalForecast,
    removal_record,
)
from ttl_archive.infra.evidence.sample_store import SampleStore
from ttl_archive.infra.evidence.ttl_values import TtlEvidence, TtlKind
from ttl_archive.transform.settings import Settings


@dataclass(slots=True)
class Trial:
    """The items of a sample tried with one configuration: all of them, and those that will expire.

    Each of the `expiring` items becomes a row, is refused with a code, or its record is skipped.
    """

    forecast: RefusalForecast
    expiring: int = 0
    expiring_rows: int = 0
    expiring_refused: Counter[str] = field(default_factory=Counter)

    def add_expiring(self, verdict: str) -> None:
        """Count an item that will expire, by what `Forecaster.add` returned for it."""
        self.expiring += 1
        self.expiring_rows += verdict == ROW
        if verdict not in (ROW, SKIPPED):
            self.expiring_refused[verdict] += 1


def try_items(
    store: SampleStore, configurations: Sequence[Settings], ttl: TtlEvidence, now: datetime
) -> list[Trial]:
    """Return, for each configuration of a table, what the transform makes of the items.

    Counts their TTL values too. The largest record is that of [deploy] in each configuration.
    """
    table = configurations[0].table
    now_us = int(now.astimezone(UTC).timestamp() * 1_000_000)
    forecasters = [
        Forecaster(settings, deploy_settings.load(settings).max_record_kib * 1024)
        for settings in configurations
    ]
    trials = [Trial(forecaster.forecast) for forecaster in forecasters]
    for item in store:
        expires = ttl.add(item) is TtlKind.EPOCH_SECONDS
        record = removal_record(item, table, now_us)
        for forecaster, trial in zip(forecasters, trials, strict=True):
            verdict = forecaster.add(item, record)
            if expires:
                trial.add_expiring(verdict)
    for forecaster in forecasters:
        forecaster.finish()
    return trials
