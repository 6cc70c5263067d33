"""The relations as they are deployed in Glue and Athena, compared with archive.toml and regenerated.

Glue's table `archive_files` declares text only, and the views over it give the types. So a column is added,
renamed or retyped by an update of the one and a replacement of the others. Nothing is dropped, and no row is
rewritten. What would make rows unreadable is refused here as the stack's guard refuses it.
"""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ttl_archive.infra.athena_views.athena_query import QueryContext, StatementError, run_statement
from ttl_archive.infra.athena_views.view_changes import creations
from ttl_archive.infra.attachment.attach import Waiter
from ttl_archive.infra.deploy_settings import Deploy
from ttl_archive.infra.evidence.schema_differences import SchemaDifference
from ttl_archive.infra.sql.archive_relation import ArchiveRelation
from ttl_archive.infra.sql.athena_dialect import AthenaDialect
from ttl_archive.infra.sql.relations import ARCHIVE, relations
from ttl_archive.infra.sql.text_table import ARCHIVE_FILES, archive_text_columns
from ttl_archive.replay.aws import error_code, translate_error
from ttl_archive.replay.errors import MisuseError, ObjectError
from ttl_archive.transform.layout import archive_folder
from ttl_archive.transform.settings import Settings

_TIMEOUT_S = 600.0
_CSV_SERDE = "OpenCSVSerde"
_MAPPING = "mapping."
# What GetTable returns and UpdateTable takes. Source: BC-glue, TableInput.
_TABLE_INPUT = (
    "Name",
    "Description",
    "Owner",
    "Retention",
    "StorageDescriptor",
    "PartitionKeys",
    "TableType",
    "Parameters",
)


@dataclass(frozen=True, slots=True)
class RelationsUpdate:
    """What an update does: the Glue table to write, None where it is as wanted, and the statements."""

    table: Mapping[str, Any] | None
    version: str | None
    statements: Sequence[str]
    added: Sequence[str]
    removed: Sequence[str]


def plan_relations(glue: Any, settings: Settings, deploy: Deploy) -> RelationsUpdate:
    """Compare the deployed text table with archive.toml, and return what has to be done.

    Raises MisuseError for a table that is not this archive's, and for a change that would make rows
    unreadable; AccessDeniedError and ObjectError as GetTable does.
    """
    found = _get_table(glue, deploy.database, ARCHIVE_FILES)
    if found is None:
        raise MisuseError(_not_deployed(deploy))
    _refuse_other_layout(found, settings, deploy)
    deployed = _column_names(found)
    columns = archive_text_columns(settings)
    wanted = [column.name for column in columns]
    is_csv = settings.output.format == "csv"
    if is_csv and wanted[: len(deployed)] != deployed:
        raise MisuseError(
            f"The columns of {deploy.database}.{ARCHIVE_FILES} are {', '.join(deployed)}, and cells of CSV "
            "are positional: columns can only be appended to them. Restore the order in archive.toml"
        )
    mappings = {} if is_csv or deploy.parquet else {f"{_MAPPING}{c.name}": c.key for c in columns}
    wanted_table = _with_columns(found, wanted, mappings)
    return RelationsUpdate(
        table=wanted_table if wanted_table != _with_columns(found, deployed, None) else None,
        version=found.get("VersionId"),
        statements=creations(relations(settings, AthenaDialect())),
        added=[name for name in wanted if name not in deployed],
        removed=[name for name in deployed if name not in wanted],
    )


