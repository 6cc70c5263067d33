"""What `check-config` says about reports that are allowed, and may not say what a reader expects."""

from collections.abc import Iterator, Sequence

from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.scheduled_reports.report_settings import ReportSettings
from ttl_archive.infra.scheduled_reports.report_sql import sql_warnings

# The age in days, at the time of the run, of an object that arrived on the first day of the longest period.
_AGES = {"day": 1, "week": 7, "month": 31}


def report_warnings(reports: Sequence[ReportSettings], deploy: Deploy) -> list[str]:
    """Return one sentence for each choice that makes a report incomplete, or leaves it unchecked."""
    return [*sql_warnings(reports), *_in_glacier(reports, deploy)]


def _in_glacier(reports: Sequence[ReportSettings], deploy: Deploy) -> Iterator[str]:
    """Yield a warning for a period whose first objects move to GLACIER before the run.

    Another stack decides the life cycle of a shared bucket. Source: Athena User Guide, querying-glacier.
    """
    if deploy.storage_class == "GLACIER_IR" or deploy.bucket:
        return
    for every, age in _AGES.items():
        names = [report.name for report in reports if report.every == every]
        if names and deploy.glacier_days < age:
            yield (
                f'[[reports]] {", ".join(names)}: every is "{every}", and [deploy] glacier_days is '
                f"{deploy.glacier_days}. Objects of the period's first days are in {deploy.storage_class} "
                f"when the report runs, and their rows are not in it. Set glacier_days = {age} or more"
            )
