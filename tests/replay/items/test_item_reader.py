"""Items as people have them: every form, and every way in which a file is none."""

import gzip
import hashlib
import json
from base64 import b64encode
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttl_archive.replay.items.attribute_values import check, for_boto3
from ttl_archive.replay.items.item_forms import Form
from ttl_archive.replay.items.item_reader import ItemFileError, item_files

A = {"pk": {"S": "a"}, "n": {"N": "1.50"}, "m": {"M": {"b": {"BS": ["AA=="]}, "l": {"L": [{"NULL": True}]}}}}
B = {"pk": {"S": "b"}}
PLAIN_A = '{"pk": "a", "n": 1.50, "big": 12345678901234567890123456789012345678, "m": {"l": [null, true]}}'
INFERRED_A = {
    "pk": {"S": "a"},
    "n": {"N": "1.50"},
    "big": {"N": "12345678901234567890123456789012345678"},
    "m": {"M": {"l": {"L": [{"NULL": True}, {"BOOL": True}]}}},
}
METADATA = {"WriteTimestampMicros": {"N": "1680109764000000"}}
INCREMENTAL = [
    {"Metadata": METADATA, "Keys": B, "NewImage": A},
    {"Metadata": METADATA, "Keys": B, "OldImage": B},
    {"Metadata": METADATA, "Keys": B, "NewImage": None},
    {"Metadata": METADATA, "Keys": B, "NewImage": B},
]


def lines(*documents: object) -> str:
    return "".join(f"{json.dumps(document)}\n" for document in documents)


def read(*paths: Path) -> list[tuple[Form, list[dict]]]:
    return [(found.form, list(found.items)) for found in item_files(paths)]


def written(folder: Path, text: str | bytes, name: str = "items.json") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("text", "form", "items"),
    [
        (lines(A, B), Form.DYNAMODB_JSON, [A, B]),
        (lines({"Item": A}, {"Item": B}), Form.FULL_EXPORT, [A, B]),
        (lines(*INCREMENTAL), Form.INCREMENTAL_EXPORT, [A, B]),
        (json.dumps({"Items": [A, B], "Count": 2, "ConsumedCapacity": None}), Form.SCAN, [A, B]),
        (json.dumps({"Items": [A, B], "Count": 2}, indent=4), Form.SCAN, [A, B]),
        (json.dumps([A, B]), Form.DYNAMODB_JSON, [A, B]),
        (json.dumps([A, B], indent=2), Form.DYNAMODB_JSON, [A, B]),
        (json.dumps(A, indent=2), Form.DYNAMODB_JSON, [A]),
        (PLAIN_A + '\n{"pk": "b"}\n', Form.PLAIN_JSON, [INFERRED_A, B]),
        (f"[{PLAIN_A}]", Form.PLAIN_JSON, [INFERRED_A]),
        (lines({"Items": {"S": "an attribute of this name"}}), Form.DYNAMODB_JSON, None),
        (lines({"Item": {"S": "an attribute of this name"}}), Form.DYNAMODB_JSON, None),
        ("\ufeff" + lines(A), Form.DYNAMODB_JSON, [A]),
        ("\r\n" + json.dumps(A) + "\r\n\n", Form.DYNAMODB_JSON, [A]),
    ],
    ids=[
        "lines", "full export", "incremental export", "scan", "scan, pretty-printed", "list",
        "list over lines", "one item over lines", "plain", "plain list", "attribute Items", "attribute Item",
        "byte order mark", "blank lines",
    ],
)  # fmt: skip
@pytest.mark.parametrize("packed", [False, True], ids=["as it is", "gzip"])
def test_a_file_is_read_in_the_form_that_it_has(tmp_path, text, form, items, packed):
    data = text.encode()

    ((found, read_items),) = read(written(tmp_path, gzip.compress(data, mtime=0) if packed else data))

    assert found is form
    assert read_items == (
        json.loads(text.lstrip("\ufeff")) and [json.loads(text)] if items is None else items
    )


def test_several_files_are_read_one_after_the_other(tmp_path):
    first, second = written(tmp_path, lines(A), "1"), written(tmp_path, '{"pk": "b"}', "2")

    assert read(first, second) == [(Form.DYNAMODB_JSON, [A]), (Form.PLAIN_JSON, [B])]


