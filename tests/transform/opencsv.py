"""How Athena's OpenCSVSerDe reads one row: a port of opencsv 2.3's CSVParser, as Hive's SerDe calls it.

Hive makes a new reader for each row, so the parser's memory of an open field does not outlive one. A quote
that is never closed leaves the parser pending at the end of the row, and every column is NULL. A line ends
at CR, LF or CRLF, both for Java's readLine and for the record reader before it.
"""

import re

SEPARATOR, QUOTE, ESCAPE = ",", '"', "\\"
Row = list[str | None]


def read(file: str, columns: int) -> list[Row]:
    """The rows of a file's text, each with that many columns; None is NULL."""
    lines = re.split("\r\n|\n|\r", file)
    if lines[-1] == "":
        lines.pop()
    return [_deserialize(line, columns) for line in lines]


def _deserialize(line: str, columns: int) -> Row:
    tokens = parse_line(line)
    found: Row = list(tokens or [])
    return (found + [None] * columns)[:columns]


def parse_line(line: str) -> list[str] | None:
    """CSVParser.parseLineMulti of one line, with the defaults of the SerDe; None: pending."""
    tokens: list[str] = []
    token = ""
    in_quotes = in_field = False
    i = 0
    while i < len(line):
        c = line[i]
        following = line[i + 1] if i + 1 < len(line) else None
        inside = in_quotes or in_field
        if c == ESCAPE:
            if inside and following in (QUOTE, ESCAPE):
                token += following
                i += 1
        elif c == QUOTE:
            if inside and following == QUOTE:
                token += following
                i += 1
            else:
                in_quotes = not in_quotes
                if i > 2 and line[i - 1] != SEPARATOR and following not in (None, SEPARATOR):
                    token = "" if token and token.isspace() else token + c
            in_field = not in_field
        elif c == SEPARATOR and not in_quotes:
            tokens.append(token)
            token = ""
            in_field = False
        else:
            token += c
            in_field = True
        i += 1
    return None if in_quotes else [*tokens, token]
