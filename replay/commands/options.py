"""What the commands share: options, the clients and settings that follow from them, errors as messages."""

import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, wraps
from pathlib import Path
from shlex import quote
from typing import Any, NoReturn, TypeVar

import click
from botocore.exceptions import BotoCoreError, ClientError

from ttl_archive.replay.aws import DEFAULT_ATTEMPTS, Clients, translate_error
from ttl_archive.replay.claims import Claims, new_owner
from ttl_archive.replay.error_objects.survey import Filter
from ttl_archive.replay.errors import MisuseError, NothingFoundError
from ttl_archive.transform import layout
from ttl_archive.transform import settings as archive_settings
from ttl_archive.transform.errors import ArchiveError, SettingsError
from ttl_archive.transform.settings import Settings
from ttl_archive.transform.verdict_version import transform_identity

FAILED, MISUSED, STILL_OPEN, NOTHING_FOUND = 1, 2, 3, 4
# Source: Amazon S3 User Guide, general purpose bucket naming rules; names from before 2018 may have more.
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")

ON_FAILURE_HELP = (
    "Take the batches that Lambda discarded, on the Streams road, from this bucket instead of error objects."
)
Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass
class Place:
    """The bucket and prefix of a command, and what is needed to work there.

    `bucket` may be s3://BUCKET/PREFIX; then `given_prefix` must be None. `on_failure` is the bucket of
    discarded batches, when the command is about these. Raises MisuseError.
    """

    bucket: str
    given_prefix: str | None
    config: Path | None
    profile: str | None
    region: str | None
    attempts: int = DEFAULT_ATTEMPTS
    connections: int = 10
    on_failure: str | None = None

    def __post_init__(self) -> None:
        self.bucket, prefix = split_url(self.bucket)
        if self.on_failure:
            self.on_failure, inner = split_url(self.on_failure)
            prefix = prefix or inner
        if prefix and self.given_prefix is not None:
            raise MisuseError(
                f"--bucket has the prefix {prefix}, and --prefix is given too: give one of them"
            )
        self.given_prefix = prefix or self.given_prefix

    @cached_property
    def settings(self) -> Settings:
        """The settings of archive.toml."""
        return archive_settings.load(self.config)

    @cached_property
    def transform(self) -> str:
        """The identity of the transform with these settings."""
        return transform_identity(self.settings)

    @property
    def table(self) -> str:
        """The table's name."""
        return self.settings.table.name

    @property
    def prefix(self) -> str:
        """The prefix of the error objects."""
        if self.given_prefix is not None:
            return self.given_prefix
        return layout.ON_FAILURE if self.on_failure else layout.errors_folder(self.settings)

    @property
    def errors_bucket(self) -> str:
        """The bucket of the error objects; claims and rows are in `bucket`."""
        return self.on_failure or self.bucket

    @property
    def arguments(self) -> str:
        """The options that name this place in another command."""
        text = f"--bucket {self.bucket}"
        if self.on_failure:
            text += f" --on-failure {self.on_failure}"
        if self.given_prefix is not None:
            text += f" --prefix {quote(self.given_prefix)}"
        return text + (f" --config {quote(str(self.config))}" if self.config else "")

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

    @cached_property
    def claims(self) -> Claims:
        """The claims of the table, as this run takes them."""
        return Claims(self.s3, self.bucket, self.table, new_owner())


def split_url(text: str) -> tuple[str, str]:
    """Return bucket and key or prefix of `BUCKET` or `s3://BUCKET/PREFIX`. Raises MisuseError."""
    bucket, prefix = text, ""
    if text.startswith("s3://"):
        bucket, _, prefix = text.removeprefix("s3://").partition("/")
    if not (_BUCKET.fullmatch(bucket) or bucket.startswith("arn:")):
        raise MisuseError(
            f'"{text}" is no bucket. Give its name, 3 to 63 lower-case letters, digits, dots and hyphens, or '
            "s3://BUCKET/PREFIX"
        )
    return bucket, prefix


