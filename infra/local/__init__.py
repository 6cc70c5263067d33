"""The pipeline on one machine: the real transform, real API calls, and no AWS account.

    your code ── boto3 ──▶ DynamoDB (emulator)          AWS: DynamoDB
                   TTL sweep by the clock    table      AWS: the TTL process
                              │ bridge                  AWS: Kinesis streaming destination
                              ▼
                   Kinesis data stream (emulator)       AWS: Kinesis Data Streams
                              │
                   delivery stream           firehose   AWS: Amazon Data Firehose
                     ├─ transform            runtime    AWS: Lambda, here AWS's own runtime client
                     ▼
                   S3 (emulator) ◀─ SQL      sql        AWS: Athena
                     └─ GLACIER, restore     lifecycle, restores, s3_proxy

Everything waits for one clock, which a test moves by hand; nothing sleeps and nothing is random in time.
In a test of your own:

    from infra.local import Clock, Pipeline

    def test_expired_orders_are_in_the_archive():
        with Pipeline("archive.toml", keys={"orderId": "S"}, clock=Clock(START)) as pipeline:
            pipeline.dynamodb.put_item(TableName=pipeline.table, Item=ORDER)
            pipeline.clock.advance(days=31)
            pipeline.sweep()
            pipeline.flush()
            assert [("order-1",)] == pipeline.sql("SELECT order_id FROM archive").fetchall()

The parts stand alone too: Emulator (S3, DynamoDB, Kinesis over HTTP), Firehose (a strict delivery stream),
LambdaRuntime and InProcess (functions), Sweeper, Bridge, S3Proxy (faults and restores on demand).
Linux and macOS; no Docker, no network. Names are loaded when they are first asked for, so that importing one
part does not import all.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from infra.local.bridge import Bridge as Bridge
    from infra.local.clock import Clock as Clock
    from infra.local.clock import SystemClock as SystemClock
    from infra.local.emulator import Emulator as Emulator
    from infra.local.firehose import Firehose as Firehose
    from infra.local.function import FunctionError as FunctionError
    from infra.local.function import FunctionTimedOut as FunctionTimedOut
    from infra.local.function import InProcess as InProcess
    from infra.local.lifecycle import apply_lifecycle as apply_lifecycle
    from infra.local.pipeline import Pipeline as Pipeline
    from infra.local.resources import Buffering as Buffering
    from infra.local.runtime import LambdaRuntime as LambdaRuntime
    from infra.local.s3_proxy import Fault as Fault
    from infra.local.s3_proxy import S3Proxy as S3Proxy
    from infra.local.service_error import ServiceError as ServiceError
    from infra.local.table import Sweeper as Sweeper
    from infra.local.table import create_table as create_table

_WHERE = {
    "Bridge": "bridge",
    "Buffering": "resources",
    "Clock": "clock",
    "Emulator": "emulator",
    "Fault": "s3_proxy",
    "Firehose": "firehose",
    "FunctionError": "function",
    "FunctionTimedOut": "function",
    "InProcess": "function",
    "LambdaRuntime": "runtime",
    "Pipeline": "pipeline",
    "S3Proxy": "s3_proxy",
    "ServiceError": "service_error",
    "Sweeper": "table",
    "SystemClock": "clock",
    "apply_lifecycle": "lifecycle",
    "create_table": "table",
}
__all__ = list(_WHERE)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"infra.local.{_WHERE[name]}"), name)
