"""What check-config says about SQL."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.infra.sql.sql_archive import SHAPES, settings
from ttl_archive.infra.cli import cli
from ttl_archive.infra.sql.config_warnings import config_warnings


def subjects(shape: str, *keys: str, parquet: bool = False) -> list[str]:
    """The keys that the warnings are about."""
    found = config_warnings(settings(shape, [{"name": "id"}], *keys), parquet=parquet)
    return [text.split(":")[0] for text in found]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("jsonl", []),
        ("csv", []),
        ("csv with image", []),
        ("jsonl without image", ["[output] image is false"]),
        ("envelope", ['[output] row is "envelope"']),
        ("envelope without image", ['[output] row is "envelope"']),
    ],
)
def test_only_what_is_given_up_is_warned_of(shape: str, expected: list[str]) -> None:
    assert subjects(shape, "id") == expected


def test_parquet_says_what_does_not_read_it() -> None:
    assert subjects("jsonl", "id", parquet=True) == ["[deploy] parquet is true"]
    assert "[deploy] parquet is true and [output] image is false" in subjects(
        "jsonl without image", "id", parquet=True
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_the_missing_key_is_warned_of_where_no_column_has_it(shape: str) -> None:
    assert ("[table] keys is not given" in subjects(shape)) == ("envelope" not in shape)


def test_check_config_prints_them_beside_the_configuration(tmp_path: Path) -> None:
    file = tmp_path / "archive.toml"
    file.write_text(
        '[table]\nname = "devices"\nttl_attribute = "ttl"\nkeys = ["id"]\n[output]\nimage = false\n'
    )
    result = CliRunner().invoke(cli, ["check-config", "--config", str(file)])

    assert result.exit_code == 0
    assert result.stdout.startswith("[table]")
    assert result.stderr.startswith("Warning: [output] image is false: ")
    assert result.stderr.endswith(" Set image = true to have every value exact.\n")
