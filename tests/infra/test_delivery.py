"""The delivery stream: the local Firehose runs the properties of the template."""

import base64
import gzip
import json
from collections import Counter
from typing import Any

import pytest

from tests.fakes import FakeKinesis, FakeS3
from tests.infra.stacks import CASES, COLUMNS, KEY_ARN, deploy_of, settings_of, table_of
from tests.infra.templates import Template
from tests.transform.builders import EVENT_US, change, encoded, event
from ttl_archive.infra.local.firehose.clock import Clock
from ttl_archive.infra.local.firehose.configuration import check_delivery_stream
from ttl_archive.infra.local.firehose.function import InProcess
from ttl_archive.infra.local.firehose.service import Firehose
from ttl_archive.transform.batch import batch_transform
from ttl_archive.transform.limits import RESPONSE_BYTES, response_bytes
from ttl_archive.transform.settings import parse

DELIVERY = "AWS::KinesisFirehose::DeliveryStream"
# The local Firehose does not run these cases; it checks them all the same.
CHECKED_ONLY = {"parquet-with-backup"}


def request(template: Template) -> dict[str, Any]:
    return {"DeliveryStreamName": "d", **template.one(DELIVERY)}


def destination(template: Template) -> dict[str, Any]:
    found: dict[str, Any] = template.one(DELIVERY)["ExtendedS3DestinationConfiguration"]
    return found


def parameters(template: Template) -> dict[str, str]:
    (processor,) = destination(template)["ProcessingConfiguration"]["Processors"]
    return {entry["ParameterName"]: entry["ParameterValue"] for entry in processor["Parameters"]}


# What AWS would refuse


def test_the_local_firehose_accepts_the_delivery_stream(kinesis_template: Template) -> None:
    check_delivery_stream(request(kinesis_template))


def test_the_check_can_fail(defaults: Template) -> None:
    broken = request(defaults)
    del broken["ExtendedS3DestinationConfiguration"]["ErrorOutputPrefix"]

    with pytest.raises(Exception, match="ErrorOutputPrefix"):
        check_delivery_stream(broken)


# What is deployed is what was tested


@pytest.mark.parametrize(
    "case", [case for case in CASES if deploy_of(case).source == "kinesis" and case not in CHECKED_ONLY]
)
def test_changes_travel_through_the_deployed_properties(templates: dict[str, Template], case: str) -> None:
    template, settings = templates[case], settings_of(case)
    s3, kinesis, clock = FakeS3(), FakeKinesis(), Clock()
    functions = {parameters(template)["LambdaArn"]: InProcess(batch_transform(settings))}
    firehose = Firehose(s3=s3, kinesis=kinesis, functions=functions, clock=clock)
    firehose.create_delivery_stream(**request(template))
    kinesis.put(encoded(change({"id": {"S": "a"}}, tableName=table_of(case))))
    kinesis.put(b"damaged")

    firehose.flush()

    day = "2025-11-21" if settings.output.partition_by == "event" else f"{clock.now():%Y-%m-%d}"
    (row,) = s3.listed(f"archive/{table_of(case)}/{settings.output.date_column}={day}/")
    assert row.endswith(f".{settings.output.format}.gz")
    assert str(EVENT_US) in gzip.decompress(s3.body(row)).decode()
    (failed,) = s3.listed(f"errors/{table_of(case)}/processing-failed/dt={clock.now():%Y-%m-%d}/")
    assert base64.b64decode(json.loads(s3.body(failed))["rawData"]) == b"damaged"
    assert len(s3.objects) == 2


# What users rely on


def test_the_function_is_called_by_its_alias(kinesis_template: Template) -> None:
    assert parameters(kinesis_template)["LambdaArn"].endswith(":live")
    assert destination(kinesis_template)["ProcessingConfiguration"]["Enabled"] is True


def test_objects_are_as_large_as_firehose_allows(defaults: Template) -> None:
    assert destination(defaults)["BufferingHints"] == {"SizeInMBs": 128, "IntervalInSeconds": 900}


def test_the_source_is_the_stream(kinesis_template: Template) -> None:
    found = kinesis_template.one(DELIVERY)

    assert found["DeliveryStreamType"] == "KinesisStreamAsSource"
    assert found["KinesisStreamSourceConfiguration"]["RoleARN"] == destination(kinesis_template)["RoleARN"]


