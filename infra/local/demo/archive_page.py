"""The page of `ttl-archive report` about the demo's archive, by its clock and the logs of its functions."""

import json
import tempfile
from collections import Counter
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from ttl_archive.infra import deploy_settings
from ttl_archive.infra.local.local_sql import local_access
from ttl_archive.infra.local.pipeline import Pipeline
from ttl_archive.infra.local.resources import FAILURE_BUCKET
from ttl_archive.infra.local.roads.road import RoadName
from ttl_archive.infra.query.date_range import DateRange
from ttl_archive.infra.query.query_places import Storage, bucket_place
from ttl_archive.infra.report.archive_report import ReportSources, count_archive
from ttl_archive.infra.report.counted import NotCounted
from ttl_archive.infra.report.function_counts import METRICS, FunctionCounts
from ttl_archive.infra.report.page import render
from ttl_archive.infra.report.period_verdicts import PeriodVerdicts, verify_period
from ttl_archive.infra.report.report_period import ALL

_A_DAY = timedelta(days=1)


def write_page(pipeline: Pipeline, road: RoadName, folder: Path | None) -> Path:
    """Write report.html about all dates into the folder, or into a new one; return its path.

    The clock advances by a day first, because the last day has a verdict only when it is over.
    """
    pipeline.clock.advance(_A_DAY)
    settings = pipeline.settings
    storage = Storage(settings, pipeline.s3, pipeline.bucket)
    deploy = replace(deploy_settings.load(settings), source=road)
    on_failure = FAILURE_BUCKET if road == "streams" else None
    access = local_access(pipeline.s3_proxy.url)
    with bucket_place(pipeline.s3, access, pipeline.bucket, settings, pipeline.clock.now) as place:
        sources = ReportSources(
            settings,
            deploy,
            place,
            storage,
            lambda _: _logged(pipeline),
            on_failure=on_failure,
            now=pipeline.clock.now,
            verify=lambda dates: _verified(pipeline, storage, dates, on_failure),
        )
        page = render(count_archive(sources, ALL))
    path = (folder or Path(tempfile.mkdtemp(prefix="ttl-archive-demo-"))) / "report.html"
    path.write_text(page, encoding="utf-8")
    return path


def _verified(
    pipeline: Pipeline, storage: Storage, dates: DateRange, on_failure: str | None
) -> PeriodVerdicts:
    return verify_period(
        storage,
        [pipeline.emulator.client("cloudwatch")],
        dates,
        pipeline.clock.now(),
        on_failure=on_failure,
        meter=lambda _: nullcontext(lambda _records, _read: None),
    )


def _logged(pipeline: Pipeline) -> FunctionCounts | NotCounted:
    """Return the sums of the functions' log lines, which in AWS become the metrics in CloudWatch."""
    sums: Counter[str] = Counter()
    for line in pipeline.function.logs():
        values = json.loads(line) if line.startswith("{") else {}
        for name in METRICS:
            if name in values:
                sums[name] += values[name]
    return FunctionCounts(sums, "the log of the function") if sums else NotCounted("the function has no log")
