"""`ttl-archive docs`: the documents that ship inside the package."""

import posixpath
import re
import sys
from importlib.resources import files
from typing import NamedTuple

import click


class Document(NamedTuple):
    """A file in the package, and what it is about."""

    file: str
    summary: str


TOPICS = {
    "readme": Document("docs/README.md", "what it is, what it promises, settings"),
    "deploy": Document("infra/README.md", "the stack in AWS: choices, attach, detach, remove"),
    "replay": Document("replay/README.md", "failed records, exports, and archived items from GLACIER"),
    "ingest": Document("infra/ingest/README.md", "readings from a queue: items with a TTL stamp"),
    "query": Document("infra/query/README.md", "SQL on the archive: places, formats, what is answered"),
    "verify": Document("infra/verify/README.md", "whether a day is complete, and seals that show changes"),
    "firehose": Document(
        "infra/local/firehose/README.md", "the strict local Firehose, also for your own tests"
    ),
    "event-source": Document(
        "infra/local/event_source/README.md", "the strict local event source mapping, for your own tests"
    ),
    "report": Document("infra/report/README.md", "the report: one page with rows, sizes, failures and costs"),
    "demo-data": Document("infra/local/demo/data/README.md", "where the demo's readings come from"),
    "changelog": Document("docs/CHANGELOG.md", "what changed in each version"),
    "decisions": Document("docs/DECISIONS.md", "why it is built as it is"),
    "sources": Document("docs/SOURCES.md", "where each fact about AWS comes from"),
    "contributing": Document("docs/CONTRIBUTING.md", "set up, test, and where to add what"),
    "security": Document("docs/SECURITY.md", "how to report a vulnerability, what is protected"),
}
_LIST = "\n".join(f"{topic:14}{document.summary}" for topic, document in TOPICS.items())
_HELP = f"""Show a document: rendered on a terminal, as Markdown when piped.

\b
To read the first page:        ttl-archive docs
To read about failed records:  ttl-archive docs replay
To read it page by page:       ttl-archive docs replay | less

\b
Topics:
{_LIST}
"""


# A link to a file of the repository: its text, and the path without an anchor.
_LINK = re.compile(r"\[([^\]]+)\]\((?![a-z]+:|#)([^)#]+)(?:#[^)]*)?\)")


def document_text(topic: str) -> str:
    """Return a document as Markdown.

    A link to another document becomes the command that shows it, because an installed package has no
    repository around it; of a link to any other file, the text remains.
    """
    document = files("ttl_archive").joinpath(*TOPICS[topic].file.split("/"))
    folder = posixpath.dirname(_in_repository(TOPICS[topic]))
    topics = {_in_repository(other): name for name, other in TOPICS.items()}

    def shown(link: re.Match[str]) -> str:
        target = topics.get(posixpath.normpath(posixpath.join(folder, link[2])))
        return f"{link[1]} (`ttl-archive docs {target}`)" if target else link[1]

    return _LINK.sub(shown, document.read_text(encoding="utf-8"))


def _in_repository(document: Document) -> str:
    return document.file.removeprefix("docs/")  # which holds links to the documents of the root


@click.command(help=_HELP)
@click.argument("topic", type=click.Choice(list(TOPICS)), default="readme", metavar="[TOPIC]")
def docs(topic: str) -> None:
    """Show a document of the package."""
    if not sys.stdout.isatty():
        click.echo(document_text(topic), nl=False)
        return
    from rich.console import Console  # only a terminal needs it, and it takes a while to import
    from rich.markdown import Markdown

    Console().print(Markdown(document_text(topic)))
