"""From a sample to a configuration: what `ttl-archive init` decides, as one value to print or to write."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ttl_archive.infra import deploy_settings
from ttl_archive.infra.evidence.attribute_evidence import SampleEvidence
from ttl_archive.infra.evidence.column_proposals import (
    ProposedColumn,
    propose_columns,
)
from ttl_archive.infra.evidence.config_text import ConfigChoices, config_text
from ttl_archive.infra.evidence.live_table import LiveTable
from ttl_archive.infra.evidence.road_choice import (
    AskSource,
    MonthlyRates,
    RoadChoice,
    choose_road,
    compare_roads,
)
from ttl_archive.infra.evidence.sample_store import SampleStore
from ttl_archive.infra.evidence.trials import Trial, try_items
from ttl_archive.infra.evidence.ttl_values import TtlEvidence, ttl_sentences
from ttl_archive.transform.settings import Settings, parse

DATE_COLUMN = "dt"


@dataclass(frozen=True, slots=True)
class InitAnswers:
    """What is known or was chosen: the table's names, the format, and the rates to estimate costs with.

    `expiries` are a month's; each item is written `writes_per_item` times before it expires. `source` is the
    road, None for the recommended one.
    """

    table: str
    ttl_attribute: str
    keys: Sequence[str]
    format: str
    expiries: int
    writes_per_item: int = 1
    max_columns: int = 100
    source: str | None = None


@dataclass(frozen=True, slots=True)
class InitPlan:
    """A configuration with its evidence. `text` is archive.toml, and `settings` what it loads as."""

    answers: InitAnswers
    live: LiveTable | None
    evidence: SampleEvidence
    ttl: TtlEvidence
    columns: Sequence[ProposedColumn]
    without_columns: Trial
    trial: Trial
    road: RoadChoice
    text: str
    settings: Settings


def plan_configuration(
    answers: InitAnswers,
    store: SampleStore,
    evidence: SampleEvidence,
    live: LiveTable | None,
    *,
    file: str,
    now: datetime,
    ask_source: AskSource | None = None,
) -> InitPlan:
    """Return the configuration that the sample leads to. `ask_source` chooses the road where nobody has.

    Raises SettingsError when it is not allowed, and MisuseError for a road that the table does not allow.
    """
    columns = propose_columns(
        evidence,
        date_column=DATE_COLUMN,
        ttl_attribute=answers.ttl_attribute,
        keys=answers.keys,
        max_columns=answers.max_columns,
    )
    ttl = TtlEvidence(answers.ttl_attribute, int(now.timestamp()))
    # What the columns resolve is seen against rows of JSON, because CSV is not allowed without a column.
    bare = parse(_bare_document(answers) | {"output": {}}, file)
    wanted = parse(_bare_document(answers) | {"columns": [_entry(each) for each in columns]}, file)
    without_columns, trial = try_items(store, [bare, wanted], ttl, now)
    monthly = MonthlyRates(answers.expiries, answers.writes_per_item)
    compared = compare_roads(monthly, trial.forecast, wanted, live)
    source = answers.source or (ask_source(compared) if ask_source else None)
    road = choose_road(compared, source)
    choices = ConfigChoices(
        table=answers.table,
        ttl_attribute=answers.ttl_attribute,
        keys=answers.keys,
        format=answers.format,
        columns=columns,
        items=evidence.items,
        origin=[f"Written by ttl-archive init on {now:%Y-%m-%d} from {store.extent()}."],
        about_ttl=ttl_sentences(ttl),
        deploy=road.deploy,
    )
    text = config_text(choices)
    settings = parse(tomllib.loads(text), file, deploy_settings.SECTIONS)
    deploy_settings.load(settings)
    return InitPlan(answers, live, evidence, ttl, columns, without_columns, trial, road, text, settings)


def _bare_document(answers: InitAnswers) -> dict[str, Any]:
    table = {"name": answers.table, "ttl_attribute": answers.ttl_attribute, "keys": list(answers.keys)}
    return {"table": table, "output": {"format": answers.format, "image": True}}


def _entry(proposed: ProposedColumn) -> dict[str, Any]:
    column = proposed.column
    return {"name": column.name, "path": list(column.path), "type": column.type}
