"""Every cost in a document is a price of prices.toml, or computed from them."""

import re
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

from tests.infra.test_alarms import ALWAYS, KINESIS
from ttl_archive import infra
from ttl_archive.infra.advise.size_tables import size_tables
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.prices import figures, prices
from ttl_archive.transform import metrics
from ttl_archive.transform.setting_rules import rules_of

ROOT = Path(infra.__file__).resolve().parent.parent
README = (ROOT / "infra" / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [
    file
    for pattern in ("*.md", "infra/**/*.md", "replay/*.md")
    for file in sorted(ROOT.glob(pattern))
    if file.name != "CHANGELOG.md"
]


def computed() -> dict[str, str]:
    limit = rules_of(Deploy)["scan_limit_gb"].default
    return figures(
        metrics=len(metrics.BatchTally().metrics()), alarms=len(ALWAYS | KINESIS), scan_limit_gb=limit
    )


def costs_by_size() -> list[str]:
    """Return the amounts of the tables that `ttl-archive advise --sizes` prints."""
    return [cell for table in size_tables() for line in table for cell in line if cell.startswith("$")]


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_cost_in_a_document_is_known(file: Path) -> None:
    known = {Decimal(text.lstrip("$")) for text in computed().values() if text.startswith("$")}
    known |= set(prices().values())
    known |= {Decimal(re.sub("[$,]", "", cell)) for cell in costs_by_size()}
    stated = re.findall(r"\$(\d[\d,]*(?:\.\d+)?)", file.read_text(encoding="utf-8"))

    assert [amount for amount in stated if Decimal(amount.replace(",", "")) not in known] == []


def test_the_costs_of_an_idle_archive_are_in_the_readme() -> None:
    found = computed()

    for name in found:
        if name != "shard, a month":
            assert found[name] in README, name


def test_the_figures() -> None:
    """Computed by hand from the prices of 2024-07-01."""
    found = figures(metrics=13, alarms=13, scan_limit_gb=100)

    assert found["on-demand stream, a month"] == "$29.20"
    assert found["shard with 7 days' retention, a month"] == "$25.55"
    assert found["CloudWatch, a month"] == "$5.20"
    assert found["query at the scan limit"] == "$0.49"
    assert found["small object, saved a month"] == "$0.0000016"
    assert found["small object, moved"] == "$0.00003"
    assert found["small object, months until it pays"] == "19 months"


def test_every_price_has_its_source_and_date() -> None:
    document = tomllib.loads((ROOT / "infra" / "prices.toml").read_text(encoding="utf-8"))

    assert document.pop("region") == "us-east-1"
    for name, entry in document.items():
        assert set(entry) == {"usd", "source", "date"}, name
        assert Decimal(entry["usd"]) > 0
        assert re.fullmatch(r"\d{4}-\d\d-\d\d|undated", entry["date"])
        assert entry["date"] != "undated" or "UNVERIFIED" in entry["source"]
