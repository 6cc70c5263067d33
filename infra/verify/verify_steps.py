"""What `ttl-archive verify` does with its options: clients, progress, report."""

from datetime import UTC, date, datetime
from pathlib import Path
from threading import Event

from ttl_archive.infra.verify.archive_scan import VerifiedDays
from ttl_archive.infra.verify.day_seals import SealOutcome, write_seals
from ttl_archive.infra.verify.verify_report import print_verification, verification_document
from ttl_archive.infra.verify.verify_run import (
    Verification,
    VerifyRequest,
    default_days,
    read_counts,
    verify_days,
)
from ttl_archive.replay.aws import Clients
from ttl_archive.replay.backfill.backfill_run import find_exports
from ttl_archive.replay.caller import caller_arn
from ttl_archive.replay.commands import show
from ttl_archive.replay.commands.backfill_compare import compare
from ttl_archive.replay.commands.options import FAILED, Place
from ttl_archive.replay.commands.progress import meter
from ttl_archive.replay.commands.signals import ctrl_c
from ttl_archive.replay.errors import MisuseError


def run_verify(
    since: datetime | None,
    until: datetime | None,
    *,
    bucket: str,
    late_days: int,
    edge_s: int,
    replica_regions: tuple[str, ...],
    on_failure: str | None,
    seal: bool,
    accept_added: bool,
    export: str | None,
    as_json: bool,
    config: Path | None,
    profile: str | None,
    region: str | None,
) -> int:
    """Verify or compare, print the report, and return the exit code.

    Raises MisuseError, and the errors of the steps.
    """
    place = Place(bucket, None, config, profile, region)
    if accept_added and not seal:
        raise MisuseError("--accept-added seals objects that were added: give --seal too")
    if export:
        if since or until or seal:
            raise MisuseError(
                "--export compares with all that is archived since the export: leave out days and --seal"
            )
        exports = find_exports(export, place.clients, place.settings)
        return compare(place, exports, as_json=as_json, out=None, show_content=False)
    now = datetime.now(UTC)
    days = default_days(now, since, until, late_days)
    if days.first >= days.end:
        raise MisuseError(f"--since {days.first} is not before --until {days.end}")
    replicas = [Clients(profile=profile, region=name) for name in replica_regions]
    regions = [clients("cloudwatch") for clients in (place.clients, *replicas)]
    deletions, processed = read_counts(regions, place.settings, days)
    for clients in replicas:
        clients.close()
    stop = Event()
    request = VerifyRequest(
        s3=place.s3,
        bucket=place.bucket,
        settings=place.settings,
        days=days,
        deletions=deletions,
        processed=processed,
        edge_s=edge_s,
        now=now,
        on_failure=on_failure,
        accepts_added=accept_added,
        stop=stop,
    )
    with ctrl_c(stop):
        found = verify_days(request, lambda size: meter("Verifying", size))
    outcomes = _seal(place, found, days, now) if seal else {}
    is_done = found.closes and all(outcome.is_sealed for outcome in outcomes.values())
    exit_code = 0 if is_done else FAILED
    if as_json:
        show.as_json(verification_document(found, outcomes, edge_s, exit_code))
    else:
        print_verification(found, outcomes, place.arguments, edge_s)
    return exit_code


def _seal(place: Place, found: Verification, days: VerifiedDays, now: datetime) -> dict[date, SealOutcome]:
    balances = zip(days.days(), found.days, strict=True)
    by = caller_arn(place.clients("sts"))
    return write_seals(place.s3, place.bucket, place.table, balances, found.seals, now=now, by=by)
