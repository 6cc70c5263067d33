"""The sinks by name."""

from threading import Event

from ttl_archive.replay.aws import DEFAULT_ATTEMPTS, Clients
from ttl_archive.replay.sinks.s3_sink import S3Sink
from ttl_archive.replay.sinks.sink import Sink
from ttl_archive.replay.sinks.stream_sink import firehose_sink, kinesis_sink
from ttl_archive.transform.settings import Settings

_STREAMS = {"kinesis": kinesis_sink, "firehose": firehose_sink}
SINKS = ("s3", *_STREAMS)
_WARNINGS = {
    "kinesis": "Every consumer of the data stream {} sees these records again.",
    "firehose": "The records pass through the deployed transform of {} again, and are billed again.",
}


def make_sink(
    name: str,
    stream: str | None,
    bucket: str,
    clients: Clients,
    settings: Settings,
    *,
    stop: Event,
    attempts: int = DEFAULT_ATTEMPTS,
) -> Sink:
    """Return the sink of that name; `stream` is the name of the stream where the sink is one."""
    if name in _STREAMS:
        # The sink repeats calls itself: it renews the claim before each, and sends only what was refused.
        client = clients(name, retries=False)
        return _STREAMS[name](client, str(stream), attempts, stop)
    return S3Sink(clients("s3"), bucket, settings)


def warning(name: str, target: str) -> str:
    """Return what an operator must know before the sink is used; empty when there is nothing."""
    return _WARNINGS.get(name, "").format(target)
