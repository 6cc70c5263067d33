"""The commands `ttl-archive replay` and `ttl-archive restore`, put together."""

import click

from ttl_archive.replay.commands.list import inspect_command, list_command
from ttl_archive.replay.commands.plan import plan_command
from ttl_archive.replay.commands.restore import restore
from ttl_archive.replay.commands.retire import retire_command
from ttl_archive.replay.commands.run import run_command

__all__ = ["replay", "restore"]


class PlanByDefault(click.Group):
    """A group whose options, without a command, are the plan's: to look comes before to do."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `plan` in front of options that stand alone."""
        if args and args[0].startswith("-") and args[0] not in ctx.help_option_names:
            args = ["plan", *args]
        return super().parse_args(ctx, args)


@click.group(cls=PlanByDefault)
def replay() -> None:
    """Bring failed records home: see what failed, plan, and replay it into the archive.

    \b
    To see what failed:
      ttl-archive replay list --bucket my-archive
    To see why, record by record:
      ttl-archive replay inspect --bucket my-archive errors/DeviceData/processing-failed/example
    To see what would be done, and to do it:
      ttl-archive replay plan --bucket my-archive
      ttl-archive replay run replay-plan.json
    To move what is done out of the way:
      ttl-archive replay retire --bucket my-archive --yes

    Nothing is deleted, and killed at any point a second run finishes what the first began. Exit codes: 0 all
    done, 1 failed, 2 misused, 3 some records are still not delivered.
    """


for _command in (list_command, inspect_command, plan_command, run_command, retire_command):
    replay.add_command(_command)
