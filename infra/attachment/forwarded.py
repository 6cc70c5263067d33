"""Whether the Streams road holds records that deleting it would lose.

All of these must hold, beside what is asked of both roads (deployed_road):

1. no event source mapping forwards to the delivery stream any more (ListEventSourceMappings);
2. when the forwarder last ran, and in the last ten minutes, it was not behind: IteratorAge, Errors and
   RecordsReturned, looked up over the 24 hours for which the table's stream keeps a change that was not
   forwarded; Lambda refused no invocation (Throttles), and no mapping that forwards reports a problem;
3. nothing was put into the delivery stream (IncomingRecords).

What changed in the last `batch_window_s` plus ten minutes before the mapping was disabled can still be in the
table's stream alone: no metric says that the forwarder read it.

Source: AWS Lambda Developer Guide, monitoring-metrics-types; Amazon Data Firehose Developer Guide,
monitoring-with-cloudwatch-metrics.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from botocore.exceptions import ClientError

from ttl_archive.infra.attachment.attach import POLL_S, DestinationError, Waiter, client_error_code
from ttl_archive.infra.attachment.deployed_road import RECENT_S, Clients, DeployedRoad
from ttl_archive.infra.attachment.metric_series import MetricName, read_series

# Source: DynamoDB Developer Guide, Streams: 24 hours.
_STREAM_S = 86_400
# A batch waits for its window, at most 300 s. Source: AWS Lambda API Reference, CreateEventSourceMapping.
MAX_AGE_S = 600
# How LastProcessingResult begins after a failure. UNVERIFIED; any other text is no reason to wait.
_PROBLEM = "PROBLEM"
# The alias of a function that others call: a mapping here, Firehose on the Kinesis road.
ALIAS = "live"
_FORWARDING_STATES = frozenset({"Creating", "Enabling", "Enabled", "Updating", "Disabling"})


@dataclass(frozen=True, slots=True)
class DeployedStreamsRoad(DeployedRoad):
    """See DeployedRoad. `function` is the name of the forwarder."""

    function: str

    @classmethod
    def from_properties(cls, properties: Mapping[str, str]) -> Self:
        """Read the properties of a Custom::DrainGuard."""
        return cls(
            table=properties["TableName"],
            function=properties["FunctionName"],
            delivery_stream=properties["DeliveryStreamName"],
            buffers_s=int(properties["BuffersSeconds"]),
        )

    def reasons_before_delivery(self, clients: Clients, now: datetime) -> list[str]:
        """Return why the table's stream or the delivery stream may still hold changes."""
        forwarding = [
            f"the mapping {uuid} still forwards changes of the table {self.table}"
            for uuid in self._forwarding(clients("lambda"))
        ]
        name = self.delivery_metric("IncomingRecords", "Sum")
        (put,) = read_series(clients("cloudwatch"), [name], now - timedelta(seconds=self.quiet_s), now)
        recent = [f"{put.total or 0:.0f} records were put within the last {self.quiet_s} seconds"]
        return [*forwarding, *self.reasons_behind(clients, now), *(recent if put.total else [])]

    def is_attached(self, clients: Clients) -> bool:
        """Return whether a mapping still forwards changes of the table."""
        return bool(self._forwarding(clients("lambda")))

    def detach(self, clients: Clients, waiter: Waiter) -> None:
        """Disable the mapping, which keeps its place in the stream, and wait until it is disabled.

        A road that is behind is left as it is, because the stream keeps a change for 24 hours only.
        Raises DestinationError for a road that is behind, and on timeout.
        """
        behind = self.reasons_behind(clients, datetime.now(UTC))
        if behind:
            raise DestinationError(
                f"The Streams road of {self.table} still has changes to forward: {'; '.join(behind)}. "
                "Correct the cause and let it catch up first: see the alarm ForwarderBehind"
            )
        client = clients("lambda")
        for uuid in self._forwarding(client):
            client.update_event_source_mapping(UUID=uuid, Enabled=False)
        while still := self._forwarding(client):
            if waiter.time_left() < POLL_S:
                raise DestinationError(f"The mapping {still[0]} is not disabled yet. Run the command again")
            waiter.pause(POLL_S)

    def _forwarding(self, client: Any) -> list[str]:
        """Return the UUIDs of the mappings that forward."""
        return [str(each["UUID"]) for each in self._forwarding_mappings(client)]

    def _forwarding_mappings(self, client: Any) -> list[dict[str, Any]]:
        return [each for each in mappings(client, self.function) if each["State"] in _FORWARDING_STATES]

    def reasons_behind(self, clients: Clients, now: datetime) -> list[str]:
        """Return why changes may remain in the table's stream that were not forwarded."""
        called = {"FunctionName": self.function}
        names = [
            MetricName("AWS/Lambda", "IteratorAge", "Maximum", called),
            MetricName("AWS/Lambda", "Errors", "Sum", called),
            MetricName("TtlArchive", "RecordsReturned", "Sum", {"Table": self.table}),
            MetricName("AWS/Lambda", "Throttles", "Sum", called),
        ]
        cloudwatch = clients("cloudwatch")
        kept = read_series(cloudwatch, names, now - timedelta(seconds=_STREAM_S), now)
        # The newest datapoint alone can be of one shard, while another one is behind.
        recent = read_series(cloudwatch, names, now - timedelta(seconds=RECENT_S), now)
        age_ms, errors, returned, _ = (
            max(old.last or 0, new.maximum or 0) for old, new in zip(kept, recent, strict=True)
        )
        throttles = recent[3].total or 0  # while all invocations are refused, the other metrics are missing
        rules = [
            (
                age_ms > MAX_AGE_S * 1000,
                f"the forwarder was {age_ms / 1000:.0f} seconds behind when it last ran",
            ),
            (errors > 0, "the forwarder failed when it last ran"),
            (returned > 0, f"the forwarder left {returned:.0f} records in the stream when it last ran"),
            (
                throttles > 0,
                f"Lambda refused to run the forwarder {throttles:.0f} times within the last {RECENT_S} "
                "seconds",
            ),
        ]
        return [*self._problems(clients("lambda")), *(text for broken, text in rules if broken)]

    def _problems(self, client: Any) -> list[str]:
        """Return what keeps a mapping from reading or calling; no metric shows a stream that is not read."""
        return [
            f"the mapping {each['UUID']} reports {problem}"
            for each in self._forwarding_mappings(client)
            if (problem := reported_problem(each))
        ]


def mappings(client: Any, function: str) -> list[dict[str, Any]]:
    """Return the event source mappings of a function and of its alias; a deleted function has none.

    The road's mapping calls the alias, and whether the name alone finds it is UNVERIFIED: both are asked.
    """
    found = [each for name in (function, f"{function}:{ALIAS}") for each in _mappings_of(client, name)]
    return list({each["UUID"]: each for each in found}.values())


def reported_problem(mapping: Mapping[str, Any]) -> str:
    """Return what an event source mapping says about its last try when it failed, else an empty text."""
    result = str(mapping.get("LastProcessingResult", ""))
    return result if result.startswith(_PROBLEM) else ""


def _mappings_of(client: Any, function: str) -> list[dict[str, Any]]:
    try:
        pages = client.get_paginator("list_event_source_mappings").paginate(FunctionName=function)
        return [mapping for page in pages for mapping in page["EventSourceMappings"]]
    except ClientError as error:
        if client_error_code(error) == "ResourceNotFoundException":
            return []
        raise
