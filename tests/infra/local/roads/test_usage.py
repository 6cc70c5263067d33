"""What AWS bills, from the sizes of records."""

from ttl_archive.infra.local.roads.usage import road_usage


def test_each_record_is_rounded_up_to_its_units() -> None:
    usage = road_usage(
        changes=4,
        rows=2,
        put_into_stream={1024: 1, 1025: 2, 25_601: 1},
        read_by_firehose={5120: 1, 5121: 1, 0: 1},
        lambda_requests=3,
    )

    assert usage.change_units == 1 + 2 * 2 + 26
    assert usage.stream_in_bytes == 31 * 1024
    assert usage.stream_out_bytes == 1024 + 2 * 1025 + 25_601
    assert usage.stream_put_units == 1 + 2 + 2
    assert usage.firehose_records == 3
    assert usage.firehose_in_bytes == 5120 + 10_240 + 5120
    assert usage.by_item()["lambda_requests"] == (3, 1.5)
    assert "rows" not in usage.by_item()


def test_without_rows_there_is_no_share_of_one() -> None:
    usage = road_usage(changes=1, rows=0, put_into_stream={}, read_by_firehose={}, lambda_requests=0)

    assert set(usage.by_item().values()) == {(0, None)}
