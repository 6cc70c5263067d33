"""Error objects of the period by state and cause, and the replays that ended in it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ttl_archive.infra.query.date_range import DateRange
from ttl_archive.infra.query.query_places import Storage
from ttl_archive.replay.aws import translate_error
from ttl_archive.replay.causes import explainer
from ttl_archive.replay.claim_document import ClaimDocument, State, read_claim
from ttl_archive.replay.claims import Claims, new_owner
from ttl_archive.replay.error_objects.forecast import Forecast, forecast
from ttl_archive.replay.error_objects.objects import list_keys
from ttl_archive.replay.error_objects.survey import Filter, Found, survey
from ttl_archive.replay.errors import ObjectError
from ttl_archive.replay.verdict import judge
from ttl_archive.replay.workers import Threads, in_parallel
from ttl_archive.transform import layout
from ttl_archive.transform.settings import Settings
from ttl_archive.transform.verdict_version import transform_identity

_CLAIMS_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class CauseOfState:
    """The records of the error objects of one state that today's settings judge alike."""

    state: str
    cause: str
    records: int


@dataclass(frozen=True, slots=True)
class FailedObjects:
    """Error objects by state, their records by state and cause, and the objects that cannot be read."""

    objects: dict[str, int]
    causes: tuple[CauseOfState, ...]
    problems: tuple[str, ...]

    @property
    def total(self) -> int:
        """All error objects of the period."""
        return sum(self.objects.values())


@dataclass(slots=True)
class Replays:
    """The objects whose replay ended in the period, and what became of their records."""

    objects: int = 0
    retired: int = 0
    delivered: int = 0
    dropped: int = 0
    refused: int = 0
    waived: int = 0
    problems: list[str] = field(default_factory=list)

    def add(self, claim: ClaimDocument) -> None:
        """Count one object that a run has judged to the end."""
        result = claim.result
        assert result is not None  # noqa: S101  the caller selects claims with a result
        waived = len(claim.waived())
        self.objects += 1
        self.retired += claim.state is State.RETIRED
        self.delivered += result.rows
        self.dropped += sum(result.dropped.values())
        self.waived += waived
        self.refused += sum(result.refused.values()) + result.waived - waived


def count_failed_objects(storage: Storage, dates: DateRange, *, on_failure: str | None) -> FailedObjects:
    """Survey the error objects that were written on these dates, and judge their records.

    `on_failure` is the bucket of discarded batches, which count too. Raises ReplayError.
    """
    settings = storage.settings
    claims = Claims(storage.s3, storage.bucket, settings.table.name, new_owner())
    only, identity = _between(dates), transform_identity(settings)
    found = list(survey(claims, layout.errors_folder(settings), only, identity))
    if on_failure:
        found += survey(claims, layout.ON_FAILURE, only, identity, errors_bucket=on_failure)
    problems = [each.problem for each in found if each.problem]
    causes: list[CauseOfState] = []
    for state in State:
        some = [each for each in found if each.state is state]
        causes += _causes(state, _judged(storage.s3, some, settings, problems))
    counted = Counter(str(each.state) for each in found)
    return FailedObjects(dict(sorted(counted.items())), tuple(causes), tuple(problems))


def count_replays(storage: Storage, dates: DateRange) -> Replays:
    """Read every claim of the table, and count those whose run ended on these dates. Raises ReplayError."""
    folder = layout.claims_folder(storage.settings.table.name)
    counted = Replays()

    def read(key: str) -> ClaimDocument | str:
        url = f"s3://{storage.bucket}/{key}"
        try:
            with closing(storage.s3.get_object(Bucket=storage.bucket, Key=key)["Body"]) as body:
                return read_claim(body.read(), url)
        except (ClientError, BotoCoreError) as error:
            raise translate_error(error, url, "s3:GetObject") from error
        except ObjectError as error:
            return str(error)

    keys = list_keys(storage.s3, storage.bucket, folder)
    for claim in in_parallel(Threads(_CLAIMS_AT_ONCE), read, keys, at_once=_CLAIMS_AT_ONCE):
        if isinstance(claim, str):
            counted.problems.append(claim)
        elif claim.result and dates.has(claim.result.finished.astimezone(UTC).date().isoformat()):
            counted.add(claim)
    return counted


def _between(dates: DateRange) -> Filter:
    first = datetime.fromisoformat(dates.first).replace(tzinfo=UTC) if dates.first else None
    last = datetime.fromisoformat(dates.last).replace(tzinfo=UTC) if dates.last else None
    return Filter(since=first, until=last + timedelta(days=1) if last else None)


def _judged(s3: Any, found: Sequence[Found], settings: Settings, problems: list[str]) -> Forecast:
    return forecast(
        s3, found, judge(settings), explainer(settings), on_problem=lambda error: problems.append(str(error))
    )


def _causes(state: State, counted: Forecast) -> Iterator[CauseOfState]:
    for cause, count in sorted(counted.refuse.items(), key=lambda each: (-each[1].records, each[0].code)):
        where = f" at {cause.attribute}" if cause.attribute else ""
        yield CauseOfState(state, f"{cause.code}{where}", count.records)
    for rule, records in sorted(counted.drop.items()):
        yield CauseOfState(state, f"dropped by the rule {rule}", records)
    if counted.waived:
        yield CauseOfState(state, "the loss was accepted", counted.waived)
    if counted.deliver:
        yield CauseOfState(state, "none any more: today's settings deliver it", counted.deliver)
