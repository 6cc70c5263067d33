"""How much CPU the embedded engine takes, against its own reader of JSON lines or CSV on the same columns.

    python tests/infra/query/bench_query.py           1,000,000 rows
    python tests/infra/query/bench_query.py 200000    that many

The own reader (read_json, read_csv) gets names and types and casts at once. It reads the row's own members,
and so rounds numbers, skips what is broken, and knows no type of DynamoDB. Each figure is the best of five:
the CPU seconds of all threads, with the creation of the relations. Elapsed time would depend on what else the
machine does. "its image" and "its values" are what no exact answer can do without: the own reader
reads the texts of a row's image, name and time, and takes three values out of the image, but checks and casts
none.
"""

import gzip
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.transform.builders import change, encoded
from ttl_archive.infra.query.engine import answer_from_files, open_engine
from ttl_archive.infra.query.stored_files import folder_files
from ttl_archive.infra.query.translation.asked_columns import asked_columns
from ttl_archive.infra.query.translation.translate import translate_query
from ttl_archive.transform.convert import Row, converter
from ttl_archive.transform.settings import Settings, parse

ROWS = 1_000_000
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
    for _ in range(5):
        begun = time.process_time()
        call()
        times.append(time.process_time() - begun)
    return min(times)


def own_reader(settings: Settings, files: str) -> str:
    types = {"device": "VARCHAR", "temperature": "DECIMAL(5,1)", "n": "BIGINT"}
    if settings.output.format == "jsonl":
        columns = ", ".join(f"{name}: '{kind}'" for name, kind in types.items())
        return f"read_json('{files}', format = 'newline_delimited', records = true, columns = {{{columns}}})"
    named = {name: types.get(name, "VARCHAR") for name in settings.row_columns}
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in named.items())
    return f"read_csv('{files}', header = false, quote = '\"', escape = '\\', columns = {{{columns}}})"


def least_readings(files: str) -> dict[str, str]:
    """Return what an exact answer from rows with an image needs at least, as queries of the own reader."""
    names = ("ddb_event_name", "ddb_event_us", "ddb_image")
    columns = ", ".join(f"{name}: 'VARCHAR'" for name in names)
    reader = f"read_json('{files}', format = 'newline_delimited', records = true, columns = {{{columns}}})"
    values = "json_extract_string(ddb_image, ['/device/S', '/temperature/N', '/n/N'])"
    text = ", ".join(f"max(strlen({name}))" for name in names[:2])
    return {
        "  its image": f"SELECT {text}, max(strlen(ddb_image)) FROM {reader}",
        "  its values": f"SELECT {text}, max(strlen(v[1])), max(strlen(v[2])), max(strlen(v[3])) "
        f"FROM (SELECT {names[0]}, {names[1]}, {values} AS v FROM {reader})",
    }


def main(rows: int) -> None:
    print(f"{rows:,} rows in {FILES} objects; CPU seconds, and the share of the engine's own reader")
    for name, output in {"jsonl": {}, "jsonl, no image": {"image": False}, "csv": {"format": "csv"}}.items():
        settings = configured(output)
        with tempfile.TemporaryDirectory() as folder, open_engine() as connection:
            files = deliver(settings, Path(folder), rows)
            readable = folder_files(Path(folder), settings).readable()
            translation = translate_query(QUERY, settings)
            own = OWN.format(own_reader(settings, files))
            asked = asked_columns(translation.tree)
            ask = partial(answer_from_files, connection, readable, settings, translation.sql, asked=asked)
            assert next(ask().rows)[0] == rows
            ours = best(lambda: list(ask().rows))  # noqa: B023  called at once
            theirs = best(lambda: connection.execute(own).fetchall())  # noqa: B023
            print(f"{name:16} {ours:6.2f} s   own reader {theirs:6.2f} s   {theirs / ours:.2f}")
            for part, query in least_readings(files).items() if name == "jsonl" else ():
                least = best(lambda: connection.execute(query).fetchall())  # noqa: B023  called at once
                print(f"{part:16} {least:6.2f} s   own reader {theirs:6.2f} s   {theirs / least:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
