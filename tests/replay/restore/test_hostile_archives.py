"""Whatever an archived object holds: no error leaves the reader, and time and memory stay in bounds.

The folder `hostile` keeps every object that once stopped a reader; its names say what each holds. It grows.
"""

import gzip
import io
import json
import sys
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.replay.bucket import Bucket
from tests.replay.restore.archives import TABLE, archived, read, read_one, settings_with
from tests.replay.samples import BUCKET, SETTINGS, change
from ttl_archive.replay.gunzip import CHUNK_BYTES, DamagedGzipError, inflated
from ttl_archive.replay.items.attribute_values import for_boto3
from ttl_archive.replay.restore import item_files
from ttl_archive.replay.restore.archive_listing import find_archived
from ttl_archive.replay.restore.archived_rows import REASONS, ArchivedRow, BadLine, read_rows
from ttl_archive.replay.restore.item_extraction import ItemExtractor, StagedItem
from ttl_archive.replay.restore.row_lines import UnreadableLine, row_lines
from ttl_archive.replay.restore.row_selection import Selection
from ttl_archive.transform.convert import Row, converter
from ttl_archive.transform.formats import csv_line
from ttl_archive.transform.settings import Settings, parse

CORPUS = Path(__file__).parent / "hostile"
CSV = settings_with(format="csv", image=True, columns=[{"name": "device_id", "path": "deviceID"}])
ALL_SETTINGS = {
    "jsonl": settings_with(),
    "no-image": settings_with(image=False, columns=[{"name": "town", "path": "site.town"}]),
    "envelope": settings_with(image=False, row="envelope"),
    "csv": CSV,
}
GOOD = archived(SETTINGS, change(1))
WHERE = "n > 1 AND site.town LIKE '%a%b' OR ddb_event_time < '2026' OR deviceID IN ('d1', 5)"


def row(**members: Any) -> bytes:
    """A line that is a row but for these members."""
    return json.dumps({"ddb_event_us": 1, "ddb_event_name": "REMOVE"} | members).encode()


def image(text: str) -> bytes:
    return row(ddb_image=text)


