from pathlib import Path

import pytest

from tests.infra.sql.sql_archive import SHAPES, SqlArchive, settings
from tests.transform.builders import EVENT_US, change
from ttl_archive.infra.query.engine import answer_from_files, open_engine
from ttl_archive.infra.query.translation.asked_columns import asked_columns
from ttl_archive.infra.query.translation.translate import parse_query

COLUMNS = [{"name": "id"}, {"name": "n", "type": "bigint"}, {"name": "other", "path": "Other"}]


@pytest.mark.parametrize(
    ("sql", "asked"),
    [
        ("SELECT count(*) FROM archive", set()),
        ("SELECT count(*), max(N) FROM archive a WHERE a.dt = '2026-11-21' ORDER BY a.id", {"n", "dt", "id"}),
        ("SELECT (SELECT max(id) FROM errors) FROM archive JOIN x ON x.a = archive.b", {"id", "a", "b"}),
        ("SELECT * FROM archive", None),
        ("SELECT a.* FROM archive a", None),
        ("SELECT count(*) FROM (SELECT * FROM archive)", None),
    ],
)
def test_the_columns_of_a_query_are_the_names_in_it(sql: str, asked: set[str] | None) -> None:
    assert asked_columns(parse_query(sql)) == asked


@pytest.mark.parametrize("relation", ["archive", "archive_unique", "archive_latest"])
@pytest.mark.parametrize("shape", [shape for shape in SHAPES if "envelope" not in shape])
def test_an_answer_is_the_same_without_the_columns_that_are_not_asked_for(
    tmp_path: Path, shape: str, relation: str
) -> None:
    archive, chosen = SqlArchive(tmp_path), settings(shape, COLUMNS, "id")
    for n in ("1", "2", "2"):
        item = {"id": {"S": "a"}, "n": {"N": n}, "Other": {"S": f"x{n}"}}
        archive.deliver(
            chosen, change(item, eventID=n, dynamodb={"ApproximateCreationDateTime": EVENT_US + int(n)})
        )
    sql = f"SELECT sum(n), max(ddb_key), max(ddb_change) FROM {relation}"

    with open_engine() as connection:
        answers = [
            list(answer_from_files(connection, (archive.files, []), chosen, sql, asked=asked).rows)
            for asked in (None, {"n", "ddb_key", "ddb_change"})
        ]

    assert answers[0] == answers[1]
    assert answers[0][0][:2] == ({"archive": 5, "archive_unique": 3, "archive_latest": 2}[relation], "a")
