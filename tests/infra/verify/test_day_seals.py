"""`verify --seal`: what is altered, deleted or added after a day closed is found, without older versions."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from tests.infra.verify.verified_archive import by_day, document, key_of
from ttl_archive.infra.local import Pipeline
from ttl_archive.infra.verify.seal_document import read_seal, write_seal
from ttl_archive.replay.errors import MisuseError, ObjectError
from ttl_archive.transform import layout

DAY = "2026-03-03"
Tamper = Callable[[Pipeline, str, bytes], None]


def put(archive: Pipeline, key: str, body: bytes, **more: str) -> None:
    archive.s3.put_object(Bucket=archive.bucket, Key=key, Body=body, **more)


def forget_versions(archive: Pipeline, prefix: str) -> None:
    """Remove what is not current, as an expiry of old versions does."""
    found = archive.s3.list_object_versions(Bucket=archive.bucket, Prefix=prefix)
    for entry in [each for each in found.get("Versions", []) if not each["IsLatest"]]:
        archive.s3.delete_object(Bucket=archive.bucket, Key=entry["Key"], VersionId=entry["VersionId"])
    for entry in found.get("DeleteMarkers", []):
        archive.s3.delete_object(Bucket=archive.bucket, Key=entry["Key"], VersionId=entry["VersionId"])


@pytest.fixture
def sealed(verify: Any, archive: Pipeline, objects: dict[str, bytes]) -> Iterator[dict[str, bytes]]:
    """The objects of three days that are sealed. Afterwards there is no seal."""
    assert set(document(verify("--seal", "--json"))["sealing"]) == {"2026-03-01", "2026-03-02", DAY}
    yield objects
    found = archive.s3.list_object_versions(Bucket=archive.bucket, Prefix=layout.AUDIT)
    for entry in found.get("Versions", []) + found.get("DeleteMarkers", []):
        archive.s3.delete_object(Bucket=archive.bucket, Key=entry["Key"], VersionId=entry["VersionId"])


def test_sealed_days_close_and_say_so(verify: Any, archive: Pipeline, sealed: dict[str, bytes]) -> None:
    result = verify("--json")
    (seal,) = archive.objects(f"audit/table=readings/dt={DAY}/").values()

    assert {day["verdict"] for day in document(result)["days"]} == {"closed"}
    assert len(by_day(result)[DAY]["sealed_at"]) == 1
    found = json.loads(seal)
    assert (found["deleted"], found["rows"], len(found["objects"])) == (4, 4, 1)
    assert found["objects"][0]["key"] == key_of(sealed, DAY)
    assert found["sealed_by"].startswith("arn:aws:sts::")
    again = verify("--seal", "--json")
    assert document(again)["sealing"][DAY] == "sealed before, and nothing was added"
    text = verify("--seal").output
    assert "sealed          3 of 3 days" in text
    assert all(len(line) <= 80 for line in text.splitlines() if "s3://" not in line), text


def delete(archive: Pipeline, key: str, _: bytes) -> None:
    archive.s3.delete_object(Bucket=archive.bucket, Key=key)


def truncate(archive: Pipeline, key: str, body: bytes) -> None:
    put(archive, key, body[:-9])


def empty(archive: Pipeline, key: str, _: bytes) -> None:
    put(archive, key, b"")


def alter(archive: Pipeline, key: str, body: bytes) -> None:
    """Change a value and nothing else: the size of the object and the number of rows stay."""
    rows = gzip.decompress(body).replace(b"2-0", b"9-9")
    rows = re.sub(rb'"ddb_event_id":"[^"]+"', b'"ddb_event_id":"' + b"0" * 32 + b'"', rows, count=1)
    short = gzip.compress(rows)
    extra = len(body) - len(short) - 2  # RFC 1952: FEXTRA is a length of two bytes, and the field
    header = short[:3] + b"\x04" + short[4:10] + extra.to_bytes(2, "little") + bytes(extra)
    put(archive, key, header + short[10:])


def add_copy(archive: Pipeline, key: str, body: bytes) -> None:
    put(archive, key.replace("-1-2026", "-2-2026"), body)


@pytest.mark.parametrize(
    ("tamper", "reason"),
    [
        (delete, "it was deleted or emptied since it was sealed on"),
        (empty, "it was deleted or emptied since it was sealed on"),
        (truncate, "its size changed from"),
        (alter, "its content changed since it was sealed on"),
        (add_copy, "it was added after its day was sealed on"),
    ],
)
def test_each_change_of_a_sealed_day_is_named_after_its_older_version_has_expired(
    verify: Any, archive: Pipeline, sealed: dict[str, bytes], tamper: Tamper, reason: str
) -> None:
    key = key_of(sealed, DAY)
    tamper(archive, key, sealed[key])
    forget_versions(archive, "archive/")

    found = document(verify("--json", exit_code=1))

    assert found["changed_objects"] == []
    (problem,) = found["seal_problems"]
    assert problem["reason"].startswith(reason)
    day = next(each for each in found["days"] if each["day"] == DAY)
    assert day["verdict"] == "open"
    assert f"{problem['object']}: {problem['reason']}" in day["reasons"]
    assert {each["verdict"] for each in found["days"] if each["day"] == "2026-03-01"} == {"closed"}


def test_a_folder_that_is_empty_now_is_named_for_the_day_before_it(
    verify: Any, archive: Pipeline, sealed: dict[str, bytes]
) -> None:
    delete(archive, key_of(sealed, DAY), b"")
    forget_versions(archive, "archive/")
    only = ["--since", "2026-03-02", "--until", DAY]

    (day,) = document(verify("--json", *only, exit_code=1))["days"]

    assert (day["day"], day["unique"], day["verdict"]) == ("2026-03-02", 3, "open")
    assert "it was deleted or emptied" in day["reasons"][0]


def test_a_seal_of_another_day_is_no_problem_of_these_days(
    verify: Any, archive: Pipeline, sealed: dict[str, bytes]
) -> None:
    archive.s3.delete_object(Bucket=archive.bucket, Key=layout.seal_key("readings", DAY, 1))

    found = document(verify("--json", "--since", "2026-03-02", "--until", DAY))

    assert found["seal_problems"] == []


def test_a_row_with_an_altered_value_closes_by_its_counts_alone(
    verify: Any, archive: Pipeline, objects: dict[str, bytes]
) -> None:
    """Without a seal nothing but the older version shows it, which is why days are sealed."""
    key = key_of(objects, DAY)
    alter(archive, key, objects[key])
    forget_versions(archive, "archive/")

    assert by_day(verify("--json"))[DAY]["verdict"] == "closed"


def test_a_transition_to_glacier_breaks_no_seal_and_an_object_that_was_replaced_there_does(
    verify: Any, archive: Pipeline, sealed: dict[str, bytes]
) -> None:
    key = key_of(sealed, DAY)
    put(archive, key, sealed[key], StorageClass="GLACIER")
    forget_versions(archive, "archive/")

    moved = document(verify("--json", exit_code=1))
    put(archive, key, sealed[key] + b"\n", StorageClass="GLACIER")
    forget_versions(archive, "archive/")
    replaced = document(verify("--json", exit_code=1))

    assert (moved["seal_problems"], len(replaced["seal_problems"])) == ([], 1)
    assert {found["days"][2]["verdict"] for found in (moved, replaced)} == {"not countable"}
    confirmed = ["those that were sealed" in str(found["days"][2]["reasons"]) for found in (moved, replaced)]
    assert confirmed == [True, False]


def test_an_added_object_is_sealed_on_request_only(
    verify: Any, archive: Pipeline, sealed: dict[str, bytes]
) -> None:
    key = key_of(sealed, DAY)
    add_copy(archive, key, sealed[key])

    refused = document(verify("--seal", "--json", exit_code=1))
    accepted = document(verify("--seal", "--accept-added", "--json"))
    after = document(verify("--json"))

    assert refused["sealing"][DAY] == "not sealed, because it is open"
    assert accepted["sealing"][DAY].startswith("1 object sealed in s3://")
    assert accepted["sealing"][DAY].endswith(f"dt={DAY}/0002.json")
    assert after["seal_problems"] == []
    assert len(after["days"][2]["sealed_at"]) == 2
    assert "--accept-added seals objects" in verify("--accept-added", exit_code=2).output


@pytest.mark.parametrize(("change", "reason"), [("delete", "was deleted"), ("write", "was overwritten")])
def test_a_seal_that_was_deleted_or_overwritten_opens_its_day(
    verify: Any, archive: Pipeline, sealed: dict[str, bytes], change: str, reason: str
) -> None:
    key = layout.seal_key("readings", DAY, 1)
    if change == "delete":
        archive.s3.delete_object(Bucket=archive.bucket, Key=key)
    else:
        put(archive, key, archive.objects(key)[key].replace(b'"deleted"', b'"removed"'))

    found = by_day(verify("--json", exit_code=1))

    assert f"s3://{archive.bucket}/{key}: this seal {reason}" in found[DAY]["reasons"]
    assert found["2026-03-02"]["verdict"] == "closed"


def test_a_seal_without_those_before_it_opens_its_day(
    verify: Any, archive: Pipeline, sealed: dict[str, bytes]
) -> None:
    key, other = layout.seal_key("readings", DAY, 1), layout.seal_key("readings", DAY, 2)
    put(archive, other, archive.objects(key)[key])
    archive.s3.delete_object(Bucket=archive.bucket, Key=key)
    forget_versions(archive, "audit/")
    archive.s3.put_bucket_versioning(Bucket=archive.bucket, VersioningConfiguration={"Status": "Suspended"})
    try:
        reasons = by_day(verify("--json", exit_code=1))[DAY]["reasons"]
    finally:
        archive.s3.put_bucket_versioning(Bucket=archive.bucket, VersioningConfiguration={"Status": "Enabled"})

    assert f"s3://{archive.bucket}/{other}: it is not seal 1 of its day" in reasons


NO_TIME_ZONE = (
    b'{"table":"readings","day":"2026-03-03","sealed_at":"2026-03-04T00:00:00",'
    b'"sealed_by":"","deleted":0,"rows":0,"objects":[]}'
)


@pytest.mark.parametrize(
    "content",
    [b'{"table": "readings"}', b'{"table": "\xff"}', b'{"x":' + b"[" * 100_000, NO_TIME_ZONE],
    ids=["incomplete", "not UTF-8", "too deep", "no time zone"],
)
def test_an_object_that_is_no_seal_opens_its_day(
    verify: Any, archive: Pipeline, sealed: dict[str, bytes], content: bytes
) -> None:
    key = layout.seal_key("readings", DAY, 2)
    put(archive, key, content)

    reasons = by_day(verify("--json", exit_code=1))[DAY]["reasons"]

    assert f"s3://{archive.bucket}/{key}: its content is no seal" in reasons


@pytest.mark.parametrize(("name", "value"), [("table", b"others"), ("day", b"2026-03-02")])
def test_a_seal_that_was_copied_from_elsewhere_opens_its_day(
    verify: Any, archive: Pipeline, sealed: dict[str, bytes], name: str, value: bytes
) -> None:
    first, key = (layout.seal_key("readings", DAY, number) for number in (1, 2))
    seal = json.loads(archive.objects(first)[first]) | {name: value.decode(), "objects": []}
    put(archive, key, json.dumps(seal).encode())

    reasons = by_day(verify("--json", exit_code=1))[DAY]["reasons"]

    assert f"s3://{archive.bucket}/{key}: it is a seal of another table or day" in reasons


def test_a_later_seal_cannot_say_otherwise_of_an_object_than_the_first(
    verify: Any, archive: Pipeline, sealed: dict[str, bytes]
) -> None:
    """Whoever may add seals could otherwise cancel one without replacing it."""
    key, second = key_of(sealed, DAY), layout.seal_key("readings", DAY, 2)
    alter(archive, key, sealed[key])
    forget_versions(archive, "archive/")
    seal = read_seal(archive.s3, archive.bucket, layout.seal_key("readings", DAY, 1))
    assert seal
    etag = archive.s3.head_object(Bucket=archive.bucket, Key=key)["ETag"].strip('"')
    altered = tuple(replace(each, etag=etag) for each in seal.objects)
    write_seal(archive.s3, archive.bucket, replace(seal, objects=altered), 2)

    reasons = " ".join(by_day(verify("--json", exit_code=1))[DAY]["reasons"])

    assert f"s3://{archive.bucket}/{key}: its content changed since it was sealed on" in reasons
    assert f"s3://{archive.bucket}/{second}: it has objects that an earlier seal has" in reasons


class IgnoresConditions:
    """A store that writes whatever the condition says."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3

    def put_object(self, **request: Any) -> Any:
        request.pop("IfNoneMatch", None)
        return self._s3.put_object(**request)


