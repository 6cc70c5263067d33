"""The group `ttl-archive replay`."""

import click

from ttl_archive.replay.commands.lazy_group import LazyCommand, LazyGroup


def _lazy(name: str, summary: str) -> LazyCommand:
    return LazyCommand(f"replay.commands.{name}", f"{name}_command", None, summary, "replay")


_COMMANDS = {
    "list": _lazy("list", "Show what failed, and why."),
    "inspect": _lazy("inspect", "Show the records of one error object."),
    "plan": _lazy("plan", "Print what a run would do (the default)."),
    "run": _lazy("run", "Replay failed records."),
    "waive": _lazy("waive", "Accept the loss of refused records."),
    "retire": _lazy("retire", "Move what is done or waived out of the way."),
}


class PlanByDefault(LazyGroup):
    """A group that runs `plan` when it gets options without a command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Insert `plan` before options that have no command."""
        if args and args[0].startswith("-") and args[0] not in ctx.help_option_names:
            args = ["plan", *args]
        return super().parse_args(ctx, args)


@click.group(cls=PlanByDefault, lazy_commands=_COMMANDS)
def replay() -> None:
    """Replay failed records: see what failed and why, plan, and deliver them into the archive.

    \b
    To see what failed:
      ttl-archive replay list --bucket my-archive
    To see why, and what to do:
      ttl-archive replay list --bucket my-archive --why
    To see one object, record by record:
      ttl-archive replay inspect --bucket my-archive errors/DeviceData/processing-failed/example
    To see what would be done, and to do it:
      ttl-archive replay plan --bucket my-archive
      ttl-archive replay run replay-plan.json
    To accept the loss of a record that cannot be delivered:
      ttl-archive replay waive --bucket my-archive errors/DeviceData/processing-failed/poison:1 --reason test
    To move what is done out of the way:
      ttl-archive replay retire --bucket my-archive --yes

    Only retire removes an error object, after it has verified a copy. If a run is killed at any point, a
    second run finishes it.

    Exit codes: 0 all done, 1 failed, 2 misused, 3 some records are refused or still open, 4 nothing found.
    """
