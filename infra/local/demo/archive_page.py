"""The page of `ttl-archive report` about the demo's archive, by its clock and the logs of its functions."""

import json
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

from ttl_archive.infra import deploy_settings
from ttl_archive.infra.local.local_sql import local_access
from ttl_archive.infra.local.pipeline import Pipeline
from ttl_archive.infra.local.resources import FAILURE_BUCKET
from ttl_archive.infra.local.roads.road import RoadName
from ttl_archive.infra.query.query_places import Storage, bucket_place
from ttl_archive.infra.report.archive_report import ReportSources, count_archive
from ttl_archive.infra.report.counted import NotCounted
from ttl_archive.infra.report.function_counts import METRICS, FunctionCounts
from ttl_archive.infra.report.page import render
from ttl_archive.infra.report.report_period import ALL


def write_page(pipeline: Pipeline, road: RoadName, folder: Path | None) -> Path:
    """Write report.html about all dates into the folder, or into a new one; return its path."""
    settings = pipeline.settings
    storage = Storage(settings, pipeline.s3, pipeline.bucket)
    deploy = replace(deploy_settings.load(settings), source=road)
    access = local_access(pipeline.s3_proxy.url)
    with bucket_place(pipeline.s3, access, pipeline.bucket, settings, pipeline.clock.now) as place:
        sources = ReportSources(
            settings,
            deploy,
            place,
            storage,
            lambda _: _logged(pipeline),
            on_failure=FAILURE_BUCKET if road == "streams" else None,
            now=pipeline.clock.now,
        )
        page = render(count_archive(sources, ALL))
    path = (folder or Path(tempfile.mkdtemp(prefix="ttl-archive-demo-"))) / "report.html"
    path.write_text(page, encoding="utf-8")
    return path


def _logged(pipeline: Pipeline) -> FunctionCounts | NotCounted:
    """Return the sums of the functions' log lines, which in AWS become the metrics in CloudWatch."""
    sums: Counter[str] = Counter()
    for line in pipeline.function.logs():
        values = json.loads(line) if line.startswith("{") else {}
        for name in METRICS:
            if name in values:
                sums[name] += values[name]
    return FunctionCounts(sums, "the log of the function") if sums else NotCounted("the function has no log")
