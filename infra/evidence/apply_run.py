"""The steps of `ttl-archive schema apply`."""

from pathlib import Path

from ttl_archive.infra import deploy_settings
from ttl_archive.infra.evidence.command_clients import clients_of_command
from ttl_archive.infra.evidence.deployed_relations import plan_relations, update_relations
from ttl_archive.replay.commands import show
from ttl_archive.replay.commands.progress import counter
from ttl_archive.transform.settings import Settings, load


def run_apply(
    *, config: Path | None, profile: str | None, region: str | None, dry_run: bool, as_json: bool
) -> None:
    """Regenerate the relations in Athena. Raises MisuseError, AccessDeniedError and ObjectError."""
    settings = load(config, deploy_settings.SECTIONS)
    deploy = deploy_settings.load(settings)
    clients = clients_of_command(profile, region)
    update = plan_relations(clients("glue"), settings, deploy)
    document = {
        "database": deploy.database,
        "workgroup": deploy.stack_name,
        "added": list(update.added),
        "removed": list(update.removed),
        "views": len(update.statements),
        "done": not dry_run,
    }
    if not as_json:
        show.field("database", deploy.database)
        show.field("columns added", ", ".join(update.added) or "none")
        show.field("columns removed", ", ".join(update.removed) or "none")
    if dry_run:
        if not as_json:
            show.block("\n\n".join(f"{statement};" for statement in update.statements))
    else:
        with counter("views", len(update.statements)) as done:
            update_relations(
                clients("glue"),
                clients("athena"),
                update,
                deploy,
                on_statement=lambda number: done(number, len(update.statements)),
            )
    if as_json:
        show.as_json(document)
    elif not dry_run:
        show.field("views replaced", str(len(update.statements)))
        show.note(_after_apply(settings))


def _after_apply(settings: Settings) -> str:
    if settings.output.image:
        return "Rows of every age answer by their image. Deploy the same archive.toml with the next update."
    return (
        "New columns are NULL in rows without an image where the row does not have the attribute. Deploy the "
        "same archive.toml, so that the function writes the columns: ttl-archive synth"
    )