class Moment(click.ParamType[datetime | None]):
    """A time in UTC: a date, a date with a time, or a time span before now."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime | None:  # noqa: ARG002  click's signature
        """Return the time as an aware value; without a zone it is UTC."""
        if isinstance(value, datetime):
            return value
        try:
            if ago := re.fullmatch(r"(\d+)([dhm])", value):
                unit = {"d": "days", "h": "hours", "m": "minutes"}[ago[2]]
                return datetime.now(UTC) - timedelta(**{unit: int(ago[1])})
            found = datetime.fromisoformat(value)
        except (ValueError, OverflowError):
            self.fail(
                f'"{value}" is not a time. Write 2026-11-21, 2026-11-21T06:00, or 7d, 12h, 30m ago', param
            )
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def stack(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Return one decorator for several options, in this order."""

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
    click.option("--bucket", required=True, help="Bucket of the archive, or s3://BUCKET/PREFIX."),
    click.option("--prefix", help="Prefix of the error objects.  [default: errors/TABLE/]"),
    click.option("--on-failure", metavar="BUCKET", help=ON_FAILURE_HELP),
)
filter_options = stack(
    click.option("--since", type=Moment(), help="Objects written at this time or later, UTC."),
    click.option("--until", type=Moment(), help="Objects written before this time, UTC."),
    click.option("--type", "types", multiple=True, help="Error output type; may be repeated."),
    click.option(
        "--code", "codes", multiple=True, help="Objects with a record of this error code; may be repeated."
    ),
    click.option("--key-prefix", default="", help="Objects whose key has this after the prefix."),
)
work_options = stack(
    click.option("--concurrency", type=click.IntRange(1, 64), default=4, show_default=True,
                 help="Objects at a time."),
    click.option("--max-attempts", type=click.IntRange(1, 100), default=DEFAULT_ATTEMPTS, show_default=True,
                 help="Attempts of a failing call, or of a refused record."),
)  # fmt: skip


def as_filter(options: dict[str, Any]) -> Filter:
    """Return the filter of the filter options, and remove them from the options."""
    names = ("since", "until", "types", "codes", "key_prefix")
    return Filter(**{name: options.pop(name) for name in names})


def report_errors(command: Command) -> Command:
    """Return the command with every expected error as a message and an exit code."""

    @wraps(command)
    def reporting(*args: Any, **kwargs: Any) -> Any:
        try:
            try:
                return command(*args, **kwargs)
            finally:
                sys.stdout.flush()  # a reader that has gone is noticed here, not at the end of Python
        except (MisuseError, SettingsError) as error:
            fail(str(error), MISUSED)
        except NothingFoundError as error:
            fail(str(error), NOTHING_FOUND)
        except ArchiveError as error:
            fail(_with_option(str(error), kwargs.get("on_failure")), FAILED)
        except (ClientError, BotoCoreError) as error:
            fail(str(translate_error(error, "AWS")), FAILED)
        except BrokenPipeError:
            _close_stdout()
            sys.exit(0)
        except OSError as error:
            fail(f"{error.filename or 'file'}: {error.strerror}", FAILED)

    return reporting  # type: ignore[return-value]


def _with_option(message: str, on_failure: str | None) -> str:
    """Return an error's message, with the option that names the bucket when it is not --bucket."""
    bucket = (on_failure or "").removeprefix("s3://").partition("/")[0]
    about = bucket and message.startswith(f"s3://{bucket}/")
    return f"{message} (--on-failure names this bucket)" if about else message


def _close_stdout() -> None:
    """Let nothing be written to a pipe that nobody reads. Source: Python documentation, signal, SIGPIPE."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def fail(message: str, code: int) -> NoReturn:
    """End the command with a message on stderr."""
    click.echo(f"Error: {message}", err=True)
    sys.exit(code)
