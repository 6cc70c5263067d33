from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import textwrap
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.processes import ends
from ttl_archive.infra.local.dynamodb.ttl import create_table
from ttl_archive.infra.local.moto_server.emulator import Emulator, EmulatorError

PROJECT = Path(__file__).parents[4]


def stream_records(streams: Any, table: str) -> list[dict[str, Any]]:
    arn = streams.list_streams(TableName=table)["Streams"][0]["StreamArn"]
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )
    return streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


def test_s3_dynamodb_streams_and_kinesis_answer_over_http() -> None:
    with Emulator() as fresh:
        assert fresh.client("s3").list_buckets()["Buckets"] == []
        assert fresh.client("dynamodb").list_tables()["TableNames"] == []
        assert fresh.client("dynamodbstreams").list_streams()["Streams"] == []
        assert fresh.client("kinesis").list_streams()["StreamNames"] == []


def test_boto3_in_another_process_needs_only_the_environment(emulator: Emulator) -> None:
    program = "import boto3; boto3.client('s3').create_bucket(Bucket='from-outside')"
    environment = {"PATH": os.environ["PATH"], **emulator.environment()}

    subprocess.run([sys.executable, "-c", program], env=environment, check=True)

    buckets = emulator.client("s3").list_buckets()["Buckets"]
    assert "from-outside" in [bucket["Name"] for bucket in buckets]


def test_the_users_own_profile_files_and_proxy_have_no_part_in_it(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text("[default]\nregion = eu-west-9\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "there-is-none")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_KINESIS", "http://127.0.0.1:1")

    client = emulator.client("kinesis")

    assert client.meta.region_name == "us-east-1"
    assert client.list_streams()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_two_emulators_share_nothing(emulator: Emulator) -> None:
    emulator.client("s3").create_bucket(Bucket="only-here")
    with Emulator() as other:
        assert emulator.url != other.url
        assert other.client("s3").list_buckets()["Buckets"] == []


def test_every_attribute_type_comes_back_from_the_table_and_its_stream(emulator: Emulator) -> None:
    dynamodb, streams = emulator.client("dynamodb"), emulator.client("dynamodbstreams")
    item = {
        "pk": {"S": "a"},
        "n": {"N": "-1.5"},
        "b": {"B": b"\x00\xff"},
        "flag": {"BOOL": False},
        "none": {"NULL": True},
        "sets": {"M": {"ss": {"SS": ["x"]}, "ns": {"NS": ["1"]}, "bs": {"BS": [b"\x01"]}}},
        "list": {"L": [{"L": []}, {"M": {}}, {"S": ""}, {"B": b""}]},
        "S": {"S": "named as a type"},
    }
    create_table(dynamodb, "types", keys={"pk": "S"}, ttl_attribute="ttl")
    dynamodb.put_item(TableName="types", Item=item)

    (change,) = stream_records(streams, "types")
    assert change["dynamodb"]["NewImage"] == item
    assert "OldImage" not in change["dynamodb"]
    assert dynamodb.scan(TableName="types")["Items"] == [item]


def test_changes_of_many_writers_are_each_in_the_stream_once(emulator: Emulator) -> None:
    dynamodb, streams = emulator.client("dynamodb"), emulator.client("dynamodbstreams")
    create_table(dynamodb, "writers", keys={"pk": "S"}, ttl_attribute="ttl")
    with ThreadPoolExecutor(8) as pool:
        for number in range(400):
            pool.submit(dynamodb.put_item, TableName="writers", Item={"pk": {"S": str(number)}})

    records = [record["dynamodb"] for record in stream_records(streams, "writers")]
    assert {record["Keys"]["pk"]["S"] for record in records} == set(map(str, range(400)))
    assert len({record["SequenceNumber"] for record in records}) == 400


def test_of_the_first_items_of_a_partition_none_is_lost() -> None:
    """moto's own table, where threads take turns as often as they can: unmended it lost some in every run."""
    program = textwrap.dedent("""
        import sys, threading
        from moto.dynamodb.models.table import Table
        from ttl_archive.infra.local.moto_server import server_process

        def write(writer):
            for number in range(500):
                together.wait()
                table.put_item({"pk": {"S": str(number)}, "sk": {"S": str(writer)}})

        server_process._fix_moto()
        sys.setswitchinterval(1e-6)
        together = threading.Barrier(4)
        schema = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
        attr = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]
        table = Table("first", account_id="1" * 12, region="us-east-1", schema=schema, attr=attr)
        writers = [threading.Thread(target=write, args=[writer]) for writer in range(4)]
        [writer.start() for writer in writers], [writer.join() for writer in writers]
        print(sum(map(len, table.items.values())))
    """)

    found = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True
    )

    assert found.stdout.strip() == "2000"


def test_of_many_puts_to_a_data_stream_none_is_lost(emulator: Emulator) -> None:
    kinesis = emulator.client("kinesis")
    kinesis.create_stream(StreamName="puts", ShardCount=1)
    with ThreadPoolExecutor(8) as pool:
        for number in range(200):
            pool.submit(kinesis.put_record, StreamName="puts", Data=str(number), PartitionKey="k")

    iterator = kinesis.get_shard_iterator(
        StreamName="puts", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )
    records = kinesis.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    assert {record["Data"] for record in records} == {str(number).encode() for number in range(200)}
    assert len(records) == 200


