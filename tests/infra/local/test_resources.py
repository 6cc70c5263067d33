from __future__ import annotations

import itertools

import pytest

from ttl_archive.infra.local.firehose.configuration import check_delivery_stream
from ttl_archive.infra.local.resources import Buffering, lifecycle_configuration, pipeline_delivery_stream
from ttl_archive.transform.settings import Settings, parse


def settings(format_: str = "jsonl", partition_by: str = "arrival") -> Settings:
    output = {"format": format_, "partition_by": partition_by, "date_column": "day"}
    columns = [{"name": "id", "path": "id"}]
    table = {"name": "orders", "ttl_attribute": "ttl"}
    return parse({"table": table, "output": output, "columns": columns})


@pytest.mark.parametrize(("format_", "by"), [*itertools.product(["jsonl", "csv"], ["arrival", "event"])])
def test_every_configuration_makes_a_delivery_stream_that_is_accepted(format_: str, by: str) -> None:
    request = pipeline_delivery_stream(settings(format_, by), Buffering())

    config = check_delivery_stream(request)

    assert config.dynamic_partitioning is (by == "event")
    destination = request["ExtendedS3DestinationConfiguration"]
    assert destination["FileExtension"] == f".{format_}.gz"
    assert destination["Prefix"].startswith("archive/orders/day=!{")


@pytest.mark.parametrize(
    ("by", "given", "size_mb"), [("arrival", None, 5), ("event", None, 64), ("event", 128, 128)]
)
def test_the_buffer_is_as_large_as_dynamic_partitioning_needs(
    by: str, given: int | None, size_mb: int
) -> None:
    request = pipeline_delivery_stream(settings(partition_by=by), Buffering(size_mb=given))

    assert request["ExtendedS3DestinationConfiguration"]["BufferingHints"]["SizeInMBs"] == size_mb


def test_only_the_archive_goes_to_glacier_and_its_small_objects_too() -> None:
    request = lifecycle_configuration(settings(), 45)

    (rule,) = request["LifecycleConfiguration"]["Rules"]
    assert rule["Filter"] == {"Prefix": "archive/orders/"}
    assert rule["Transitions"] == [{"Days": 45, "StorageClass": "GLACIER"}]
    assert request["TransitionDefaultMinimumObjectSize"] == "varies_by_storage_class"
