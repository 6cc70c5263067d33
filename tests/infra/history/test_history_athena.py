"""`ttl-archive history` with Athena: its own text of the views and queries, over its API, on real rows.

The engine behind the API is DuckDB; it proves nothing about AWS.
"""

import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from tests.aws.local_athena import LocalAthena
from tests.infra.history.conftest import History
from tests.infra.history.lives import CONFIG, DAY, life
from tests.infra.query.conftest import Delivered
from tests.json_service import serving
from ttl_archive.infra.athena_views.view_changes import creations
from ttl_archive.infra.sql.athena_dialect import AthenaDialect
from ttl_archive.infra.sql.relations import relations
from ttl_archive.infra.sql.text_table import ARCHIVE_FILES, ERROR_FILES
from ttl_archive.transform import layout
from ttl_archive.transform.settings import Settings, parse

Deploy = Callable[[Settings], LocalAthena]


@pytest.fixture
def deploy(delivered: Delivered, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deploy]:
    """A function that creates the tables and views of a stack over what is delivered by then."""
    with ExitStack() as opened:

        def create(settings: Settings) -> LocalAthena:
            files = lambda place: sorted(delivered.folder.glob(f"{place}dt=*/*"))  # noqa: E731
            athena = opened.enter_context(closing(LocalAthena(settings, files)))
            for name, place in (
                (ARCHIVE_FILES, layout.archive_folder(settings)),
                (ERROR_FILES, layout.errors_folder(settings)),
            ):
                table = {
                    "Name": name,
                    "TableType": "EXTERNAL_TABLE",
                    "StorageDescriptor": {"Location": place},
                }
                athena.create_table(DatabaseName="db", TableInput=table)
            for statement in creations(relations(settings, AthenaDialect())):
                athena.start_query_execution(QueryString=statement)
            monkeypatch.setenv("AWS_ENDPOINT_URL_ATHENA", opened.enter_context(serving(athena)))
            return athena

        yield create


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--json",),
        ("--as-of", "2025-11-21T06:31:52.123456"),
        ("--as-of", "2025-11-22"),
        ("--as-of", DAY),
    ],
)
def test_athena_answers_as_the_bucket_does_also_in_pages(
    history: History, settings: Settings, delivered: Delivered, deploy: Deploy, arguments: tuple[str, ...]
) -> None:
    life(settings, delivered)
    deploy(settings).page_rows = 2

    by_athena, by_engine = history("d1", *arguments, on="athena"), history("d1", *arguments, on="s3")
    assert by_athena.stdout == by_engine.stdout
    assert by_athena.exit_code == by_engine.exit_code


def test_a_key_that_no_row_has_is_told_apart_from_what_was_not_read(
    history: History, settings: Settings, delivered: Delivered, deploy: Deploy
) -> None:
    life(settings, delivered)
    deploy(settings)
    whole = history("other", on="athena")
    delivered.freeze(delivered.keys[0])
    deploy(settings)
    partial, unchecked = history("other", on="athena"), history("other", "--no-check", on="athena")

    assert "Nothing found: none of the 4 rows of the archive is of id other." in whole.stdout
    assert (whole.exit_code, partial.exit_code) == (4, 5)
    assert "1 object in GLACIER" in partial.stdout.replace("\n", " ")
    assert unchecked.exit_code == 5
    assert "there is no check of what was not read" in unchecked.stdout.replace("\n", " ")


def test_rows_of_another_table_are_no_answer(
    history: History, settings: Settings, delivered: Delivered, deploy: Deploy
) -> None:
    life(settings, delivered)
    other = parse(tomllib.loads(CONFIG.replace('"devices"', '"other"')))
    deploy(other)

    result = history("d1", on="athena")
    assert result.exit_code == 5
    assert "there is no row that can be read" in result.stdout.replace("\n", " ")


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("Query exhausted resources at this scale factor", "Athena: Query exhausted resources at this"),
        ("line 2:6: Table 'awsdatacatalog.db.archive_history' does not exist", "archive_history"),
    ],
)
def test_a_query_that_fails_is_an_error_with_athenas_reason(
    history: History, settings: Settings, delivered: Delivered, deploy: Deploy, reason: str, message: str
) -> None:
    life(settings, delivered)
    deploy(settings).refused = {"FROM archive_history": reason}

    result = history("d1", on="athena")
    assert (result.exit_code, result.stdout) == (1, "")
    assert message in result.stderr


def test_views_that_were_deployed_without_a_history_say_what_is_missing(
    history: History, settings: Settings, delivered: Delivered, deploy: Deploy
) -> None:
    life(settings, delivered)
    deploy(parse(tomllib.loads(CONFIG.replace('"all"', '"removals"'))))

    result = history("d1", on="athena")
    assert result.exit_code == 1
    assert 'archive_history needs [select] changes = "all"' in result.stderr
