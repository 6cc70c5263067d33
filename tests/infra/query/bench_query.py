"""How fast the embedded engine answers, against its own reader of JSON lines or CSV on the same columns.

    python tests/infra/query/bench_query.py           200,000 rows
    python tests/infra/query/bench_query.py 1000000   that many

The own reader (read_json, read_csv) gets names and types and casts at once. It reads the row's own members,
and so rounds numbers, skips what is broken, and knows no type of DynamoDB. Each figure is the best of three,
on all cores.
"""

import gzip
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.transform.builders import change, encoded
from ttl_archive.infra.query.engine import create_relations, open_engine, run_in_engine
from ttl_archive.infra.query.stored_files import folder_files
from ttl_archive.infra.query.translation.translate import translate_query
from ttl_archive.transform.convert import Row, converter
from ttl_archive.transform.settings import Settings, parse

ROWS = 200_000
FILES = 8
COLUMNS = [
    {"name": "device"},
    {"name": "temperature", "type": "decimal(5,1)"},
    {"name": "n", "type": "bigint"},
]
QUERY = "SELECT count(*), max(device), max(temperature), sum(n) FROM archive WHERE dt = '2026-11-21'"
OWN = "SELECT count(*), max(device), max(temperature), sum(n) FROM {}"


def configured(output: dict[str, Any]) -> Settings:
    return parse({"table": {"name": "devices", "ttl_attribute": "ttl"}, "output": output, "columns": COLUMNS})


def deliver(settings: Settings, folder: Path, rows: int) -> str:
    convert = converter(settings)
    path = folder / "dt=2026-11-21"
    path.mkdir()
    for file in range(FILES):
        lines = []
        for n in range(file, rows, FILES):
            image = {
                "device": {"S": f"device-{n}"},
                "temperature": {"N": f"{n % 400 / 10}"},
                "n": {"N": str(n)},
            }
            row = convert(encoded(change(image, eventID=str(n))))
            assert isinstance(row, Row)
            lines.append(row.line)
        (path / f"{file}.{settings.output.format}.gz").write_bytes(gzip.compress(b"".join(lines), 6))
    return str(path / "*.gz")


def best(call: Callable[[], Any]) -> float:
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        call()
        times.append(time.perf_counter() - begun)
    return min(times)


def own_reader(settings: Settings, files: str) -> str:
    types = {"device": "VARCHAR", "temperature": "DECIMAL(5,1)", "n": "BIGINT"}
    if settings.output.format == "jsonl":
        columns = ", ".join(f"{name}: '{kind}'" for name, kind in types.items())
        return f"read_json('{files}', format = 'newline_delimited', records = true, columns = {{{columns}}})"
    named = {name: types.get(name, "VARCHAR") for name in settings.row_columns}
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in named.items())
    return f"read_csv('{files}', header = false, quote = '\"', escape = '\\', columns = {{{columns}}})"


def main(rows: int) -> None:
    print(f"{rows:,} rows in {FILES} objects; seconds, and the share of the engine's own reader")
    for name, output in {"jsonl": {}, "jsonl, no image": {"image": False}, "csv": {"format": "csv"}}.items():
        settings = configured(output)
        with tempfile.TemporaryDirectory() as folder, open_engine() as connection:
            files = deliver(settings, Path(folder), rows)
            create_relations(connection, *folder_files(Path(folder), settings).readable(), settings)
            sql = translate_query(QUERY, settings).sql
            own = OWN.format(own_reader(settings, files))
            assert next(run_in_engine(connection, sql).rows)[0] == rows
            ours = best(lambda: list(run_in_engine(connection, sql).rows))  # noqa: B023  called at once
            theirs = best(lambda: connection.execute(own).fetchall())  # noqa: B023
        print(f"{name:16} {ours:6.2f} s   own reader {theirs:6.2f} s   {theirs / ours:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
