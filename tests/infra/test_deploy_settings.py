"""[deploy] in archive.toml: defaults, what is refused, and in which words."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.infra.stacks import COLUMNS, KEY_ARN, settings_of
from ttl_archive.infra import deploy_settings
from ttl_archive.infra.deploy_settings import Deploy, parse
from ttl_archive.transform.errors import SettingsError
from ttl_archive.transform.setting_rules import rules_of
from ttl_archive.transform.settings import Settings, load
from ttl_archive.transform.settings import parse as parse_settings

DEPLOY = rules_of(Deploy)
NUMBERS = [name for name, key in DEPLOY.items() if key.least is not None]


def settings(table: str = "DeviceData", **output: Any) -> Settings:
    columns = [{"name": "device_id"}] if output.get("row") != "envelope" else []
    return parse_settings(
        {"table": {"name": table, "ttl_attribute": "ttl"}, "output": output, "columns": columns}
    )


def problems(section: dict[str, Any], **output: Any) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        parse(section, settings(**output))
    return raised.value.problems


def test_an_empty_section_is_valid() -> None:
    assert parse({}, settings()).table == "existing"


def test_names_are_made_from_the_table() -> None:
    found = parse({}, settings("My.Device_Data-2"))

    assert (found.stack_name, found.database) == (
        "ttl-archive-My-Device-Data-2",
        "ttl_archive_my_device_data_2",
    )


def test_the_record_size_holds_any_removal_unless_firehose_supports_less() -> None:
    assert parse({}, settings()).max_record_kib == 4096
    assert parse({}, settings(partition_by="event")).max_record_kib == 1024


def test_long_names_are_shortened_to_different_ones() -> None:
    first, second = (parse({}, settings("d" * 254 + last)) for last in "ab")

    assert first.stack_name != second.stack_name
    assert first.database != second.database
    assert (len(first.stack_name), len(first.database)) == (128, 255)


@given(st.from_regex(r"[a-zA-Z0-9_.-]{3,255}", fullmatch=True))
def test_the_names_made_from_any_table_are_legal(table: str) -> None:
    found = parse({}, settings(table))

    assert DEPLOY["stack_name"].value(found.stack_name) == found.stack_name
    assert DEPLOY["database"].value(found.database) == found.database


def test_the_section_is_read_from_the_file_of_the_settings(tmp_path: Path) -> None:
    file = tmp_path / "archive.toml"
    file.write_text(f'[table]\nname = "abc"\nttl_attribute = "t"\n[deploy]\nmemory_mb = 1024\n{COLUMNS}')

    assert deploy_settings.load(load(file)).memory_mb == 1024


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_beyond_its_bounds_is_refused_with_the_bounds(name: str) -> None:
    key = DEPLOY[name]
    assert key.least is not None
    assert key.most is not None

    for value in (key.least - 1, key.most + 1, str(key.least), True):
        (problem,) = problems({name: value})
        assert f"[deploy] {name} has value" in problem
        assert f"from {key.least} to {key.most}" in problem


@pytest.mark.parametrize("name", NUMBERS)
def test_the_default_of_a_number_is_within_its_bounds(name: str) -> None:
    default = DEPLOY[name].default
    assert default is None or DEPLOY[name].value(default) == default


@pytest.mark.parametrize("name", [name for name, key in DEPLOY.items() if key.allowed])
def test_an_unknown_choice_is_refused_with_the_choices(name: str) -> None:
    (problem,) = problems({name: "neither"})

    assert all(json.dumps(choice) in problem for choice in DEPLOY[name].allowed)


def test_log_retention_is_one_that_cloudwatch_allows() -> None:
    assert parse({"log_retention_days": 30}, settings()).log_retention_days == 30
    assert "one of 1, 3, 5" in problems({"log_retention_days": 31})[0]


def test_a_mistyped_key_is_reported_with_the_closest_key() -> None:
    assert 'Did you mean "memory_mb"?' in problems({"memory_md": 256})[0]


@pytest.mark.parametrize(
    ("section", "output", "message"),
    [
        ({"table": "create"}, {}, "without partition_key"),
        ({"partition_key": "id"}, {}, 'for table "create"'),
        ({"sort_key": "id"}, {}, 'for table "create"'),
        ({"shards": 2}, {}, 'Remove shards, or set stream_mode = "provisioned"'),
        ({"parquet": True, "buffer_mb": 63}, {}, "takes 64 and 60 at least"),
        ({"buffer_s": 59}, {"partition_by": "event"}, "takes 64 and 60 at least"),
        ({"parquet": True}, {"format": "csv", "image": True}, 'Use format "jsonl"'),
        ({"parquet": True}, {"image": False}, "set image = true"),
        ({"expire_years": 1, "glacier_days": 276}, {}, "GLACIER bills 90 days at least"),
        ({"expire_years": 1, "glacier_days": 186, "storage_class": "DEEP_ARCHIVE"}, {}, "bills 180 days"),
        ({"bucket": "shared", "object_lock": "compliance"}, {}, "which decides object_lock"),
        (
            {"bucket": "shared", "error_days": 5, "expire_years": 9},
            {},
            "which decides expire_years, error_days",
        ),
        ({"max_record_kib": 2048}, {"partition_by": "event"}, "set max_record_kib = 1024"),
        ({"max_record_kib": 4606}, {}, "use at most 4605"),
        ({"replica_key_arn": KEY_ARN}, {}, "Add replica_bucket_arn"),
        ({"kms_key_arn": KEY_ARN, "replica_bucket_arn": "arn:aws:s3:::b-c"}, {}, "add replica_key_arn"),
        ({"kms_previous_key_arns": ["alias/mine"]}, {}, "a list of ARNs of KMS keys"),
        ({"kms_previous_key_arns": KEY_ARN}, {}, "a list of ARNs of KMS keys"),
        ({"reader_account_ids": ["1"]}, {}, "account ids of 12 digits"),
        ({"tags": ["team"]}, {}, "a list of texts"),
        ({"bucket": "Not A Bucket"}, {}, "name of an existing bucket"),
        ({"kms_key_arn": "alias/mine"}, {}, "ARN of a KMS key"),
        ({"alarm_email": "nobody"}, {}, "e-mail address"),
        ({"stack_name": "1st"}, {}, "a letter, then"),
    ],
)
def test_contradicting_keys_are_refused(
    section: dict[str, Any], output: dict[str, Any], message: str
) -> None:
    (problem,) = problems(section, **output)

    assert message in problem
    assert problem.startswith("[deploy]")


def test_every_mistake_is_reported_at_once() -> None:
    assert len(problems({"memory_mb": 1, "table": "none", "nonsense": 1})) == 3


def test_mistakes_of_every_section_are_reported_at_once(tmp_path: Path) -> None:
    file = tmp_path / "archive.toml"
    file.write_text('[table]\nname = "abc"\n[deploy]\nmemory_mb = 1\nshads = 2\n')

    with pytest.raises(SettingsError) as raised:
        load(file, deploy_settings.SECTIONS)

    assert [problem.partition(" ")[0] for problem in raised.value.problems] == [
        "[table]",
        '"shads"',
        "[deploy]",
    ]


def test_every_case_of_the_matrix_is_valid() -> None:
    assert settings_of("defaults").table.name == "defaults"
