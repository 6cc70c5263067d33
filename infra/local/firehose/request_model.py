"""Requests checked against AWS's own service models, which botocore carries: Firehose's, unless said.

Constraints are checked here, as the service checks them; botocore's validator reports unknown and wrongly
typed members, which the service cannot read either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.validate import ParamValidator

from ttl_archive.infra.local.firehose.service_error import ServiceError

# Values longer than this are not repeated in a message.
_MAX_SHOWN = 100
# FLOCI-v: messages about S3 destinations do not repeat the value; other messages did (SEEN
# awslabs/lambda-streams-to-firehose #23), UNVERIFIED whether they still do.
_WITHOUT_VALUE = re.compile(r"(s3|extendedS3)Destination(Configuration|Update)\b")
# FLOCI-v: the service prints these in another order, or form, than the model has.
_PRINTED_ENUMS = {"CompressionFormat": ("ZIP", "HADOOP_SNAPPY", "Snappy", "GZIP", "UNCOMPRESSED")}
_PRINTED_PATTERNS = {"FileExtension": r"^(|\.[0-9a-z!\-_.*'()]+)$"}
_PYTHON_TYPES: Mapping[str, Any] = {
    "structure": (Mapping,),
    "map": (Mapping,),
    "list": (list, tuple),
    "string": (str,),
    "blob": (bytes,),
    "integer": (int,),
    "long": (int,),
    "double": (int, float),
}


@cache
def service_model(service: str = "firehose") -> ServiceModel:
    """Return a service's API as botocore describes it."""
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


def operation(name: str, service: str = "firehose") -> OperationModel:
    """Return one operation of the model, such as PutRecord."""
    return service_model(service).operation_model(name)


def check_request(name: str, request: Mapping[str, Any], service: str = "firehose") -> None:
    """Raise ServiceError (ValidationException) for a request that is not of the operation's shape.

    The wording of a broken constraint is AWS's (FLOCI-v; SEEN hashicorp/terraform-provider-aws #9017). The
    wording for unknown and wrongly typed members is botocore's.
    """
    shape = operation(name, service).input_shape
    violations = list(_violations(shape, request, ""))
    if violations:
        count = f"{len(violations)} validation error{'s' if len(violations) > 1 else ''} detected: "
        raise ServiceError("ValidationException", count + "; ".join(violations))
    report = ParamValidator().validate(dict(request), shape)
    if report.has_errors():
        raise ServiceError("ValidationException", report.generate_report())


def with_bytes(record: Any) -> Any:
    """Return a Record whose data is bytes, from any form that boto3 accepts for a blob."""
    if not isinstance(record, Mapping) or "Data" not in record:
        return record
    data = record["Data"]
    if hasattr(data, "read"):
        data = data.read()
    if isinstance(data, str):
        data = data.encode()
    return {**record, "Data": bytes(data) if isinstance(data, bytearray) else data}


def _violations(shape: Shape, value: Any, path: str) -> Iterator[str]:
    """Yield every broken constraint of a value and of what it holds; skip what is wrongly typed."""
    if not _is_typed(shape, value):
        return
    for constraint in _broken_constraints(shape, value):
        yield _sentence(path, _shown(value), constraint)
    if shape.type_name == "structure":
        yield from _missing_members(shape, value, path)
    for member_shape, member, member_path in _members(shape, value, path):
        yield from _violations(member_shape, member, member_path)


def _is_typed(shape: Shape, value: Any) -> bool:
    return isinstance(value, _PYTHON_TYPES.get(shape.type_name, (object,)))


def _missing_members(shape: Shape, value: Any, path: str) -> Iterator[str]:
    for name in shape.required_members:
        if name not in value:
            yield _sentence(_joined(path, name), "null ", "not be null")


def _members(shape: Shape, value: Any, path: str) -> Iterator[tuple[Shape, Any, str]]:
    """Yield the shape, the value and the path of everything that a value holds."""
    if shape.type_name == "structure":
        for name, member in value.items():
            if name in shape.members:
                yield shape.members[name], member, _joined(path, name)
    elif shape.type_name == "list":
        for index, member in enumerate(value, start=1):
            yield shape.member, member, f"{path}.{index}.member"
    elif shape.type_name == "map":
        for key, member in value.items():
            yield shape.key, key, path
            yield shape.value, member, f"{path}.{key}"


def _sentence(path: str, shown: str, constraint: str) -> str:
    # "Member must not be null" is AWS's (FLOCI docs); the rest of that sentence by analogy: UNVERIFIED.
    if _WITHOUT_VALUE.match(path):
        shown = ""
    return f"Value {shown}at '{path}' failed to satisfy constraint: Member must {constraint}"


def _broken_constraints(shape: Shape, value: Any) -> Iterator[str]:
    rules: Mapping[str, Any] = shape.metadata
    sized = not isinstance(value, (int, float))
    measure = len(value) if sized else value
    what = "length" if sized else "value"
    if "min" in rules and measure < rules["min"]:
        yield f"have {what} greater than or equal to {rules['min']}"
    if "max" in rules and measure > rules["max"]:
        yield f"have {what} less than or equal to {rules['max']}"
    if "pattern" in rules and not _pattern(rules["pattern"]).fullmatch(value):
        yield f"satisfy regular expression pattern: {_PRINTED_PATTERNS.get(shape.name, rules['pattern'])}"
    if "enum" in rules and value not in rules["enum"]:
        yield f"satisfy enum value set: [{', '.join(_PRINTED_ENUMS.get(shape.name, rules['enum']))}]"


@cache
def _pattern(text: str) -> re.Pattern[str]:
    r"""Return a pattern of the model for Python, whose `re` has no Unicode categories.

    \p{L} becomes \w, and so on. Only the patterns of tags use them; \w matches the same letters and digits.
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
    """Return the value in quotes when it is short text or a number. Records are never repeated."""
    if isinstance(value, (str, int, float)) and len(str(value)) <= _MAX_SHOWN:
        return f"'{value}' "
    return ""
