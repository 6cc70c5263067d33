"""The answer to a query: the same type for every place, with exact values.

type in Athena's words                      value
varchar                                     str
tinyint, smallint, integer, bigint          int
decimal(p,s)                                Decimal, with all s digits after the point
real, double                                float
boolean                                     bool
date, timestamp(3)                          date, datetime (UTC, without a zone)
every other type                            str, as the engine writes it
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from ttl_archive.infra.query.scan_cost import Scan

Value = str | int | float | bool | Decimal | date | datetime | None
ResultRow = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A column's name, and its type in Athena's words."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class QueryResult:
    """Columns, and rows that are fetched while they are iterated, once. `scan` is what Athena bills."""

    columns: tuple[ResultColumn, ...]
    rows: Iterator[ResultRow]
    scan: Scan | None = None
