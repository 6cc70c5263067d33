"""Groups of commands that are imported when they are called, so that help is fast.

A command whose extra is missing names it.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click

_PACKAGE = "ttl_archive"


class LazyCommand(NamedTuple):
    """Where a command is defined, the extra that it needs, its line in --help, and its topic in `docs`."""

    module: str
    function: str
    extra: str | None
    summary: str
    topic: str = "readme"


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, and not for its own help."""

    def __init__(self, *args: Any, lazy_commands: Mapping[str, LazyCommand], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lazy_commands = lazy_commands

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Return the names, for --help."""
        return list(self.lazy_commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands' lines of --help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, lazy.summary) for name, lazy in self.lazy_commands.items()])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command. Raises ClickException, with the next step, when its extra is missing."""
        if cmd_name not in self.lazy_commands:
            return None
        lazy = self.lazy_commands[cmd_name]
        try:
            command: click.Command = getattr(import_module(f"{_PACKAGE}.{lazy.module}"), lazy.function)
        except ModuleNotFoundError as error:
            raise _explained(error, cmd_name, lazy.extra) from None
        _name_documents(command, lazy.topic)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Call a command, which imports most of what it needs only now. Raises ClickException likewise."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            name = str(ctx.invoked_subcommand)
            raise _explained(error, name, self.lazy_commands[name].extra) from None


def _explained(error: ModuleNotFoundError, command: str, extra: str | None) -> Exception:
    """Return the error of a missing package with the next step, or the error itself."""
    package = (error.name or "").partition(".")[0]
    if extra is None or package == _PACKAGE:
        return error
    hint = f"Install it: pip install 'ttl-archive[{extra}]'"
    return click.ClickException(f'"{command}" needs the package "{package}". {hint}')


def _name_documents(command: click.Command, topic: str) -> None:
    """Let the help of a command, and of the commands in it, end with the line that shows its document."""
    command.epilog = f"Documentation: ttl-archive docs {topic}"
    if isinstance(command, click.Group):
        for subcommand in command.commands.values():
            _name_documents(subcommand, topic)