@pytest.mark.parametrize("inside", ["\u2028", "\x85"])
def test_a_line_ends_at_a_newline_only(tmp_path, inside):
    item = {"pk": {"S": f"a{inside}b"}}
    text = json.dumps(item, ensure_ascii=False) + "\r\n"

    assert read(written(tmp_path, text)) == [(Form.DYNAMODB_JSON, [item])]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (
            lines(A) + "{",
            2,
            "it is not JSON: Expecting property name enclosed in double quotes at character 2",
        ),
        ("{\n", 1, "it is not JSON"),
        ("1\n", 1, "it is no JSON object with attributes"),
        ('"a"', 1, "it is no JSON object with attributes"),
        ("{}", 1, "it is no JSON object with attributes"),
        ("[]", 1, "it is no JSON object with attributes"),
        ("[[]]", 1, "it is no JSON object with attributes"),
        (lines(A, 1), 2, "it is no JSON object with attributes"),
        (lines(A, {}), 2, "an item has no attribute"),
        (lines({"Item": A}, A), 2, 'it has no "Item"'),
        (lines({"Items": [A]}, A), 2, 'it has no "Items"'),
        (lines({"Items": [1]}), 1, "an item is no JSON object"),
        (
            lines(A, {"pk": "a"}),
            2,
            'attribute "pk" is no attribute value: it must be an object with one type of',
        ),
        (lines(A, {"pk": {"S": "a", "N": "1"}}), 2, "it must be an object with one type of S, N, B"),
        (lines(A, {"pk": {"N": 1}}), 2, "the value of N has the wrong form"),
        (lines(A, {"pk": {"N": "one"}}), 2, "the value of N has the wrong form"),
        (lines(A, {"pk": {"NS": [1]}}), 2, "the value of NS has the wrong form"),
        (lines(A, {"pk": {"SS": []}}), 2, "the value of SS has the wrong form"),
        (lines(A, {"pk": {"B": "?"}}), 2, "the value of B has the wrong form"),
        (lines(A, {"pk": {"BOOL": "true"}}), 2, "the value of BOOL has the wrong form"),
        (lines(A, {"pk": {"NULL": False}}), 2, "the value of NULL has the wrong form"),
        (lines(A, {"pk": {"M": {"a": {"L": {}}}}}), 2, "the value of L has the wrong form"),
        ('{"a": NaN}', 1, "NaN is no JSON number"),
        (f'{{"a": {"[" * 100_000}{"]" * 100_000}}}', 1, "it is nested too deeply"),
        ('{"a": ' + '{"L": [' * 400 + "]}" * 400 + "}", 1, "it is nested too deeply"),
        ('{"a": ' + '{"L": [' * 65 + "]}" * 65 + "}", 1, "it is nested too deeply, over 64 levels"),
        ('{"a": ' + "[" * 65 + "]" * 65 + "}", 1, "it is nested too deeply, over 64 levels"),
    ],
)
def test_what_is_no_item_is_named_by_file_line_and_reason(tmp_path, text, line, reason):
    path = written(tmp_path, text)

    with pytest.raises(ItemFileError) as refused:
        read(path)

    assert str(refused.value).startswith(f"{path}, line {line} is not an item, such as ")
    assert reason in str(refused.value)


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_a_file_without_items_says_what_to_write(tmp_path, text):
    with pytest.raises(ItemFileError, match=r"has no item\. Write one item a line, such as"):
        read(written(tmp_path, text))


@pytest.mark.parametrize(
    "data",
    [b"\xff\xfe{}", gzip.compress(b"{}", mtime=0)[:-4], b"\x1f\x8bno gzip"],
    ids=["UTF-16", "cut", "damaged"],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, data):
    with pytest.raises(ItemFileError, match=r"items\.json cannot be read: "):
        read(written(tmp_path, data))


def test_a_file_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(ItemFileError, match="missing cannot be read: No such file or directory"):
        read(tmp_path / "missing")


def test_binary_becomes_bytes_for_boto3():
    assert for_boto3(A)["m"]["M"]["b"] == {"BS": [b"\x00"]}