# (name, line of JSONL, code)
LINES = [
    ("no-json", b"no json", "NotJson"),
    ("empty-line", b"", "NotJson"),
    ("not-utf8", b'{"ddb_event_us":1,"a":"\xff"}', "NotUtf8"),
    ("no-object", b"[]", "NotARow"),
    ("no-time", b"{}", "BadEventTime"),
    ("time-is-text", b'{"ddb_event_us":"1"}', "BadEventTime"),
    ("time-is-true", b'{"ddb_event_us":true}', "BadEventTime"),
    ("time-is-negative", b'{"ddb_event_us":-1}', "BadEventTime"),
    ("time-10-to-the-20", b'{"ddb_event_us":100000000000000000000}', "BadEventTime"),
    ("time-with-exponent", b'{"ddb_event_us":1E+9999999}', "BadNumber"),
    ("number-beyond-decimal", b'{"ddb_event_us":1,"n":1e99999999999999999999}', "BadNumber"),
    ("number-of-5000-digits", b'{"ddb_event_us":1,"n":1' + b"0" * 5_000 + b"}", "BadNumber"),
    ("levels-100000", b'{"ddb_event_us":1,"n":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "TooDeep"),
    ("levels-129", b'{"ddb_event_us":1,"n":' + b"[" * 128 + b"]" * 128 + b"}", "TooDeep"),
    ("lone-surrogate", b'{"ddb_event_us":1,"n":"\\ud800"}', "NotJson"),
    ("lone-surrogate-in-image", image('{"a":{"S":"\\ud800"}}'), "BadImage"),
    ("image-is-list", image("[]"), "BadImage"),
    ("image-is-number", row(ddb_image=5), "BadImage"),
    ("image-is-no-json", image("{"), "BadImage"),
    ("image-of-two-types", image('{"a":{"S":"x","N":"1"}}'), "BadImage"),
    ("image-of-no-type", image('{"a":{}}'), "BadImage"),
    ("image-of-unknown-type", image('{"a":{"X":"1"}}'), "BadImage"),
    ("image-value-is-text", image('{"a":"x"}'), "BadImage"),
    ("n-is-no-number", image('{"n":{"N":"abc"}}'), "BadImage"),
    ("n-has-a-large-exponent", image('{"n":{"N":"1e99999999999999999999"}}'), "BadImage"),
    ("n-is-a-json-number", image('{"n":{"N":1}}'), "BadImage"),
    ("b-is-no-base64", image('{"b":{"B":"%"}}'), "BadImage"),
    ("bs-is-no-list", image('{"b":{"BS":"QQ=="}}'), "BadImage"),
    ("bool-is-text", image('{"b":{"BOOL":"true"}}'), "BadImage"),
    ("m-is-list", image('{"m":{"M":[]}}'), "BadImage"),
    ("l-of-no-values", image('{"l":{"L":[1]}}'), "BadImage"),
    ("image-levels-100000", image('{"a":' + '{"L":[' * 100_000 + "]}" * 100_000 + "}"), "BadImage"),
    ("image-levels-40-lists", image('{"a":' + '{"L":[' * 70 + "]}" * 70 + "}"), "BadImage"),
]


def cells(*, us: str = "1", image: str = "", rest: str = "", device: str = "d1") -> bytes:
    """A line of CSV with these cells."""
    return csv_line(["DeviceData", "e1", "REMOVE", "t", us, "ttl", image, rest, device])[:-1]


# (name, line of CSV, code)
CSV_LINES = [
    ("not-utf8", cells().replace(b"e1", b"\xff"), "NotUtf8"),
    ("too-few-cells", b'"a","b"', "NotARow"),
    ("too-many-cells", cells() + b',"more"', "NotARow"),
    ("cell-without-end", cells()[:-1], "NotARow"),
    ("cell-ends-in-backslash", cells()[:-1] + b"\\", "NotARow"),
    ("time-is-empty", cells(us=""), "BadEventTime"),
    ("time-10-to-the-20", cells(us="1" + "0" * 20), "BadEventTime"),
    ("time-of-5000-digits", cells(us="1" * 5_000), "BadEventTime"),
    ("time-with-exponent", cells(us="1E+9999999"), "BadEventTime"),
    ("time-with-underscore", cells(us="1_0"), "BadEventTime"),
    ("time-in-other-digits", cells(us="\u0661"), "BadEventTime"),
    ("image-is-text", cells(image="d1"), "NotARow"),
    ("image-is-half", cells(image='{"a":{"S":'), "BadImage"),
    ("image-of-two-types", cells(image='{"a":{"S":"x","N":"1"}}'), "BadImage"),
    ("rest-is-half", cells(rest='{"a":'), "NotJson"),
    ("rest-with-a-huge-number", cells(rest='{"a":1e99999999999999999999}'), "BadNumber"),
    ("rest-levels-100000", cells(rest='{"a":' + "[" * 100_000 + "]" * 100_000 + "}"), "TooDeep"),
    ("rest-with-lone-surrogate", cells(rest='{"a":"\\udc00"}'), "NotJson"),
]


def write_corpus() -> None:
    """Write the corpus again from the lists above; run by hand after an addition, never by a test."""
    for name, line, _ in LINES:
        (CORPUS / f"{name}.jsonl.gz").write_bytes(gzip.compress(line + b"\n" + GOOD, mtime=0))
    for name, line, _ in CSV_LINES:
        body = line + b"\n" + archived(CSV, change(1))
        (CORPUS / f"{name}.csv.gz").write_bytes(gzip.compress(body, mtime=0))


def extract(key: str, body: bytes, settings: Settings, *, wants_items: bool, where: str = "") -> list[Any]:
    """Everything that restore takes of an object, on the way of the command."""
    bucket = Bucket()
    bucket.fill(key, body)
    (listed,) = find_archived(bucket, BUCKET, "", settings, Selection()).objects
    extractor = ItemExtractor(
        bucket, settings, Selection(where=where), wants_items=wants_items, keys=("deviceID",)
    )
    return list(extractor.rows(listed))


@pytest.mark.parametrize(("name", "line", "code"), LINES, ids=[name for name, _, _ in LINES])
def test_a_bad_line_is_named_and_the_next_one_is_restored(name: str, line: bytes, code: str) -> None:
    found = read(line + b"\n" + GOOD, SETTINGS)

    assert found[0] == BadLine(1, code)
    assert code in REASONS
    assert isinstance(found[1], ArchivedRow)
    assert (CORPUS / f"{name}.jsonl.gz").is_file(), "add it to the corpus: write_corpus()"


@pytest.mark.parametrize(("name", "line", "code"), CSV_LINES, ids=[name for name, _, _ in CSV_LINES])
def test_a_bad_line_of_csv_is_named_and_the_next_one_is_restored(name: str, line: bytes, code: str) -> None:
    found = read(line + b"\n" + archived(CSV, change(1)), CSV)

    assert found[0] == BadLine(1, code)
    assert code in REASONS
    assert isinstance(found[1], ArchivedRow)
    assert (CORPUS / f"{name}.csv.gz").is_file(), "add it to the corpus: write_corpus()"


@pytest.mark.parametrize("settings", ALL_SETTINGS.values(), ids=ALL_SETTINGS)
@pytest.mark.parametrize("wants_items", [False, True])
@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.gz")), ids=lambda path: path.name)
def test_no_object_of_the_corpus_stops_a_restore(path: Path, settings: Settings, wants_items: bool) -> None:
    for where in ("", WHERE):
        found = extract(path.name, path.read_bytes(), settings, wants_items=wants_items, where=where)

        lines = [each.line for each in found if isinstance(each, StagedItem)]
        assert len(lines) + sum(isinstance(each, BadLine) for each in found) <= 2
        write_everywhere(lines, settings, wants_items)


def write_everywhere(lines: list[str], settings: Settings, wants_items: bool) -> None:
    """Take staged lines the rest of the way: into every file, or up to the call of PutItem."""
    if wants_items:
        item_files.write_dynamodb_json(lines, io.StringIO())
        for line in lines:
            for_boto3(json.loads(line))
        return
    file = io.StringIO()
    item_files.write_jsonl(lines, file)
    item_files.write_csv(lines, file, settings.row_columns, guard=True)
    file.getvalue().encode()


json_texts = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=5),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["S", "N", "M", "L", "B", "BS", "deviceID"]), inner, max_size=3),
    ),
    max_leaves=8,
)
rows_of_anything = st.dictionaries(
    st.sampled_from(
        ["ddb_event_us", "ddb_image", "ddb_event_name", "deviceID", "n", "site", "new_image", "old_image"]
    ),
    st.one_of(json_texts, json_texts.map(json.dumps), st.integers(0, 10**16)),
    max_size=6,
).map(lambda members: json.dumps({"ddb_event_us": 1} | members).encode())
csv_lines = st.lists(st.one_of(st.text(max_size=6), json_texts.map(json.dumps)), max_size=4).map(
    lambda some: csv_line(["DeviceData", "e1", "REMOVE", "t", "1", "ttl", *some])
)


