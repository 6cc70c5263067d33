"""archive.toml: every key wrong in every way, and the message names file, key, value and what is allowed."""

from dataclasses import FrozenInstanceError, dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from ttl_archive.transform.errors import ArchiveError, SettingsError
from ttl_archive.transform.setting_rules import read_section, setting
from ttl_archive.transform.settings import CONFIG_VARIABLE, Column, load, parse

TABLE = '[table]\nname = "devices"\nttl_attribute = "ttl"\n'
CSV = TABLE + '[output]\nformat = "csv"\n'


def column(name: str, path: str) -> str:
    return f'[[columns]]\nname = "{name}"\npath = "{path}"\n'


def write(folder: Path, text: str | bytes) -> Path:
    file = folder / "archive.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


@pytest.fixture
def problems(tmp_path: Path) -> Any:
    """A function that loads a text which must be refused, and returns its problems."""

    def refused(text: str | bytes) -> list[str]:
        file = write(tmp_path, text)
        with pytest.raises(SettingsError) as caught:
            load(file)
        assert caught.value.file == str(file)
        assert str(caught.value).splitlines()[0].startswith(f"{file}: ")
        assert isinstance(caught.value, ArchiveError)
        return caught.value.problems

    return refused


def test_the_smallest_file_has_every_default(tmp_path: Path) -> None:
    found = load(write(tmp_path, TABLE))

    assert (found.table.name, found.table.ttl_attribute) == ("devices", "ttl")
    assert (found.select.changes, found.select.infer_replica_ttl) == ("ttl-removals", False)
    output = found.output
    assert (output.format, output.row, output.nested, output.image) == ("jsonl", "flat", "keep", True)
    assert (output.partition_by, output.overflow, output.date_column) == ("arrival", "reingest", "dt")
    assert found.columns == ()


def test_key_attributes_are_at_most_two_names_that_differ(tmp_path: Path, problems: Any) -> None:
    for text, keys in {"[]": (), '["a"]': ("a",), '["a", "b.c"]': ("a", "b.c")}.items():
        assert load(write(tmp_path, f"{TABLE}keys = {text}\n")).table.keys == keys

    for text in ('["a", "a"]', '["a", "b", "c"]', '[""]', "[1]", '"a"'):
        (problem,) = problems(f"{TABLE}keys = {text}\n")
        assert problem.startswith("[table] keys has value ")
        assert problem.endswith(" It must be a list of one or two key attributes' names")


def test_the_image_is_off_by_default_in_csv(tmp_path: Path) -> None:
    found = load(write(tmp_path, CSV + '[[columns]]\nname = "id"\n'))

    assert not found.output.image
    assert found.columns == (Column("id", ("id",), "string"),)


@pytest.mark.parametrize("image", ["true", "false"])
def test_the_image_setting_is_obeyed(tmp_path: Path, image: str) -> None:
    text = CSV + f'image = {image}\n[[columns]]\nname = "id"\n'

    assert load(write(tmp_path, text)).output.image is (image == "true")


def test_settings_are_frozen(tmp_path: Path) -> None:
    found = load(write(tmp_path, TABLE))

    with pytest.raises(FrozenInstanceError):
        found.table.name = "other"  # type: ignore[misc]


CHANGES = 'one of "ttl-removals", "removals", "all", "all-but-ttl-removals"'
NAME = "lower-case letters, digits and '_', not starting with 'ddb_' or a digit"
TYPE = "string, bigint, double, boolean, timestamp, json or decimal(p,s) with p from 1 to 38"
LETTERS = "3 to 255 letters, digits, '_', '-' or '.'"


