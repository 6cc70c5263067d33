"""Which checks `ttl-archive doctor` runs, in which order, and what it prints."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from ttl_archive.infra import deploy_settings
from ttl_archive.infra.deployed_stack import GetClient, describe_stack, stack_outputs
from ttl_archive.infra.doctor.account_checks import (
    check_identity,
    check_permissions,
    check_quotas,
    check_stack,
)
from ttl_archive.infra.doctor.bucket_checks import check_bucket, check_lifecycle
from ttl_archive.infra.doctor.finding import Check, Finding, Health, run_check
from ttl_archive.infra.doctor.road_checks import check_delivery_status, check_destination, check_mapping
from ttl_archive.infra.doctor.table_checks import check_table, check_ttl, check_ttl_values
from ttl_archive.infra.evidence.command_clients import clients_of_command
from ttl_archive.replay.commands import show
from ttl_archive.replay.commands.options import FAILED
from ttl_archive.transform.settings import Settings, load

_WIDTH = 16


def run_doctor(*, config: Path | None, profile: str | None, region: str | None, as_json: bool) -> int:
    """Run every check, print what was found, and return the exit code. Raises SettingsError."""
    settings = load(config, deploy_settings.SECTIONS)
    stack_name = deploy_settings.load(settings).stack_name
    found = examine(clients_of_command(profile, region), settings, stack_name, datetime.now(UTC))
    if as_json:
        show.as_json([{name: getattr(each, name) for name in Finding.__slots__} for each in found])
    else:
        print_findings(found)
    return FAILED if any(each.health is Health.PROBLEM for each in found) else 0


def examine(clients: GetClient, settings: Settings, stack_name: str, now: datetime) -> list[Finding]:
    """Return what every check found. A part that the stack does not name is `not checked`."""
    table, dynamodb = settings.table, clients("dynamodb")
    checks: list[tuple[str, Check]] = [
        ("identity", partial(check_identity, clients("sts"))),
        ("table", partial(check_table, dynamodb, table.name)),
        ("TTL", partial(check_ttl, dynamodb, table.name, table.ttl_attribute)),
        ("TTL lag", partial(check_ttl_values, dynamodb, table.name, table.ttl_attribute, now)),
        ("quota", partial(check_quotas, clients("kinesis"), clients("lambda"))),
    ]
    found = [finding for part, check in checks for finding in run_check(part, check)]
    stack: dict[str, Any] = {}

    def look() -> Any:
        stack.update(describe_stack(clients, stack_name))
        yield from check_stack(stack)

    found += run_check("stack", look)
    if not stack:
        text = "the stack cannot be described, so its parts are not known"
        return [*found, *(Finding(p, Health.NOT_CHECKED, text) for p in ("road", "bucket", "permissions"))]
    for part, check in _stack_checks(clients, settings, stack):
        found += run_check(part, check)
    return found


def _stack_checks(
    clients: GetClient, settings: Settings, stack: Mapping[str, Any]
) -> list[tuple[str, Check]]:
    """Return the checks of the parts that the outputs of the stack name."""
    outputs, table, dynamodb = stack_outputs(stack, "BucketName"), settings.table.name, clients("dynamodb")
    bucket = outputs["BucketName"]
    arn = f"arn:{stack['StackId'].split(':')[1]}:s3:::{bucket}"
    by_output: dict[str, tuple[str, Callable[[str], Check]]] = {
        "StreamName": ("destination", lambda name: partial(check_destination, dynamodb, table, name)),
        "ForwarderFunction": (
            "mapping",
            lambda name: partial(check_mapping, clients("lambda"), dynamodb, table, name),
        ),
        "DeliveryStreamName": (
            "delivery stream",
            lambda name: partial(check_delivery_status, clients("firehose"), name),
        ),
        "ForwardDeliveryStreamName": (
            "delivery stream",
            lambda name: partial(check_delivery_status, clients("firehose"), name),
        ),
    }
    checks = [
        (part, make(outputs[output])) for output, (part, make) in by_output.items() if output in outputs
    ]
    return [
        *checks,
        ("bucket", partial(check_bucket, clients("s3"), bucket)),
        ("lifecycle", partial(check_lifecycle, clients("s3"), bucket, settings)),
        ("permissions", partial(check_permissions, clients("sts"), clients("iam"), arn, settings)),
    ]


def print_findings(found: list[Finding]) -> None:
    """Print each finding with its remedy, then one sentence."""
    for each in found:
        text = each.text if each.health is Health.OK else f"{str(each.health).upper()}: {each.text}"
        show.field(each.part, text, _WIDTH)
        if each.remedy:
            show.field("", f"→ {each.remedy}", _WIDTH)
    counts = {str(health): sum(each.health is health for each in found) for health in Health}
    show.field("answer", show.counts(counts), _WIDTH)
