"""Firehose requests checked against AWS's own service model, which botocore carries (BC-firehose).

botocore's client checks types, lower bounds, required and unknown members; the service also checks upper
bounds, patterns and enums. Both are done here, so that a request is refused as AWS refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.validate import ParamValidator

from ttl_archive.infra.local.firehose.service_error import ServiceError

# Values longer than this are not repeated in a message.
_MAX_SHOWN = 100


@cache
def service_model() -> ServiceModel:
    """The Firehose API as botocore describes it."""
    return ServiceModel(Loader().load_service_model("firehose", "service-2"), "firehose")


def operation(name: str) -> OperationModel:
    """One operation of the model, such as PutRecord."""
    return service_model().operation_model(name)


def check_request(name: str, request: Mapping[str, Any]) -> None:
    """Raise ServiceError (ValidationException) for a request that is not of the operation's shape.

    The wording of a broken constraint is AWS's (SEEN hashicorp/terraform-provider-aws #9017); that of unknown
    and wrongly typed members is botocore's, as they never leave a client.
    """
    shape = operation(name).input_shape
    report = ParamValidator().validate(dict(request), shape)
    if report.has_errors():
        raise ServiceError("ValidationException", report.generate_report())
    violations = list(_violations(shape, request, ""))
    if violations:
        count = f"{len(violations)} validation error{'s' if len(violations) > 1 else ''} detected: "
        raise ServiceError("ValidationException", count + "; ".join(violations))


def with_bytes(record: Any) -> Any:
    """A Record whose data is bytes, from any form boto3 takes for a blob; the rest is left to the check."""
    if not isinstance(record, Mapping) or "Data" not in record:
        return record
    data = record["Data"]
    if hasattr(data, "read"):
        data = data.read()
    if isinstance(data, str):
        data = data.encode()
    return {**record, "Data": bytes(data) if isinstance(data, bytearray) else data}


def _violations(shape: Shape, value: Any, path: str) -> Iterator[str]:
    """Every broken constraint of a value and of what it holds."""
    for constraint in _broken_constraints(shape, value):
        yield f"Value {_shown(value)}at '{path}' failed to satisfy constraint: Member must {constraint}"
    if shape.type_name == "structure":
        for name, member in value.items():
            yield from _violations(shape.members[name], member, _joined(path, name))
    elif shape.type_name == "list":
        for index, member in enumerate(value, start=1):
            yield from _violations(shape.member, member, f"{path}.{index}.member")
    elif shape.type_name == "map":
        for key, member in value.items():
            yield from _violations(shape.key, key, path)
            yield from _violations(shape.value, member, f"{path}.{key}")


def _broken_constraints(shape: Shape, value: Any) -> Iterator[str]:
    rules: Mapping[str, Any] = shape.metadata
    sized = isinstance(value, (str, bytes, bytearray, Sequence, Mapping))
    measure = len(value) if sized else value
    what = "length" if sized else "value"
    if "max" in rules and measure > rules["max"]:
        yield f"have {what} less than or equal to {rules['max']}"
    if "pattern" in rules and not _pattern(rules["pattern"]).fullmatch(value):
        yield f"satisfy regular expression pattern: {rules['pattern']}"
    if "enum" in rules and value not in rules["enum"]:
        yield f"satisfy enum value set: [{', '.join(rules['enum'])}]"


@cache
def _pattern(text: str) -> re.Pattern[str]:
    r"""A pattern of the model for Python, whose `re` has no Unicode categories: \p{L} becomes \w, and so on.

    The tag patterns alone use them; \w takes the same letters and digits.
    """
    if r"\p{" not in text:
        return re.compile(text, re.ASCII)
    for category, replacement in {r"\p{L}": r"\w", r"\p{N}": r"\d", r"\p{Z}": r"\s"}.items():
        text = text.replace(category, replacement)
    return re.compile(text)


def _joined(path: str, name: str) -> str:
    member = name[0].lower() + name[1:]
    return f"{path}.{member}" if path else member


def _shown(value: Any) -> str:
    """The value in quotes when it is short text or a number; records are never repeated."""
    if isinstance(value, (str, int, float)) and len(str(value)) <= _MAX_SHOWN:
        return f"'{value}' "
    return ""