@pytest.mark.parametrize(
    ("section", "key", "value", "shown", "allowed"),
    [
        ("table", "name", '"ab"', '"ab"', LETTERS),
        ("table", "name", '""', '""', LETTERS),
        ("table", "name", '"my table"', '"my table"', LETTERS),
        ("table", "name", '"gerät"', '"gerät"', LETTERS),
        ("table", "name", '"devices\\n"', '"devices\n"', LETTERS),
        ("table", "name", '"%s"' % ("x" * 256), '"%s"' % ("x" * 256), LETTERS),
        ("table", "name", "5", "5", LETTERS),
        ("table", "name", '["a"]', "['a']", LETTERS),
        ("table", "ttl_attribute", '""', '""', "the name of the table's TTL attribute"),
        ("table", "ttl_attribute", "true", "true", "the name of the table's TTL attribute"),
        ("select", "changes", '"TTL-removals"', '"TTL-removals"', CHANGES),
        ("select", "changes", '""', '""', CHANGES),
        ("select", "changes", "false", "false", CHANGES),
        ("select", "changes", '["all"]', "['all']", CHANGES),
        ("select", "infer_replica_ttl", '"true"', '"true"', "true or false"),
        ("select", "infer_replica_ttl", "1", "1", "true or false"),
        ("output", "format", '"parquet"', '"parquet"', 'one of "jsonl", "csv"'),
        ("output", "format", '"JSONL"', '"JSONL"', 'one of "jsonl", "csv"'),
        ("output", "format", "1.5", "1.5", 'one of "jsonl", "csv"'),
        ("output", "row", '"wide"', '"wide"', 'one of "flat", "envelope"'),
        ("output", "row", "{}", "{}", 'one of "flat", "envelope"'),
        ("output", "nested", '"drop"', '"drop"', 'one of "keep", "flatten"'),
        ("output", "nested", "0", "0", 'one of "keep", "flatten"'),
        ("output", "image", '"false"', '"false"', "true or false"),
        ("output", "image", "0", "0", "true or false"),
        ("output", "partition_by", '"day"', '"day"', 'one of "arrival", "event"'),
        ("output", "partition_by", "true", "true", 'one of "arrival", "event"'),
        ("output", "overflow", '"drop"', '"drop"', 'one of "reingest", "fail"'),
        ("output", "overflow", "false", "false", 'one of "reingest", "fail"'),
        ("output", "date_column", '"DT"', '"DT"', NAME),
        ("output", "date_column", '"ddb_date"', '"ddb_date"', NAME),
        ("output", "date_column", '"1st"', '"1st"', NAME),
        ("output", "date_column", '""', '""', NAME),
        ("output", "date_column", "2026-01-01", "datetime.date(2026, 1, 1)", NAME),
    ],
)
def test_a_wrong_value_is_named_with_its_key_and_what_is_allowed(
    problems: Any, section: str, key: str, value: str, shown: str, allowed: str
) -> None:
    sections = {"table": {"name": '"devices"', "ttl_attribute": '"ttl"'}, "select": {}, "output": {}}
    sections[section][key] = value
    text = "".join(
        f"[{name}]\n" + "".join(f"{k} = {v}\n" for k, v in keys.items()) for name, keys in sections.items()
    )

    assert problems(text) == [f"[{section}] {key} has value {shown}. It must be {allowed}"]


@pytest.mark.parametrize(
    ("key", "value", "shown", "allowed"),
    [
        ("name", '"Device"', '"Device"', NAME),
        ("name", '"a-b"', '"a-b"', NAME),
        ("name", '"ddb_x"', '"ddb_x"', NAME),
        ("name", '"9a"', '"9a"', NAME),
        ("name", '"%s"' % ("x" * 256), '"%s"' % ("x" * 256), NAME),
        ("name", "5", "5", NAME),
        ("type", '"int"', '"int"', TYPE),
        ("type", '"String"', '"String"', TYPE),
        ("type", '"decimal"', '"decimal"', TYPE),
        ("type", '"decimal(39,0)"', '"decimal(39,0)"', TYPE),
        ("type", '"decimal(0,0)"', '"decimal(0,0)"', TYPE),
        ("type", '"decimal(5)"', '"decimal(5)"', TYPE),
        ("type", "5", "5", TYPE),
    ],
)
def test_a_wrong_column_is_named_with_its_number(
    problems: Any, key: str, value: str, shown: str, allowed: str
) -> None:
    column = {"name": '"good"', "path": '"p"'} | {key: value}
    text = (
        TABLE
        + '[[columns]]\nname = "first"\n[[columns]]\n'
        + "".join(f"{k} = {v}\n" for k, v in column.items())
    )

    assert problems(text) == [f"[[columns]] 2 {key} has value {shown}. It must be {allowed}"]


