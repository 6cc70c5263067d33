"""Every source that the project cites is defined in SOURCES.md, and every source defined there is cited."""

import re
from typing import NamedTuple

from tests.prose import ROOT, all_prose

SOURCES = ROOT / "SOURCES.md"
# `| tag | title | address and copy | date |`
_ROW = re.compile(r"^\| ([A-Z][\w-]*) \| (.*?) \| (.*?) \| (.*?) \|$", re.MULTILINE)
_TAG_IN_FRONT = re.compile(r"(?:^|\(|; )([A-Z][A-Z0-9]+(?:-[a-z0-9]+)?)(?:: [a-z]| #| probe)")
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


def plain(title: str) -> str:
    """Return a title without the company's name in front."""
    return re.sub(r"^(AWS|Amazon Data|Amazon) ", "", title)


def test_the_table_defines_each_source_once_with_an_address_and_a_date() -> None:
    tags = [source.tag for source in sources()]

    assert len(tags) == len(set(tags)) > 10
    assert [source for source in sources() if not source.address or not source.date] == []


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
