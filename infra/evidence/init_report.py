"""What `ttl-archive init` prints: for people at 80 columns, and as one JSON document."""

from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import Any

import click

from ttl_archive.infra.evidence.attribute_evidence import MAX_ITEM_BYTES, MAX_PATHS, AttributeEvidence
from ttl_archive.infra.evidence.config_text import percentage
from ttl_archive.infra.evidence.init_plan import InitPlan
from ttl_archive.infra.evidence.refusal_forecast import OVERSIZED_ROW
from ttl_archive.infra.evidence.sample_store import SampleStore
from ttl_archive.infra.evidence.trials import Trial
from ttl_archive.infra.evidence.ttl_values import ttl_sentences
from ttl_archive.replay.commands import show

_SHOWN = 8  # of a list; --json has all


def print_plan_report(
    plan: InitPlan, store: SampleStore, written: Path | None, files: Sequence[Path]
) -> None:
    """Print the evidence, then the configuration when it was not written, else what to do next.

    `files` are those that the items came from; none for a live table.
    """
    show.field("read", store.extent())
    _print_ttl(plan)
    _print_columns(plan)
    _print_refusals(plan)
    _print_sizes(plan)
    _print_cost(plan)
    if written is None:
        click.echo()
        show.block(plan.text)
        return
    show.field("written", str(written))
    config = "" if written == Path("archive.toml") else f" --config {quote(str(written))}"
    show.note(f"To check it:     ttl-archive check-config{config}")
    if files:
        named = " ".join(f"--table-file {quote(str(file))}" for file in files)
        show.note(f"To see it work:  ttl-archive demo {named}{config}")
    show.note(f"To deploy it:    ttl-archive synth{config}")


def _print_ttl(plan: InitPlan) -> None:
    for sentence in ttl_sentences(plan.ttl):
        show.field("TTL", sentence)
    if plan.live and plan.live.replica_regions:
        regions = ", ".join(plan.live.replica_regions)
        show.field(
            "replicas",
            f"The table has replicas in {regions}. A removal by TTL in another Region looks like a user's "
            "there: archive in one Region, or see [select] infer_replica_ttl.",
        )


def _print_columns(plan: InitPlan) -> None:
    attributes = plan.evidence.top_level()
    show.field("columns", f"{len(plan.columns)} of {show.plural(len(attributes), 'attribute')}")
    conflicts = [each for each in attributes if each.has_conflict]
    for each in conflicts[:_SHOWN]:
        types = ", ".join(
            f"{kind} {percentage(count, each.count)}" for kind, count in each.types.most_common()
        )
        show.field("types differ", f"{each.path[0]}: {types}. Its column is {_type_of(plan, each)}.")
    for group in plan.evidence.alike()[:_SHOWN]:
        names = ", ".join(f"{_described(plan, each)}" for each in group)
        show.field("similar names", f"{names}. If one was renamed: coalesce() in SQL joins the columns.")
    if plan.evidence.untracked:
        show.field("not counted", f"Attributes beyond the first {MAX_PATHS:,} were not followed.")


def _described(plan: InitPlan, evidence: AttributeEvidence) -> str:
    column = _column_of(plan, evidence)
    named = f", column {column}" if column else ""
    return f"{evidence.path[0]} ({percentage(evidence.count, plan.evidence.items)}{named})"


def _type_of(plan: InitPlan, evidence: AttributeEvidence) -> str:
    types = (each.column.type for each in plan.columns if each.column.path == evidence.path)
    return next(types, "not declared")


def _column_of(plan: InitPlan, evidence: AttributeEvidence) -> str | None:
    return next((each.column.name for each in plan.columns if each.column.path == evidence.path), None)


def _print_refusals(plan: InitPlan) -> None:
    before, now = plan.without_columns, plan.trial
    for label, trial in (("without columns", before), ("with this file", now)):
        forecast = trial.forecast
        if not forecast.items:
            continue
        refused = percentage(forecast.refused_items, forecast.items) if forecast.refused_items else "none"
        show.field(
            label,
            f"the transform would refuse {refused} of the items"
            + (f" ({forecast.refused_items:,})" if forecast.refused_items else ""),
        )
        for (code, attributes), count in forecast.refused.most_common(_SHOWN):
            show.field("", f"{count:,} × {code}{f': {attributes}' if attributes else ''}")
    if now.forecast.items:
        rows = show.plural(now.expiring_rows, "row")
        show.field("", f"{now.expiring:,} of the items will expire, and become {rows}")
    if now.forecast.codes[OVERSIZED_ROW]:
        show.field("", "A row that is too large fails and stays under errors/; replay delivers it.")