@pytest.mark.parametrize(
    "path", ['""', '"."', '"a."', '".a"', '"a..b"', "5", "[]", '[""]', '["a", 1]', "true", "{}"]
)
def test_an_invalid_path_is_reported(problems: Any, path: str) -> None:
    (problem,) = problems(TABLE + f'[[columns]]\nname = "x"\npath = {path}\n')

    assert problem.startswith("[[columns]] 1 path has value ")
    assert problem.endswith(
        'It must be names joined by dots ("a.b"), or a list of names (["a.b", "c"]) where a name has a dot'
    )


@pytest.mark.parametrize("kind", ["decimal(1,0)", "decimal(38,38)", "decimal(10,2)", "json", "timestamp"])
def test_the_column_types_of_athena_are_accepted(kind: str) -> None:
    document = {
        "table": {"name": "devices", "ttl_attribute": "ttl"},
        "columns": [{"name": "x", "type": kind}],
    }

    assert parse(document).columns[0].type == kind


def test_a_scale_over_the_precision_is_reported(problems: Any) -> None:
    text = TABLE + '[[columns]]\nname = "x"\ntype = "decimal(2,3)"\n'

    assert problems(text) == [
        '[[columns]] 1 type has value "decimal(2,3)". The scale must not exceed the precision'
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "[table] name is missing"),
        ('[table]\nname = "devices"\n', "[table] ttl_attribute is missing. It must be the name of"),
        ('[table]\nttl_attribute = "ttl"\n', "[table] name is missing. It must be 3 to 255 letters"),
        (TABLE + "[[columns]]\n", "[[columns]] 1 name is missing. It must be lower-case"),
        (TABLE + '[[columns]]\npath = "a"\n', "[[columns]] 1 name is missing. It must be lower-case"),
        (
            TABLE + "[outptu]\n",
            '"outptu" is not a section. Did you mean "output"? Known: table, select, output, columns',
        ),
        (
            TABLE + '[[columns]]\nname = "a"\npathh = "b"\n',
            '"pathh" is not a key of [[columns]] 1. Did you mean "path"? Known: name, path, type',
        ),
        (TABLE + "[x]\n", '"x" is not a section. Known: table, select, output, columns'),
        (
            TABLE + '[output]\nformatt = "csv"\n',
            '"formatt" is not a key of [output]. Did you mean "format"? Known: format, row',
        ),
        (TABLE + "[select]\nx = 1\n", '"x" is not a key of [select]. Known: changes, infer_replica_ttl'),
        (TABLE + '[[columns]]\nname = "x"\npaht = "y"\n', '"paht" is not a key of [[columns]] 1'),
        ('output = "csv"\n' + TABLE, '[output] has value "csv". It must be a section with format, row'),
        ('table = "devices"\n', '[table] has value "devices". It must be a section with name, ttl_attribute'),
        ("table = []\n", "[table] has value []. It must be a section"),
        ('columns = "x"\n' + TABLE, 'columns has value "x". Write each of them as a [[columns]] entry'),
        ('columns = ["x"]\n' + TABLE, "columns has value ['x']. Write each of them as a [[columns]] entry"),
        (
            TABLE + '[columns]\nname = "x"\n',
            "columns has value {'name': 'x'}. Write each of them as a [[columns]] entry",
        ),
        (CSV, '[output] format is "csv" without [[columns]]. CSV needs at least one'),
        (
            CSV + 'row = "envelope"\n[[columns]]\nname = "x"\n',
            '[output] row is "envelope" and format is "csv"',
        ),
        (
            TABLE + '[output]\nrow = "envelope"\n[[columns]]\nname = "x"\n',
            "[[columns]] are not allowed with [output] row",
        ),
        (
            TABLE + '[output]\nrow = "envelope"\nnested = "flatten"\n',
            '[output] nested is "flatten" and row is "envelope"',
        ),
        (
            TABLE + '[[columns]]\nname = "dt"\n',
            '[output] date_column has value "dt", the name of another column',
        ),
        (
            TABLE + '[output]\nrow = "envelope"\ndate_column = "keys"\n',
            '[output] date_column has value "keys"',
        ),
        (
            TABLE + column("x", "x") + column("x", "y"),
            '[[columns]] name "x" is a duplicate. Rename one of the columns',
        ),
        (TABLE + column("x", "p") + column("y", "p"), '[[columns]] path "p" is the same'),
        (
            TABLE + column("x", "p.q") + column("y", "p"),
            'path "p.q" is the same as, or lies inside, path "p"',
        ),
    ],
)
def test_each_other_mistake_is_reported(problems: Any, text: str, problem: str) -> None:
    assert any(problem in found for found in problems(text))