def update_relations(
    glue: Any,
    athena: Any,
    update: RelationsUpdate,
    deploy: Deploy,
    *,
    on_statement: Callable[[int], None] = lambda _: None,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Write the Glue table, then create or replace each view; `on_statement` gets the number that are done.

    Can be repeated. Raises AccessDeniedError, which names the permission, and ObjectError with the reason.
    """
    if update.table is not None:
        version = {"VersionId": update.version} if update.version else {}
        try:
            glue.update_table(DatabaseName=deploy.database, TableInput=update.table, **version)
        except (ClientError, BotoCoreError) as error:
            raise translate_error(
                error, f"table {deploy.database}.{ARCHIVE_FILES}", "glue:UpdateTable"
            ) from error
    end = time.monotonic() + _TIMEOUT_S
    waiter = Waiter(lambda: end - time.monotonic(), pause)
    context = QueryContext(deploy.database, deploy.stack_name, str(uuid.uuid4()))
    for number, statement in enumerate(update.statements):
        try:
            run_statement(athena, statement, number, context, waiter)
        except StatementError as error:
            raise ObjectError(f"workgroup {context.workgroup}: {error}") from None
        except (ClientError, BotoCoreError) as error:
            action = f"athena:{getattr(error, 'operation_name', '')}"
            raise translate_error(error, f"workgroup {context.workgroup}", action) from error
        on_statement(number + 1)


def deployed_differences(glue: Any, settings: Settings, deploy: Deploy) -> list[SchemaDifference]:
    """Return what differs between the view `archive` in Athena and archive.toml.

    Raises MisuseError when nothing is deployed; AccessDeniedError and ObjectError as GetTable does.
    """
    view = _get_table(glue, deploy.database, ARCHIVE)
    if view is None:
        raise MisuseError(_not_deployed(deploy))
    deployed = {column["Name"]: column.get("Type", "") for column in view["StorageDescriptor"]["Columns"]}
    wanted = {column.name: column.type for column in ArchiveRelation(settings, AthenaDialect()).columns()}
    found = [
        SchemaDifference(
            "deployed", name, f"{name} {kind} is in archive.toml, and not in Athena's {ARCHIVE}."
        )
        for name, kind in wanted.items()
        if name not in deployed
    ]
    for name, kind in deployed.items():
        if name not in wanted:
            text = f"It is in Athena's {ARCHIVE}, and not in archive.toml."
            found.append(SchemaDifference("deployed", name, text))
        elif _glue_type(wanted[name]) != _glue_type(kind):
            text = f"It is {kind} in Athena's {ARCHIVE}, and {wanted[name]} in archive.toml."
            found.append(SchemaDifference("deployed", name, text))
    return found


def _get_table(glue: Any, database: str, name: str) -> dict[str, Any] | None:
    try:
        table: dict[str, Any] = glue.get_table(DatabaseName=database, Name=name)["Table"]
    except (ClientError, BotoCoreError) as error:
        if isinstance(error, ClientError) and error_code(error) == "EntityNotFoundException":
            return None
        raise translate_error(error, f"table {database}.{name}", "glue:GetTable") from error
    return table


def _not_deployed(deploy: Deploy) -> str:
    return (
        f"The Glue catalog has no relations in database {deploy.database}. Deploy first (ttl-archive synth), "
        "or check [deploy] database, --profile and --region"
    )


def _refuse_other_layout(table: Mapping[str, Any], settings: Settings, deploy: Deploy) -> None:
    """Raise MisuseError when the table reads other files than those of archive.toml."""
    storage = table["StorageDescriptor"]
    library = storage.get("SerdeInfo", {}).get("SerializationLibrary", "")
    date = [key["Name"] for key in table.get("PartitionKeys", [])]
    deployed_format = (
        "parquet" if "parquet" in library else "csv" if library.endswith(_CSV_SERDE) else "jsonl"
    )
    wanted_format = "parquet" if deploy.parquet else settings.output.format
    checks = {
        f"reads {storage['Location']}": storage["Location"].endswith(f"/{archive_folder(settings)}"),
        f"reads {deployed_format}": deployed_format == wanted_format,
        f"has the date column {', '.join(date)}": date == [settings.output.date_column],
    }
    for what, is_same in checks.items():
        if not is_same:
            raise MisuseError(
                f"{deploy.database}.{ARCHIVE_FILES} {what}, and archive.toml says otherwise. Only columns "
                "can be changed here. To see what an update of the stack may change: "
                f"ttl-archive check-config --deployed {deploy.stack_name}"
            )


def _column_names(table: Mapping[str, Any]) -> list[str]:
    return [column["Name"] for column in table["StorageDescriptor"]["Columns"]]


def _with_columns(
    table: Mapping[str, Any], names: Sequence[str], mappings: Mapping[str, str] | None
) -> dict[str, Any]:
    """Return the table as UpdateTable takes it, with these text columns; None leaves the mappings alone."""
    kept = {key: table[key] for key in _TABLE_INPUT if key in table}
    storage = dict(table["StorageDescriptor"])
    storage["Columns"] = [{"Name": name, "Type": "string"} for name in names]
    if mappings is not None:
        serde = dict(storage.get("SerdeInfo", {}))
        others = {k: v for k, v in serde.get("Parameters", {}).items() if not k.startswith(_MAPPING)}
        serde["Parameters"] = {**others, **mappings}
        storage["SerdeInfo"] = serde
    return kept | {"StorageDescriptor": storage}


def _glue_type(text: str) -> str:
    """Return one spelling of a type. How Glue stores the types of a view's columns is not documented."""
    plain = text.lower().replace(" ", "").partition("(")
    if plain[0] in ("varchar", "json"):
        return "string"
    return "timestamp" if plain[0].startswith("timestamp") else "".join(plain)
