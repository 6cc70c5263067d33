"""Which place answers: the choice of `--on`, with the bucket, workgroup and packages that it needs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from ttl_archive.infra import deploy_settings
from ttl_archive.infra.deployed_stack import StackError, describe_stack, stack_outputs
from ttl_archive.infra.query.athena_progress import ProgressLine
from ttl_archive.infra.query.athena_runner import AthenaRunner
from ttl_archive.infra.query.query_errors import MissingExtraError
from ttl_archive.infra.query.query_options import QueryOptions
from ttl_archive.infra.query.query_places import (
    AthenaPlace,
    QueryPlace,
    Storage,
    bucket_place,
    folder_place,
)
from ttl_archive.infra.sql.archive_relation import ArchiveRelation
from ttl_archive.infra.sql.athena_dialect import AthenaDialect
from ttl_archive.infra.sql.errors_relation import ERROR_COLUMNS
from ttl_archive.infra.sql.history_relation import HISTORY, STEP_COLUMNS
from ttl_archive.infra.sql.relations import ARCHIVE, ERRORS, LATEST, UNIQUE
from ttl_archive.replay.aws import Clients
from ttl_archive.replay.commands.options import split_url
from ttl_archive.replay.errors import MisuseError
from ttl_archive.transform.settings import Settings

_EXTRA = "sql"


@contextmanager
def open_place(how: QueryOptions, settings: Settings) -> Iterator[QueryPlace]:
    """Open the place that --on names. Raises MisuseError and MissingExtraError."""
    clients = Clients(profile=how.profile, region=how.region)
    click.get_current_context().call_on_close(clients.close)
    if how.place == "athena":
        yield _athena_place(clients, how, settings)
        return
    with needs_extra(f"--on {how.place}"):
        from ttl_archive.infra.query import engine
        from ttl_archive.infra.query.translation import translate  # noqa: F401  to find what is missing
    if how.place != "s3":
        if how.bucket:
            raise MisuseError("--bucket goes with --on s3 and --on athena, not with a folder")
        with folder_place(Path(how.place), settings) as place:
            yield place
        return
    s3, keys = clients("s3"), clients.credentials()
    if keys is None:
        raise MisuseError("there are no AWS credentials. Sign in, or name a profile with --profile")
    endpoint = s3.meta.endpoint_url if clients.has_own_endpoint() else None
    access = engine.S3Access(s3.meta.region_name, keys.access_key, keys.secret_key, keys.token, endpoint)
    with bucket_place(s3, access, archive_bucket(clients, how, settings), settings) as place:
        yield place


def _athena_place(clients: Clients, how: QueryOptions, settings: Settings) -> AthenaPlace:
    deploy = deploy_settings.load(settings)
    relations = known_names(settings)
    names = {*relations, *(name for columns in relations.values() for name in columns)}
    runner = AthenaRunner(
        clients("athena"), deploy.stack_name, deploy.database, names=names, on_progress=ProgressLine()
    )
    storage = Storage(settings, clients("s3"), archive_bucket(clients, how, settings)) if how.check else None
    return AthenaPlace(runner, storage, settings)


def archive_bucket(clients: Clients, how: QueryOptions, settings: Settings) -> str:
    """Return the bucket: the option, that of archive.toml, or that of the stack. Raises MisuseError."""
    deploy = deploy_settings.load(settings)
    if given := how.bucket or deploy.bucket:
        return split_url(given)[0]
    try:
        return stack_outputs(describe_stack(clients, deploy.stack_name), "BucketName")["BucketName"]
    except StackError as error:
        raise MisuseError(f"{error}. Or name the bucket with --bucket") from None


def known_names(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Return the names of the columns of each relation."""
    archive = tuple(column.name for column in ArchiveRelation(settings, AthenaDialect()).columns())
    history = (*archive, *STEP_COLUMNS)
    return {ARCHIVE: archive, UNIQUE: archive, LATEST: archive, HISTORY: history, ERRORS: ERROR_COLUMNS}


@contextmanager
def needs_extra(what: str) -> Iterator[None]:
    """Turn the absence of a package into the command that installs it. Raises MissingExtraError."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"{what} needs the package {error.name}. Install it: pip install 'ttl-archive[{_EXTRA}]'"
        ) from None