@pytest.mark.parametrize(("first", "second"), [("p", "p.q"), ("p.q", "p"), ("p.q", "p.q.r.s")])
def test_an_overlap_is_reported_whichever_path_comes_first(problems: Any, first: str, second: str) -> None:
    (problem,) = problems(TABLE + column("x", first) + column("y", second))

    assert problem.endswith("A value can have one column only")


def test_paths_that_only_look_alike_do_not_overlap() -> None:
    columns = [{"name": "x", "path": "ab"}, {"name": "y", "path": "a.b"}, {"name": "z", "path": ["a.b"]}]

    found = parse({"table": {"name": "devices", "ttl_attribute": "ttl"}, "columns": columns})

    assert [column.path for column in found.columns] == [("ab",), ("a", "b"), ("a.b",)]


def test_all_problems_are_reported_at_once(problems: Any) -> None:
    text = """
        [table]
        name = "x"
        [select]
        changes = "some"
        [output]
        format = "csv"
        row = "envelope"
        imgae = true
        [[columns]]
        name = "Bad"
        [[columns]]
        name = "good"
        type = "text"
        path = ""
    """

    found = problems(text)

    for part in (
        "[table] name",
        "ttl_attribute is missing",
        "changes",
        '"imgae"',
        "[[columns]] 1 name",
        "2 type",
        "2 path",
        "envelope",
    ):
        assert any(part in problem for problem in found), part


def test_every_line_of_the_message_names_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, "")

    with pytest.raises(SettingsError) as caught:
        load(file)

    assert [line.partition(": ")[0] for line in str(caught.value).splitlines()] == [str(file)] * 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"\xff\xfe", "not TOML: 'utf-8' codec can't decode byte 0xff"),
        (b'[table]\nname = "\xed\xa0\x80"\n', "not TOML: 'utf-8' codec"),
        (b"[table", "not TOML: "),
        (b"name = \n", "not TOML: "),
        (TABLE.encode() + TABLE.encode(), "not TOML: "),
        (b'{"table": {}}', "not TOML: "),
        (b"\x00", "not TOML: "),
    ],
)
def test_a_file_that_is_not_toml_is_reported(problems: Any, text: bytes, problem: str) -> None:
    (found,) = problems(text)

    assert found.startswith(problem)


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    assert load(write(tmp_path, b"\xef\xbb\xbf" + TABLE.encode())).table.name == "devices"


@dataclass(frozen=True, slots=True)
class Report:
    """A section that another room declares."""

    name: str = setting(pattern="[a-z]+", expected="lower-case letters")
    days: int = setting(30, allowed=(7, 30))
    rows: int = setting(10, least=1, most=100)
    prefix: str | None = setting(None, pattern="[a-z]+/", expected="lower-case letters and a slash")
    color: Literal["red", "blue"] = setting("red")
    quiet: bool = setting(False)


