"""The sinks by name, made from a plan."""

from threading import Event

from replay.aws import Clients
from replay.plan import Plan
from replay.sink import Sink
from replay.sink_s3 import S3Sink
from transform.settings import Settings

SINKS = ("s3", "kinesis", "firehose")


def make_sink(planned: Plan, clients: Clients, settings: Settings, attempts: int, stop: Event) -> Sink:
    """The sink that a plan names."""
    return S3Sink(clients("s3"), planned.bucket, settings, planned.target)


def warning(planned: Plan) -> str:
    """What an operator must know before the sink is used; empty when nothing."""
    return ""
