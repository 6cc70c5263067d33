"""The configuration and the clock of the tests of queries."""

from datetime import UTC, datetime

from ttl_archive.transform.settings import parse

NOW = datetime(2026, 11, 24, 10, 20, 30, 123456, tzinfo=UTC)
SETTINGS = parse(
    {
        "table": {"name": "devices", "ttl_attribute": "ttl", "keys": ["id"]},
        "columns": [
            {"name": "id"},
            {"name": "amount", "type": "decimal(20,4)"},
            {"name": "temperature", "type": "decimal(5,1)"},
            {"name": "n", "type": "bigint"},
            {"name": "ratio", "type": "double"},
            {"name": "at", "type": "timestamp"},
            {"name": "doc", "type": "json"},
        ],
    }
)
