"""The options of the commands that read a sample of items: which files, and how many items."""

from pathlib import Path

import click

DEFAULT_LIMIT = 10_000

files_argument = click.argument(
    "files", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="[FILE]..."
)
limit_option = click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=DEFAULT_LIMIT,
    show_default=True,
    help="The most items to read.",
)
