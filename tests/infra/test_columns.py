"""The catalog's columns from archive.toml."""

from tests.infra.stacks import settings_of
from ttl_archive.infra.glue_columns import catalog_columns


def test_columns_are_the_rows_in_their_order() -> None:
    for case in ("defaults", "csv-by-event", "envelope-in-shared-bucket"):
        settings = settings_of(case)
        assert tuple(column.name for column in catalog_columns(settings)) == settings.row_columns


def test_types_are_hives_and_athenas() -> None:
    found = {column.name: (column.hive, column.presto) for column in catalog_columns(settings_of("defaults"))}

    assert found["ddb_event_time"] == ("timestamp", "timestamp(3)")
    assert found["ddb_event_us"] == ("bigint", "bigint")
    assert found["temperature"] == ("decimal(5,1)", "decimal(5,1)")
    assert found["place"] == ("string", "varchar")
    assert found["ddb_image"] == ("string", "varchar")
