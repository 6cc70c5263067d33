"""Recorded change records and the exact bytes that each configuration makes of them."""

import json
from pathlib import Path

import pytest

from tests.transform import opencsv
from tests.transform.builders import Result, event, run
from ttl_archive.transform.settings import load

EVENTS = Path(__file__).parents[1] / "events"
GOLDEN = Path(__file__).parents[1] / "golden"
INPUTS = sorted(EVENTS.glob("*.json"))
CASES = sorted(GOLDEN.glob("*.toml"))


def delivered(case: Path) -> Result:
    return run(event(*(path.read_bytes() for path in INPUTS)), load(case))


def expected(case: Path) -> Path:
    (file,) = (path for path in GOLDEN.glob(f"{case.stem}.*") if path.suffix in (".jsonl", ".csv"))
    return file


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_the_rows_are_those_of_the_golden_file_to_the_byte(case: Path) -> None:
    assert b"".join(delivered(case).lines) == expected(case).read_bytes()


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_the_outcomes_are_those_of_the_golden_file(case: Path) -> None:
    result = delivered(case)
    rules = {"Dropped": "dropped", "Ok": "delivered", "ProcessingFailed": "failed"}
    codes = {failure["recordId"]: failure["code"] for failure in result.log.get("failures", [])}
    found = {
        path.name: " ".join([rules[record["result"]], codes.get(record["recordId"], "")]).strip()
        for path, record in zip(INPUTS, result.records, strict=True)
    }

    assert found == json.loads((GOLDEN / f"{case.stem}.outcomes.json").read_text(encoding="utf-8"))


def test_every_input_is_delivered_by_some_configuration_but_the_poison() -> None:
    kept = {
        name
        for path in GOLDEN.glob("*.outcomes.json")
        for name, outcome in json.loads(path.read_text(encoding="utf-8")).items()
        if outcome == "delivered"
    }

    assert kept == {path.name for path in INPUTS} - {"made-poison-number.json"}


def test_every_input_has_its_provenance() -> None:
    told = (EVENTS / "README.md").read_text(encoding="utf-8")

    assert all(f"`{path.name}`" in told for path in INPUTS)


@pytest.mark.parametrize("case", [case for case in CASES if "csv" in case.stem], ids=lambda path: path.stem)
def test_every_golden_csv_row_has_the_columns_of_its_configuration(case: Path) -> None:
    columns = load(case).row_columns

    rows = opencsv.read(expected(case).read_bytes().decode(), len(columns) + 1)

    assert all(cell is not None for row in rows for cell in row[:-1])
    assert all(row[-1] is None for row in rows)