def _print_sizes(plan: InitPlan) -> None:
    sizes, forecast = plan.evidence.sizes, plan.trial.forecast
    if not plan.evidence.items:
        return
    average = sizes.total // plan.evidence.items
    show.field(
        "sizes",
        f"items {show.size(average)} on average, {show.size(sizes.largest)} at most (DynamoDB allows "
        f"{show.size(MAX_ITEM_BYTES)}); change records "
        f"{show.size(forecast.record_bytes // max(1, forecast.items))} on average",
    )
    if sizes.over_limit:
        show.field("too large", f"DynamoDB would not hold {show.plural(sizes.over_limit, 'item')}.")
    if forecast.skipped:
        show.field(
            "too large",
            f"{show.plural(forecast.skipped, 'change record')} would exceed max_record_kib of the data "
            "stream, and DynamoDB would skip them.",
        )


def _print_cost(plan: InitPlan) -> None:
    road, answers = plan.road, plan.answers
    for source, cost in road.compared.by_source.items():
        text = f"{source}: ${cost.total:,.2f} a month; it {road.compared.survives[source]}"
        show.field("road", text)
    chosen = road.compared.reason if road.source == road.compared.recommended else f"{road.source}, as chosen"
    show.field("", f"→ {chosen}")
    show.field(
        "cost",
        f"about ${road.cost.total:,.2f} a month for {answers.expiries:,} expiries a month with "
        f"{show.plural(answers.writes_per_item, 'write')} each, after a year of rows; list prices of "
        "us-east-1, without queries",
    )
    for part, usd in {**road.cost.parts, "S3, a year of rows": road.cost.stored}.items():
        show.field("", f"${usd:,.2f}  {part}")


def plan_document(plan: InitPlan, store: SampleStore, written: Path | None) -> dict[str, Any]:
    """Return the plan for --json. It has names and counts, and no value of an item."""
    road = plan.road
    return {
        "table": plan.answers.table,
        "written": str(written) if written else None,
        "read": {"place": store.place, "items": store.count, "of": store.total, "is_all": store.is_all},
        "ttl": {
            "attribute": plan.ttl.attribute,
            "items": {str(kind): count for kind, count in plan.ttl.counts.items()},
        },
        "attributes": [
            {
                "path": list(each.path),
                "items": each.count,
                "types": dict(each.types),
                "has_conflict": each.has_conflict,
                "column": _column_of(plan, each),
            }
            for each in plan.evidence.attributes.values()
        ],
        "similar_names": [[each.path[0] for each in group] for group in plan.evidence.alike()],
        "without_columns": trial_document(plan.without_columns),
        "with_configuration": trial_document(plan.trial),
        "largest_item_bytes": plan.evidence.sizes.largest,
        "road": {
            "source": road.source,
            "recommended": road.compared.recommended,
            "reason": road.compared.reason,
            "usd_a_month": {name: f"{cost.total:.2f}" for name, cost in road.compared.by_source.items()},
            "stream_mode": "provisioned" if road.compared.by_shards else "on-demand",
            "shards": road.compared.shards,
            "objects_a_month": road.compared.objects.count,
            "object_bytes": road.compared.objects.size_bytes,
        },
        "usd_a_month": {
            **{part: f"{usd:.2f}" for part, usd in road.cost.parts.items()},
            "S3, a year of rows": f"{road.cost.stored:.2f}",
            "total": f"{road.cost.total:.2f}",
        },
        "config": plan.text,
    }


def trial_document(trial: Trial) -> dict[str, Any]:
    """Return what the transform makes of the items, for --json; `expiring` are those that TTL will remove."""
    forecast = trial.forecast
    return {
        "items": forecast.items,
        "rows": forecast.rows,
        "refused": [
            {"code": code, "attributes": attributes, "items": count}
            for (code, attributes), count in forecast.refused.most_common()
        ],
        "skipped": forecast.skipped,
        "expiring": trial.expiring,
        "expiring_rows": trial.expiring_rows,
        "expiring_refused": trial.expiring_refused,
    }
