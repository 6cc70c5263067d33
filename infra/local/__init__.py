"""The pipeline on one machine: the real transform, real API calls, and no AWS account.

    your code ── boto3 ──▶ DynamoDB (emulator)                AWS: DynamoDB
                   TTL sweep by the clock    dynamodb/        AWS: the TTL process
                              │              dynamodb/        AWS: Kinesis streaming destination
                              ▼
                   Kinesis data stream (emulator)             AWS: Kinesis Data Streams
                              │
                   delivery stream           firehose/        AWS: Amazon Data Firehose
                     ├─ transform            lambda_runtime/  AWS: Lambda, here AWS's own runtime client
                     ▼
                   S3 (emulator) ◀─ SQL      gateway          one endpoint for every service
    services         everything but a pipeline, at one endpoint; `ttl-archive firehose` runs it
    local_sql        AWS: Athena
                     └─ GLACIER, restore     s3/

Everything follows one clock, which a test advances by hand; nothing sleeps and no time is random.
In a test of your own:

    from ttl_archive.infra.local import Clock, Pipeline

    def test_expired_orders_are_in_the_archive():
        with Pipeline("archive.toml", keys={"orderId": "S"}, clock=Clock(START)) as pipeline:
            pipeline.dynamodb.put_item(TableName=pipeline.table, Item=ORDER)
            pipeline.clock.advance(days=31)
            pipeline.sweep()
            pipeline.flush()
            assert [("order-1",)] == pipeline.sql("SELECT order_id FROM archive").fetchall()

The parts can be used alone: Emulator (S3, DynamoDB, Kinesis over HTTP), Firehose (a strict delivery stream),
LambdaRuntime and InProcess (functions), Sweeper, StreamingDestination, S3Proxy (faults and restores).

    firehose/        the delivery stream and its API; imports nothing of ours outside itself
    event_source/    an event source mapping: DynamoDB Streams to a function
    dynamodb/        TTL sweep, streaming destination
    lambda_runtime/  AWS's runtime client around a handler
    s3/              lifecycle, retrievals, fault proxy
    moto_server/     S3, DynamoDB and Kinesis APIs in a child process
    roads/           the two roads of changes into the bucket, as parts of a pipeline
    demo/            `ttl-archive demo`
    child_process    Python child processes that end with their parent
    started_parts    parts that are started together, and closed in the opposite order
    gateway          one endpoint for every service
    services         everything but a pipeline, at one endpoint; `ttl-archive firehose` runs it
    local_sql        SQL over the delivered objects
    in_process_function  our functions without the runtime client
    local_archive    the bucket of a pipeline: its objects, and SQL over them
    queue_poller     messages of an SQS queue to a function
    pipeline         all of it together
    resources        the requests that create the pipeline's resources

Linux and macOS; no Docker, no network. A name is loaded when it is first used, so that importing one part
does not import all.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ttl_archive.infra.local.dynamodb.streaming_destination import (
        StreamingDestination as StreamingDestination,
    )
    from ttl_archive.infra.local.dynamodb.ttl import Sweeper as Sweeper
    from ttl_archive.infra.local.dynamodb.ttl import create_table as create_table
    from ttl_archive.infra.local.firehose.clock import Clock as Clock
    from ttl_archive.infra.local.firehose.clock import SystemClock as SystemClock
    from ttl_archive.infra.local.firehose.function import FunctionError as FunctionError
    from ttl_archive.infra.local.firehose.function import FunctionTimedOut as FunctionTimedOut
    from ttl_archive.infra.local.firehose.function import InProcess as InProcess
    from ttl_archive.infra.local.firehose.service import Firehose as Firehose
    from ttl_archive.infra.local.firehose.service_error import ServiceError as ServiceError
    from ttl_archive.infra.local.lambda_runtime.runtime_client import LambdaRuntime as LambdaRuntime
    from ttl_archive.infra.local.moto_server.emulator import Emulator as Emulator
    from ttl_archive.infra.local.pipeline import Pipeline as Pipeline
    from ttl_archive.infra.local.resources import Buffering as Buffering
    from ttl_archive.infra.local.s3.lifecycle import apply_lifecycle as apply_lifecycle
    from ttl_archive.infra.local.s3.proxy import Fault as Fault
    from ttl_archive.infra.local.s3.proxy import S3Proxy as S3Proxy

_WHERE = {
    "Buffering": "resources",
    "Clock": "firehose.clock",
    "Emulator": "moto_server.emulator",
    "Fault": "s3.proxy",
    "Firehose": "firehose.service",
    "FunctionError": "firehose.function",
    "FunctionTimedOut": "firehose.function",
    "InProcess": "firehose.function",
    "LambdaRuntime": "lambda_runtime.runtime_client",
    "Pipeline": "pipeline",
    "S3Proxy": "s3.proxy",
    "ServiceError": "firehose.service_error",
    "StreamingDestination": "dynamodb.streaming_destination",
    "Sweeper": "dynamodb.ttl",
    "SystemClock": "firehose.clock",
    "apply_lifecycle": "s3.lifecycle",
    "create_table": "dynamodb.ttl",
}
__all__ = list(_WHERE)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"ttl_archive.infra.local.{_WHERE[name]}"), name)