def test_the_extension_names_the_codec_for_athena(kinesis_template: Template) -> None:
    found = destination(kinesis_template)
    written = (found["CompressionFormat"], found.get("FileExtension"))

    assert written in {("GZIP", ".jsonl.gz"), ("GZIP", ".csv.gz"), ("UNCOMPRESSED", None)}


def test_errors_of_delivery_are_logged(kinesis_template: Template) -> None:
    options = destination(kinesis_template)["CloudWatchLoggingOptions"]

    assert (options["Enabled"], options["LogStreamName"]) == (True, "DestinationDelivery")


def test_only_partitioning_by_event_is_dynamic(kinesis_template: Template, kinesis_case: str) -> None:
    by_event = settings_of(kinesis_case).output.partition_by == "event"

    assert ("DynamicPartitioningConfiguration" in destination(kinesis_template)) == by_event


def test_parquet_has_its_schema_from_the_catalog_table(templates: dict[str, Template]) -> None:
    conversion = destination(templates["parquet-with-backup"])["DataFormatConversionConfiguration"]
    schema = conversion["SchemaConfiguration"]

    assert (schema["DatabaseName"], schema["TableName"]) == (
        "ttl_archive_parquet_with_backup",
        "archive_files",
    )
    assert schema["VersionId"] == "LATEST"
    deserializer = conversion["InputFormatConfiguration"]["Deserializer"]
    # The attribute that a column is made from keeps its own name in the row, under a column of its own.
    own = {"CaseInsensitive": False, "ColumnToJsonKeyMappings": {"ddb_own_device_id": "deviceID"}}
    assert deserializer == {"OpenXJsonSerDe": own}


def test_a_backup_has_every_source_record_in_a_folder_of_its_own(templates: dict[str, Template]) -> None:
    backup = destination(templates["parquet-with-backup"])["S3BackupConfiguration"]

    assert backup["Prefix"] == "source/parquet-with-backup/dt=!{timestamp:yyyy-MM-dd}/"
    assert "!{firehose:error-output-type}" in backup["ErrorOutputPrefix"]


def test_no_backup_by_default(defaults: Template) -> None:
    assert destination(defaults)["S3BackupMode"] == "Disabled"


def test_the_customer_key_encrypts_delivered_objects(templates: dict[str, Template]) -> None:
    encryption = destination(templates["parquet-with-backup"])["EncryptionConfiguration"]

    assert encryption == {"KMSEncryptionConfig": {"AWSKMSKeyARN": KEY_ARN}}


# The processor's buffer

GROWING = {
    "text": {f"attribute{n}": {"S": "x" * 30} for n in range(30)},
    "quotes": {f"attribute{n}": {"S": '"\\' * 15} for n in range(11)},
    "numbers": {f"attribute{n}": {"N": "12345678901234567890"} for n in range(30)},
    "cyrillic": {f"attribute{n}": {"S": "жизнь" * 6} for n in range(11)},
    "large": {f"attribute{n}": {"S": "x" * 500} for n in range(20)},
    "small": {"a": {"S": "b"}},
}


@pytest.mark.parametrize("image", GROWING.values(), ids=GROWING)
@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_a_full_buffer_of_removals_fits_into_two_thirds_of_a_response(
    image: dict[str, Any], form: str
) -> None:
    """Every record is kept, with image and columns: such rows grow most, at worst 3.4 times."""
    document = {
        "table": {"name": "devices", "ttl_attribute": "ttl"},
        "output": {"format": form, "image": True},
    }
    settings = parse(document | {"columns": [{"name": "a"}]})
    buffer_bytes = deploy_of("defaults").processor_buffer_mb * 1024 * 1024
    record = encoded(change(image))
    answers = batch_transform(settings)(event(*[record] * (buffer_bytes // len(record))))["records"]

    assert Counter(answer["result"] for answer in answers) == {"Ok": len(answers)}
    assert response_bytes(answers) < RESPONSE_BYTES * 2 / 3


def test_the_matrix_has_columns_of_every_kind_of_type() -> None:
    for kind in ("decimal", "timestamp", "json", "bigint"):
        assert kind in COLUMNS