@pytest.mark.parametrize("settings", ALL_SETTINGS.values(), ids=ALL_SETTINGS)
@pytest.mark.parametrize("wants_items", [False, True])
@given(body=st.one_of(st.binary(max_size=200), rows_of_anything, csv_lines), packed=st.booleans())
@example(body=b'{"ddb_event_us":1,"n":-1e-99999999999999999999}', packed=False)
def test_no_bytes_stop_a_restore(settings: Settings, wants_items: bool, body: bytes, packed: bool) -> None:
    key = "x.csv" if settings is CSV else "x.jsonl"
    content = gzip.compress(body) if packed else body
    if not content:
        return

    found = extract(key, content, settings, wants_items=wants_items, where=WHERE)

    write_everywhere([each.line for each in found if isinstance(each, StagedItem)], settings, wants_items)


@given(st.binary(max_size=300), st.integers(0, 300), st.integers(0, 255))
def test_damaged_gzip_is_an_error_of_its_own_or_nothing(content: bytes, at: int, byte: int) -> None:
    packed = bytearray(gzip.compress(content))
    packed[min(at, len(packed) - 1)] = byte
    code = "none"
    try:
        b"".join(inflated([bytes(packed)]))
    except DamagedGzipError as error:
        code = error.code
    assert code in ("none", "DamagedGzip", "TruncatedGzip")


# --- giant legal items