def test_a_seal_is_never_replaced_by_another_run(archive: Pipeline, sealed: dict[str, bytes]) -> None:
    key = layout.seal_key("readings", DAY, 1)
    before = archive.objects(key)[key]
    seal = read_seal(archive.s3, archive.bucket, key)
    assert seal

    with pytest.raises(ObjectError, match="another run sealed this day at the same time"):
        write_seal(archive.s3, archive.bucket, replace(seal, rows=5), 1)

    assert archive.objects(key) == {key: before}


def test_a_store_that_would_replace_a_seal_is_refused(archive: Pipeline, sealed: dict[str, bytes]) -> None:
    seal = read_seal(archive.s3, archive.bucket, layout.seal_key("readings", DAY, 1))
    assert seal

    with pytest.raises(MisuseError, match="the store ignores If-None-Match"):
        write_seal(IgnoresConditions(archive.s3), archive.bucket, seal, 9)


def test_a_day_that_does_not_close_is_not_sealed(
    verify: Any, archive: Pipeline, objects: dict[str, bytes]
) -> None:
    open_day = ["--since", "2026-03-04", "--until", "2026-03-05"]

    text = " ".join(verify("--seal", *open_day, exit_code=1).output.split())

    assert "2026-03-04 not sealed, because it is open" in text
    assert archive.objects(layout.AUDIT) == {}