def test_a_connection_serves_many_requests_of_any_kind(emulator: Emulator) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port)
    connection.connect()
    first = connection.sock
    for body, headers in [
        (b"x" * 100_000, {}),
        (iter([b"chun", b"ked"]), {"Transfer-Encoding": "chunked"}),
        (b"", {}),
    ]:
        connection.request("PUT", "/no-such-bucket/key", body, headers, encode_chunked=bool(headers))
        assert connection.getresponse().read().count(b"NoSuchBucket") == 1
    connection.request("HEAD", "/no-such-bucket/key")
    assert (connection.getresponse().status, connection.sock) == (404, first)
    connection.close()


def test_stopping_ends_the_process_and_may_be_done_twice() -> None:
    with Emulator() as emulator:
        pid = emulator.pid

    emulator.stop()
    assert ends(pid)


def test_a_server_that_ended_is_reported_with_its_address() -> None:
    with Emulator() as emulator:
        os.kill(emulator.pid, signal.SIGKILL)
        assert ends(emulator.pid)

        with pytest.raises(EmulatorError, match=rf"{emulator.url} does not answer"):
            emulator.wait_ready()


def test_the_server_ends_with_its_parent() -> None:
    program = """
    import time
    from ttl_archive.infra.local.moto_server.emulator import Emulator
    with Emulator() as emulator:
        print(emulator.pid, flush=True)
        time.sleep(60)
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as parent:
        pid = int(parent.stdout.readline())
        parent.kill()

    assert ends(pid)


def test_ctrl_c_ends_the_server_with_its_owner() -> None:
    program = """
    import time
    from ttl_archive.infra.local.moto_server.emulator import Emulator
    try:
        with Emulator() as emulator:
            print(emulator.pid, flush=True)
            time.sleep(60)
    except KeyboardInterrupt:
        print("interrupted")
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as owner:
        pid = int(owner.stdout.readline())
        owner.send_signal(signal.SIGINT)
        assert owner.stdout.read() == "interrupted\n"

    assert ends(pid)


@pytest.mark.parametrize("header", [{"Origin": "https://evil.example"}, {"Host": "evil.example"}])
@pytest.mark.parametrize("path", ["/", "/moto-api/reset"])
def test_a_page_of_another_site_is_refused(emulator: Emulator, header: dict[str, str], path: str) -> None:
    request = urllib.request.Request(emulator.url + path, b"{}", header, method="POST")

    with pytest.raises(urllib.error.HTTPError, match="403") as caught:
        urllib.request.urlopen(request)
    caught.value.close()


def test_a_data_stream_has_a_maximum_record_size_that_can_be_raised(emulator: Emulator) -> None:
    kinesis = emulator.client("kinesis")
    kinesis.create_stream(StreamName="default", ShardCount=1)
    kinesis.create_stream(StreamName="large", ShardCount=1, MaxRecordSizeInKiB=2048)

    def largest(name: str) -> int:
        summary = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
        return int(summary["MaxRecordSizeInKiB"])

    assert (largest("default"), largest("large")) == (1024, 2048)
    arn = kinesis.describe_stream_summary(StreamName="default")["StreamDescriptionSummary"]["StreamARN"]
    kinesis.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=4096)
    assert largest("default") == 4096


@pytest.mark.parametrize(("size", "accepted"), [(2 * 1024 * 1024 - 1, True), (2 * 1024 * 1024, False)])
def test_a_record_over_the_maximum_of_its_data_stream_is_refused(
    emulator: Emulator, size: int, accepted: bool
) -> None:
    kinesis = emulator.client("kinesis")
    name = f"sized-{size}"
    kinesis.create_stream(StreamName=name, ShardCount=1, MaxRecordSizeInKiB=2048)
    records = [{"Data": bytes(size), "PartitionKey": "k"}]  # the partition key counts, too

    if accepted:
        assert kinesis.put_records(StreamName=name, Records=records)["FailedRecordCount"] == 0
    else:
        with pytest.raises(ClientError, match=r"length less than or equal to 1048576|exceed"):
            kinesis.put_records(StreamName=name, Records=records)


@pytest.mark.parametrize(
    ("sizes", "message"), [([1] * 501, "less than or equal to 500"), ([1_000_000] * 11, "exceed")]
)
def test_a_call_has_500_records_and_10_mib(emulator: Emulator, sizes: list[int], message: str) -> None:
    kinesis = emulator.client("kinesis", parameter_validation=False)
    kinesis.create_stream(StreamName=f"full-{len(sizes)}", ShardCount=1)
    records = [{"Data": bytes(size), "PartitionKey": "k"} for size in sizes]

    with pytest.raises(ClientError, match=message):
        kinesis.put_records(StreamName=f"full-{len(sizes)}", Records=records)


def test_a_service_that_moto_cannot_import_is_refused_in_the_protocol_of_its_client(
    emulator: Emulator,
) -> None:
    with pytest.raises(ClientError, match="The emulator does not serve this: No module named"):
        emulator.client("cloudformation").describe_stacks(StackName="archive")
