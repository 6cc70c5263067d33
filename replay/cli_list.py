"""`replay list` and `replay inspect`: what failed, and why."""

import click

list_command = click.Command("list")
inspect_command = click.Command("inspect")
