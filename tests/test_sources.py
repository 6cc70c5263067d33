"""Every source that the project cites is defined in SOURCES.md, and every source defined there is cited."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from tests.prose import ROOT, all_prose

SOURCES = ROOT / "SOURCES.md"
# `| tag | title | address and copy | date |`
_ROW = re.compile(r"^\| ([A-Z][\w-]*) \| (.*?) \| (.*?) \| (.*?) \|$", re.MULTILINE)
_CITED = re.compile(r"\bSources?(?: of [^:.]{1,60})?: (.*?)(?:\.(?:\s|\W?$)|$)")
_TAG_IN_FRONT = re.compile(r"(?:^|\(|; )([A-Z][A-Z0-9]+(?:-[a-z0-9]+)?)(?:: [a-z]| #| probe)")
_REPOSITORY = re.compile(r"`?[\w.-]+/[\w.-]+(?::| #\d|`|$|,)")
_ANOTHER = re.compile(r"\w (Guide|Reference)\b")
_OWN_FILE = re.compile(r"`?(?:infra|replay|tests|transform)/[\w/.-]+")
# Words in capitals that stand where a tag may stand.
_NO_TAGS = {"AWS", "UNVERIFIED"}


class Source(NamedTuple):
    """A row of SOURCES.md."""

    tag: str
    title: str
    address: str
    date: str


def sources() -> list[Source]:
    return [Source(*row) for row in _ROW.findall(SOURCES.read_text(encoding="utf-8"))]


def cited() -> Iterator[tuple[str, str]]:
    """Yield where a `Source:` is, and each of the sources that it names.

    What follows a semicolon may be another page, or a remark; a guide or a reference is another source.
    """
    for prose in all_prose():
        if prose.file not in (SOURCES, ROOT / "tests" / "test_sources.py"):
            for clause in _CITED.findall(prose.text):
                first, *others = clause.split(";")
                yield prose.place, first.strip()
                yield from ((prose.place, part.strip()) for part in others if _ANOTHER.search(part))


def is_defined(citation: str) -> bool:
    if citation.startswith("https://") or _OWN_FILE.match(citation) or _REPOSITORY.match(citation):
        return True
    names = [name for source in sources() for name in (source.tag, plain(source.title))]
    return any(re.match(rf"{re.escape(name)}(?![\w-])", plain(citation)) for name in names)


def plain(title: str) -> str:
    """Return a title without the company's name in front."""
    return re.sub(r"^(AWS|Amazon Data|Amazon) ", "", title)


def test_the_table_defines_each_source_once_with_an_address_and_a_date() -> None:
    tags = [source.tag for source in sources()]

    assert len(tags) == len(set(tags)) > 10
    assert [source for source in sources() if not source.address or not source.date] == []


def test_every_citation_names_a_source_of_the_table_or_a_public_repository() -> None:
    assert [(place, citation) for place, citation in cited() if not is_defined(citation)] == []


def test_every_tag_in_front_of_a_statement_is_defined() -> None:
    tags = {source.tag for source in sources()} | _NO_TAGS

    assert [
        (prose.place, tag)
        for prose in all_prose()
        for tag in _TAG_IN_FRONT.findall(prose.text)
        if tag not in tags
    ] == []


def test_every_source_of_the_table_is_cited() -> None:
    texts = [prose.text for prose in all_prose() if prose.file != SOURCES]
    unused = [
        source.tag
        for source in sources()
        if not any(re.search(rf"\b{source.tag}\b", text) or plain(source.title) in text for text in texts)
    ]

    assert unused == []