def giant_values() -> dict[str, dict[str, Any]]:
    """The five attribute values of 400 KB that are largest as JSON, with the sizes that DynamoDB counts.

    An element of a list counts one byte more than its content: an empty string 1, a boolean, NULL and a
    number of one digit 2. Source: DynamoDB Developer Guide, item sizes and formats.
    """
    size = 400 * 1024
    return {
        "empty strings": {"L": [{"S": ""}] * size},
        "booleans": {"L": [{"BOOL": False}] * (size // 2)},
        "NULL": {"L": [{"NULL": True}] * (size // 2)},
        "numbers": {"L": [{"N": "1"}] * (size // 3)},
        "control characters": {"S": "\x01" * size},
    }


GIANTS = giant_values()


def giant_record(value: dict[str, Any]) -> bytes:
    """A change record whose two images each are an item of 400 KB."""
    record = json.loads(change(1, name="MODIFY", giant=value))
    record["dynamodb"]["OldImage"] = record["dynamodb"]["NewImage"]
    return json.dumps(record, separators=(",", ":")).encode()


@pytest.mark.parametrize("name", GIANTS)
@pytest.mark.parametrize(
    "output", [{}, {"row": "envelope"}, {"format": "csv"}], ids=["flat", "envelope", "csv"]
)
def test_the_largest_legal_rows_are_read_and_have_half_of_the_line_at_most(
    name: str, output: dict[str, Any]
) -> None:
    document = {"table": TABLE, "select": {"changes": "all"}, "output": output | {"image": True}}
    if "row" not in output:
        document["columns"] = [{"name": "device_id", "path": "deviceID"}]
    settings = parse(document)
    made = converter(settings)(giant_record(GIANTS[name]))
    assert isinstance(made, Row)

    (found,) = read_rows([gzip.compress(made.line)], settings, is_csv="format" in output)

    assert 2 * len(made.line) <= 16_777_216
    assert isinstance(found, ArchivedRow)
    image = found.decoded_image()
    assert image is not None
    assert image["giant"] == GIANTS[name]


def test_a_line_of_twice_the_largest_row_is_read() -> None:
    start = b'{"ddb_event_us":1,"a":"'
    line = start + b"x" * (2 * 7_782_785 - len(start) - 2) + b'"}'

    assert isinstance(read_one(line, SETTINGS), ArchivedRow)


def test_a_line_over_the_limit_is_named_and_the_next_is_read() -> None:
    body = b'{"a":"' + b"x" * 16_777_216 + b'"}\n' + GOOD

    found = list(read_rows([body], SETTINGS, is_csv=False))

    assert found[0] == BadLine(1, "TooLong")
    assert isinstance(found[1], ArchivedRow)


def zeros(size: int) -> Iterator[bytes]:
    """Gzip of so many times the letter x, in chunks, never whole in memory."""
    deflate = zlib.compressobj(9, wbits=31)
    block = b"x" * CHUNK_BYTES
    for _ in range(size // CHUNK_BYTES):
        yield deflate.compress(block)
    yield deflate.flush()


def test_a_line_of_300_mb_in_a_small_gzip_takes_bounded_memory() -> None:
    packed = b"".join(zeros(300 << 20))
    tracemalloc.start()
    try:
        lines = list(row_lines([packed]))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(packed) < 400_000
    assert lines == [UnreadableLine("TooLong")]
    assert peak < 40 << 20


def test_no_chunk_is_larger_than_a_mebibyte() -> None:
    assert max(map(len, inflated([b"".join(zeros(20 << 20))]))) <= 1 << 20


def test_very_many_tiny_members_are_read_in_linear_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """zlib hands back what a member leaves over, so the bytes handed to it are the work done."""
    member = gzip.compress(b"x", mtime=0)
    handed: list[int] = []
    real = zlib.decompressobj

    class Inflate:
        def __init__(self, wbits: int) -> None:
            self._real = real(wbits=wbits)

        def decompress(self, data: bytes, limit: int) -> bytes:
            handed.append(len(data))
            return self._real.decompress(data, limit)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._real, name)

    monkeypatch.setattr("ttl_archive.replay.gunzip.zlib.decompressobj", Inflate)

    work = []
    for members in (5_000, 20_000):
        handed.clear()
        assert b"".join(inflated([member * members])) == b"x" * members
        work.append(sum(handed) / members)

    assert work[1] < 1.3 * work[0]


def test_reading_takes_time_in_proportion_to_the_lines() -> None:
    """The calls made for each line are counted, not the seconds."""

    def calls_for(lines: int) -> int:
        count = 0

        def profile(frame: object, event: str, argument: object) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        body = archived(SETTINGS, *(change(n) for n in range(lines)))
        sys.setprofile(profile)
        try:
            list(read_rows([body], SETTINGS, is_csv=False))
        finally:
            sys.setprofile(None)
        return count

    assert calls_for(2_000) < 2.2 * calls_for(1_000)


def test_the_corpus_is_not_empty() -> None:
    assert len(list(CORPUS.glob("*.gz"))) >= len(LINES) + len(CSV_LINES)