def mistakes_of(deploy: Any, declared: Any) -> list[str]:
    document = {"table": {"name": "devices"}, "deploy": deploy}
    with pytest.raises(SettingsError) as caught:
        parse(document, also={"deploy": declared})
    missing, *others = caught.value.problems
    assert missing.startswith("[table] ttl_attribute is missing")
    return others


def test_mistakes_in_the_sections_of_other_rooms_are_reported_with_all_others() -> None:
    section = {"days": 8, "rows": 0, "prefix": "x", "color": "green", "quiet": 1, "pefix": "x/"}

    assert mistakes_of(section, Report) == [
        '"pefix" is not a key of [deploy]. Did you mean "prefix"? '
        "Known: name, days, rows, prefix, color, quiet",
        "[deploy] name is missing. It must be lower-case letters",
        "[deploy] days has value 8. It must be one of 7, 30",
        "[deploy] rows has value 0. It must be a whole number from 1 to 100",
        '[deploy] prefix has value "x". It must be lower-case letters and a slash',
        '[deploy] color has value "green". It must be one of "red", "blue"',
        "[deploy] quiet has value 1. It must be true or false",
    ]
    assert mistakes_of("x", Report) == [
        '[deploy] has value "x". It must be a section with name, days, rows, prefix, color, quiet'
    ]


def test_an_array_of_tables_of_another_room_is_checked_entry_by_entry() -> None:
    assert mistakes_of([{"name": "a"}, {"name": "B"}], list[Report]) == [
        '[[deploy]] 2 name has value "B". It must be lower-case letters'
    ]
    assert mistakes_of({"name": "a"}, list[Report]) == [
        "deploy has value {'name': 'a'}. Write each of them as a [[deploy]] entry"
    ]


@pytest.mark.parametrize("value", [True, 7.0, "7", None])
def test_a_number_of_another_type_is_refused(value: Any) -> None:
    """True equals 1 and 7.0 equals 7 in Python, but neither is what the file must say."""
    problems: list[str] = []
    found = read_section(Report, "[x]", {"name": "a", "days": value, "rows": value}, problems)

    assert len(problems) == (0 if value is None else 2)
    assert value is not None or (found.days, found.rows) == (30, 10)


def test_a_section_of_another_room_is_kept_as_it_is_and_not_checked(tmp_path: Path) -> None:
    found = load(write(tmp_path, TABLE + "[deploy]\nx = 1\n"))

    assert found.sections == {"deploy": {"x": 1}}
    assert hash(found) == hash(load(write(tmp_path, TABLE)))


def test_a_missing_file_is_reported_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "archive.toml"

    with pytest.raises(
        SettingsError, match=r"no such file\. Write one, or let TTL_ARCHIVE_CONFIG name it"
    ) as caught:
        load(file)

    assert str(caught.value).startswith(f"{file}: ")


def test_a_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        load(tmp_path)


def test_a_file_below_a_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: Not a directory"):
        load(write(tmp_path, TABLE) / "archive.toml")


def test_the_variable_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONFIG_VARIABLE, str(write(tmp_path, TABLE)))

    assert load().table.name == "devices"


@pytest.mark.parametrize("variable", ["", None])
def test_without_the_variable_the_task_root_and_then_the_folder_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str | None
) -> None:
    monkeypatch.delenv(CONFIG_VARIABLE, raising=False)
    if variable is not None:
        monkeypatch.setenv(CONFIG_VARIABLE, variable)
    monkeypatch.delenv("LAMBDA_TASK_ROOT", raising=False)
    write(tmp_path, TABLE)

    monkeypatch.chdir(tmp_path)
    assert load().file == "archive.toml"
    monkeypatch.chdir("/")
    monkeypatch.setenv("LAMBDA_TASK_ROOT", str(tmp_path))
    assert load().file == str(tmp_path / "archive.toml")


def test_an_argument_takes_precedence_over_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CONFIG_VARIABLE, "/nowhere")

    assert load(write(tmp_path, TABLE)).table.name == "devices"
