"""What each CompressionFormat stores. Expectations: FLOCI #2328, compared with objects of AWS."""

from __future__ import annotations

import struct
import uuid

import pytest
from cramjam import snappy

from tests.streams import bench
from ttl_archive.infra.local.firehose.compression import COMPRESSIONS

BODY = bytes(range(256)) * 2_500  # more than one block of either framing


def compressed(name: str, body: bytes = BODY) -> bytes:
    return COMPRESSIONS[name].compress(body, uuid.uuid4)


def read_chunks(data: bytes) -> list[bytes]:
    """The plain bytes of chunks that are each a length and raw Snappy."""
    chunks = []
    while data:
        (length,) = struct.unpack(">i", data[:4])
        chunks.append(bytes(snappy.decompress_raw(data[4 : 4 + length])))
        data = data[4 + length :]
    return chunks


def test_snappy_is_a_stream_of_snappy_java() -> None:
    data = compressed("Snappy")

    assert data[:16] == b"\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01"
    assert b"".join(read_chunks(data[16:])) == BODY


def test_hadoop_snappy_is_blocks_of_a_plain_length_and_one_chunk() -> None:
    data, plain = compressed("HADOOP_SNAPPY"), b""
    while data:
        block, length = struct.unpack(">ii", data[:8])
        (chunk,) = read_chunks(data[4 : 8 + length])
        assert len(chunk) == block
        plain += chunk
        data = data[8 + length :]

    assert plain == BODY


@pytest.mark.parametrize(
    ("name", "extension", "encoding"),
    [("Snappy", ".snappy", "snappy-java"), ("HADOOP_SNAPPY", ".snappy", "hadoop-snappy")],
)
def test_the_object_has_the_extension_and_the_encoding(name: str, extension: str, encoding: str) -> None:
    made = bench()
    made.create(CompressionFormat=name)
    made.deliver(b"x")

    ((key, request),) = ((key, request) for (_, key), request in made.s3.objects.items())
    assert key.endswith(extension)
    assert request["ContentEncoding"] == encoding
