"""Why a road may not leave the stack yet, asked before an update changes anything.

CloudFormation removes what an update no longer has after it has ended the update as complete, so that a drain
guard alone is asked too late. Source: AWS CloudFormation User Guide, UPDATE_COMPLETE_CLEANUP_IN_PROGRESS.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ttl_archive.infra.attachment.deployed_layout import Clients, rows_folder, stack_resources
from ttl_archive.infra.attachment.deployed_road import DeployedRoad
from ttl_archive.infra.attachment.drained import DeployedKinesisRoad
from ttl_archive.infra.attachment.forwarded import DeployedStreamsRoad
from ttl_archive.infra.attachment.layout_rules import Layout

_FIREHOSE = "AWS::KinesisFirehose::DeliveryStream"
_MAPPING = "AWS::Lambda::EventSourceMapping"


def reasons_to_keep(
    clients: Clients, stack_id: str, wanted: Layout, deployed: Layout, buffers_s: int, now: datetime
) -> list[str]:
    """Return one sentence when a road leaves that may hold changes; an empty list when none leaves."""
    if deployed.source != "both" or wanted.source == "both":
        return []
    leaving = "kinesis" if wanted.source == "streams" else "streams"
    waits = [
        reason
        for road in _roads(clients, stack_id, wanted.table, leaving, buffers_s)
        for reason in road.reasons_to_wait(clients, now)
    ]
    if not waits:
        return []
    return [
        f'[deploy] source is "{wanted.source}", and the {leaving} road would be deleted before it is '
        f"drained: {'; '.join(waits)}. Run ttl-archive drain --road {leaving} --yes first"
    ]


def _roads(clients: Clients, stack_id: str, table: str, leaving: str, buffers_s: int) -> list[DeployedRoad]:
    """Find the road in the stack; its delivery stream has the table in its prefix."""
    found: dict[str, list[str]] = {}
    for each in stack_resources(clients("cloudformation"), stack_id):
        found.setdefault(each["ResourceType"], []).append(each["PhysicalResourceId"])
    roads: list[DeployedRoad] = []
    for name in found.get(_FIREHOSE, []):
        described = clients("firehose").describe_delivery_stream(DeliveryStreamName=name)
        description = described["DeliveryStreamDescription"]
        if not _is_of(description, table):
            continue
        stream_arn = _stream_arn(description)
        if leaving == "kinesis" and stream_arn:
            roads.append(DeployedKinesisRoad(table, name, buffers_s, stream_arn))
        if leaving == "streams" and not stream_arn:
            functions = _forwarders(clients("lambda"), found.get(_MAPPING, []), table)
            roads += [DeployedStreamsRoad(table, name, buffers_s, function) for function in functions]
    return roads


def _is_of(description: Mapping[str, Any], table: str) -> bool:
    (destination,) = description["Destinations"]
    prefix: str = destination["ExtendedS3DestinationDescription"]["Prefix"]
    return prefix.startswith(rows_folder(table))


def _stream_arn(description: Mapping[str, Any]) -> str | None:
    source = description.get("Source", {}).get("KinesisStreamSourceDescription", {})
    found: str | None = source.get("KinesisStreamARN")
    return found


def _forwarders(client: Any, uuids: list[str], table: str) -> list[str]:
    """Return the names of the functions that the stack's mappings call for changes of the table."""
    pages = client.get_paginator("list_event_source_mappings").paginate()
    return [
        each["FunctionArn"].split(":")[6]
        for page in pages
        for each in page["EventSourceMappings"]
        if each["UUID"] in uuids and f":table/{table}/" in each.get("EventSourceArn", "")
    ]
