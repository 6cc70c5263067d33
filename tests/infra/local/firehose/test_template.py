"""A delivery stream from somebody else's CloudFormation template."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.streams import bench
from ttl_archive.infra.local.firehose.template import TemplateError, delivery_stream_request

# What `cdk synth` writes for aws_kinesisfirehose.DeliveryStream with an S3Bucket destination, shortened.
TEMPLATE: dict[str, Any] = json.loads("""
{"Resources": {
  "OrdersBucket1F2": {"Type": "AWS::S3::Bucket"},
  "OrdersStream9A3": {
    "Type": "AWS::KinesisFirehose::DeliveryStream",
    "Properties": {
      "DeliveryStreamName": {"Fn::Sub": "orders-${AWS::Region}"},
      "DeliveryStreamType": "DirectPut",
      "ExtendedS3DestinationConfiguration": {
        "BucketARN": {"Fn::GetAtt": ["OrdersBucket1F2", "Arn"]},
        "RoleARN": {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":iam::", {"Ref": "AWS::AccountId"},
                                      ":role/orders"]]},
        "Prefix": "orders/!{timestamp:yyyy/MM/dd}/",
        "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/",
        "BufferingHints": {"IntervalInSeconds": 60, "SizeInMBs": 1}}}}}}
""")
VALUES = {"OrdersBucket1F2.Arn": "arn:aws:s3:::orders"}


def changed(**properties: Any) -> dict[str, Any]:
    template: dict[str, Any] = json.loads(json.dumps(TEMPLATE))
    template["Resources"]["OrdersStream9A3"]["Properties"] |= properties
    return template


def test_the_delivery_stream_of_a_cdk_stack_runs_here_and_its_records_land() -> None:
    made = bench()
    made.firehose.create_delivery_stream(**delivery_stream_request(TEMPLATE, "OrdersStream9A3", VALUES))
    made.firehose.put_record(DeliveryStreamName="orders-us-east-1", Record={"Data": b'{"id":1}\n'})
    made.clock.advance(seconds=60)
    made.firehose.poll()
    made.clock.advance(seconds=60)
    made.firehose.poll()

    ((bucket, key),) = made.s3.objects
    assert (bucket, key[:32]) == ("orders", "orders/2026/09/10/orders-us-east")
    assert made.s3.bodies() == b'{"id":1}\n'


def test_the_logical_id_is_the_name_where_the_template_has_none() -> None:
    template = changed()
    del template["Resources"]["OrdersStream9A3"]["Properties"]["DeliveryStreamName"]

    request = delivery_stream_request(template, "OrdersStream9A3", VALUES)
    assert request["DeliveryStreamName"] == "OrdersStream9A3"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"Ref": "Name"}, "n"),
        ({"Fn::GetAtt": "OrdersBucket1F2.Arn"}, "arn:aws:s3:::orders"),
        ({"Fn::Sub": "${Name}-${!Literal}"}, "n-${Literal}"),
        ({"Fn::Sub": ["${Name}-${Own}", {"Own": {"Ref": "Name"}}]}, "n-n"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Name"}]]}, "a-n"),
    ],
)
def test_references_are_replaced_by_their_values(value: Any, text: str) -> None:
    template = changed(DeliveryStreamName=value)

    request = delivery_stream_request(template, "OrdersStream9A3", {**VALUES, "Name": "n"})
    assert request["DeliveryStreamName"] == text


def test_a_reference_without_a_value_is_named() -> None:
    with pytest.raises(TemplateError, match=r"refers to OrdersBucket1F2\.Arn\. Give its value: values="):
        delivery_stream_request(TEMPLATE, "OrdersStream9A3", {})


def test_another_function_is_refused() -> None:
    template = changed(DeliveryStreamName={"Fn::ImportValue": "x"})

    with pytest.raises(TemplateError, match="Fn::ImportValue is not resolved here"):
        delivery_stream_request(template, "OrdersStream9A3", VALUES)


@pytest.mark.parametrize("logical_id", ["OrdersBucket1F2", "Absent"])
def test_another_resource_is_refused(logical_id: str) -> None:
    with pytest.raises(TemplateError, match=f"{logical_id} is not a resource of type AWS::KinesisFirehose"):
        delivery_stream_request(TEMPLATE, logical_id, VALUES)