NAMES = st.sampled_from(
    ["Items", "Item", "Keys", "Metadata", "NewImage", "dataFileS3Key", "S", "N", "L", "M", "BS"]
)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@given(st.binary(max_size=300) | st.lists(DOCUMENTS, max_size=3).map(lambda found: lines(*found).encode()))
def test_whatever_a_file_holds_is_items_or_an_error_of_ours(tmp_path_factory, data):
    path = written(tmp_path_factory.mktemp("any"), data)

    with suppress(ItemFileError):
        for _, items in read(path):
            for item in items:
                assert item
                assert [check(value) for value in item.values()] == [None] * len(item)


class TestExport:
    """A full export as it lies in the bucket, copied to this machine."""

    @pytest.fixture
    def export(self, tmp_path):
        def copy(
            *documents,
            md5=None,
            count=None,
            name="AWSDynamoDB/01680109764000-abcd1234/data/x.json.gz",
            **summary,
        ):
            data = gzip.compress(lines(*documents).encode(), mtime=0)
            path = written(tmp_path, data, name)
            digest = b64encode(hashlib.md5(data).digest()).decode()
            entry = {"itemCount": len(documents) if count is None else count, "md5Checksum": md5 or digest}
            folder = "AWSDynamoDB/01680109764000-abcd1234/"
            written(
                tmp_path, lines(entry | {"dataFileS3Key": f"exports/{name}"}), folder + "manifest-files.json"
            )
            described = {
                "manifestFilesS3Key": f"exports/{folder}manifest-files.json",
                "outputFormat": "DYNAMODB_JSON",
            }
            written(tmp_path, lines(described | summary), folder + "manifest-summary.json")
            return path, tmp_path / folder

        return copy

    @pytest.mark.parametrize("manifest", ["manifest-summary.json", "manifest-files.json"])
    def test_a_manifest_stands_for_its_data_files(self, export, manifest):
        _, folder = export({"Item": A}, {"Item": B})

        assert read(folder / manifest) == [(Form.FULL_EXPORT, [A, B])]

    def test_the_data_files_of_an_incremental_export_lie_beside_its_folder(self, export):
        _, folder = export(*INCREMENTAL, name="AWSDynamoDB/data/y.json.gz")

        assert read(folder / "manifest-summary.json") == [(Form.INCREMENTAL_EXPORT, [A, B])]

    def test_an_empty_data_file_holds_no_item(self, export):
        _, folder = export()

        assert read(folder / "manifest-summary.json") == []

    def test_an_altered_data_file_is_refused(self, export):
        _, folder = export({"Item": A}, md5="AAAAAAAAAAAAAAAAAAAAAA==")

        with pytest.raises(ItemFileError, match=r"is not what the export wrote: its MD5 is .* Copy it again"):
            read(folder / "manifest-files.json")

    @pytest.mark.parametrize(("documents", "count"), [([{"Item": A}], 2), ([], 1)])
    def test_a_data_file_with_another_number_of_items_is_refused(self, export, documents, count):
        _, folder = export(*documents, count=count)

        with pytest.raises(ItemFileError, match=f"has {len(documents)} items, and its manifest says {count}"):
            read(folder / "manifest-files.json")

    def test_a_missing_data_file_is_named(self, export):
        path, folder = export({"Item": A})
        path.unlink()

        with pytest.raises(
            ItemFileError, match=r"data/x\.json\.gz is named by manifest-files\.json, and is not"
        ):
            read(folder / "manifest-files.json")

    def test_an_export_in_ion_is_refused_with_the_reason(self, export):
        _, folder = export({"Item": A}, outputFormat="ION")

        with pytest.raises(
            ItemFileError, match=r"the export is in the format ION\. Export it again as DYNAMODB_JSON"
        ):
            read(folder / "manifest-summary.json")

    def test_a_data_file_in_ion_is_refused_with_the_reason(self, tmp_path):
        with pytest.raises(ItemFileError, match="is in Ion"):
            read(written(tmp_path, b"x", "data.ion.gz"))

    @pytest.mark.parametrize(
        "text", ['{"dataFileS3Key": 1}', '{"dataFileS3Key": "x"}\n[]', '{"dataFileS3Key": "x"}\n{']
    )
    def test_a_damaged_manifest_is_named(self, tmp_path, text):
        path = written(tmp_path, text, "manifest-files.json")

        with pytest.raises(ItemFileError, match=r"manifest .*manifest-files\.json"):
            read(path)
