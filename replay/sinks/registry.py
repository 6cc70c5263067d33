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
    "kinesis": "Every consumer of the data stream {} sees these records again, not only the delivery stream.",
    "firehose": "The records pass through the deployed transform of {} again, and are billed again.",
}


def make_sink(
    name: str,
    target: str,
    bucket: str,
    clients: Clients,
    settings: Settings,
    *,
    stop: Event,
    attempts: int = DEFAULT_ATTEMPTS,
) -> Sink:
    """The sink of that name. `target` is the archive's prefix in the bucket, or the stream."""
    if name in _STREAMS:
        # A call is sent again by us, and only what of it was refused.
        client = clients(name, retries=False)
        return _STREAMS[name](client, target, attempts, stop)
    return S3Sink(clients("s3"), bucket, settings, target)


def warning(name: str, target: str) -> str:
    """What an operator must know before the sink is used; empty when nothing."""
    return _WARNINGS.get(name, "").format(target)
