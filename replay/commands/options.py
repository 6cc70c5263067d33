"""What the commands share: options, the clients and settings behind them, and errors as messages."""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, wraps
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from botocore.exceptions import BotoCoreError, ClientError

from ttl_archive.replay.aws import DEFAULT_ATTEMPTS, Clients
from ttl_archive.replay.error_objects.survey import Filter
from ttl_archive.replay.errors import MisuseError
from ttl_archive.transform import layout
from ttl_archive.transform import settings as archive_settings
from ttl_archive.transform.errors import ArchiveError, SettingsError
from ttl_archive.transform.settings import Settings
from ttl_archive.transform.verdict_version import transform_identity

FAILED, MISUSED = 1, 2

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass
class Place:
    """The bucket and prefix of a command, and what is needed to work there."""

    bucket: str
    given_prefix: str | None
    config: Path | None
    profile: str | None
    region: str | None
    attempts: int = DEFAULT_ATTEMPTS
    connections: int = 10

    @cached_property
    def settings(self) -> Settings:
        """The settings of archive.toml."""
        return archive_settings.load(self.config)

    @cached_property
    def transform(self) -> str:
        """The identity of the transform that works with these settings."""
        return transform_identity(self.settings)

    @property
    def prefix(self) -> str:
        """The error output prefix."""
        if self.given_prefix is not None:
            return self.given_prefix
        return f"{layout.ERRORS}{self.settings.table.name}/"

    @cached_property
    def clients(self) -> Clients:
        """AWS clients, closed when the command ends."""
        made = Clients(
            profile=self.profile, region=self.region, attempts=self.attempts, connections=self.connections
        )
        click.get_current_context().call_on_close(made.close)
        return made

    @property
    def s3(self) -> Any:
        """The S3 client."""
        return self.clients("s3")


class Moment(click.ParamType[datetime | None]):
    """A time in UTC: a date, a date with a time, or how long ago."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime | None:  # noqa: ARG002  click's signature
        """The time as an aware value; without a zone it is UTC."""
        if isinstance(value, datetime):
            return value
        try:
            if ago := re.fullmatch(r"(\d+)([dhm])", value):
                unit = {"d": "days", "h": "hours", "m": "minutes"}[ago[2]]
                return datetime.now(UTC) - timedelta(**{unit: int(ago[1])})
            found = datetime.fromisoformat(value)
        except (ValueError, OverflowError):
            self.fail(f'"{value}" is no time. Write 2026-11-21, 2026-11-21T06:00, or 7d, 12h, 30m ago', param)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def stack(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """One decorator for several options, in this order."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


aws_options = stack(
    click.option(
        "--config", type=click.Path(path_type=Path), help="The settings file.  [default: archive.toml]"
    ),
    click.option("--profile", help="Profile of the AWS configuration."),
    click.option("--region", help="AWS Region."),
    click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs."),
)
place_options = stack(
    click.option("--bucket", required=True, help="Bucket that the delivery stream writes to."),
    click.option("--prefix", help="Error output prefix.  [default: errors/TABLE/]"),
)
filter_options = stack(
    click.option("--since", type=Moment(), help="Objects written at this time or later, UTC."),
    click.option("--until", type=Moment(), help="Objects written before this time, UTC."),
    click.option("--type", "types", multiple=True, help="Error output type; may be given again."),
    click.option(
        "--code", "codes", multiple=True, help="Objects with a record of this error code; may be given again."
    ),
    click.option("--key-prefix", default="", help="Objects whose key goes on like this after the prefix."),
)
work_options = stack(
    click.option("--concurrency", type=click.IntRange(1, 64), default=4, show_default=True,
                 help="Objects at a time."),
    click.option("--max-attempts", type=click.IntRange(1, 100), default=DEFAULT_ATTEMPTS, show_default=True,
                 help="Attempts of a failing call, or of a refused record."),
)  # fmt: skip


def as_filter(options: dict[str, Any]) -> Filter:
    """The filter of the filter options; they are taken out of the options."""
    names = ("since", "until", "types", "codes", "key_prefix")
    return Filter(**{name: options.pop(name) for name in names})


def report_errors(command: Command) -> Command:
    """The command, with everything that is expected to go wrong as a message and an exit code."""

    @wraps(command)
    def reporting(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except (MisuseError, SettingsError) as error:
            fail(str(error), MISUSED)
        except ArchiveError as error:
            fail(str(error), FAILED)
        except ClientError as error:
            answer = error.response.get("Error", {})
            fail(
                f"{error.operation_name} was refused with {answer.get('Code')}: {answer.get('Message')}",
                FAILED,
            )
        except BotoCoreError as error:
            fail(f"{error}. Check --profile, --region, the credentials and AWS_ENDPOINT_URL", FAILED)
        except OSError as error:
            fail(f"{error.filename or 'file'}: {error.strerror}", FAILED)

    return reporting  # type: ignore[return-value]


def fail(message: str, code: int) -> NoReturn:
    """End the command with a message on stderr."""
    click.echo(f"Error: {message}", err=True)
    sys.exit(code)
