"""What the members of an S3 destination's configuration say, with the defaults of those that are absent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

Members = Mapping[str, Any]


def is_enabled(block: Members | None) -> TypeGuard[Members]:
    """Return whether a block that is off by default is enabled."""
    return bool(block and block.get("Enabled", False))


def is_converted(s3: Members) -> bool:
    """Return whether record format conversion is on; an omitted Enabled is true (BC-firehose)."""
    return "DataFormatConversionConfiguration" in s3 and bool(
        s3["DataFormatConversionConfiguration"].get("Enabled", True)
    )


def needs_large_buffer(s3: Members) -> bool:
    """Return whether SizeInMBs must be at least 64, and is 128 by default."""
    return is_converted(s3) or is_enabled(s3.get("DynamicPartitioningConfiguration"))


def processors(processing: Members, kind: str) -> list[Members]:
    """Return the processors of one type."""
    return [p for p in processing.get("Processors", []) if p["Type"] == kind]


def parameters(processor: Members) -> dict[str, str]:
    """Return a processor's parameters by name."""
    return {p["ParameterName"]: p["ParameterValue"] for p in processor.get("Parameters", [])}
