"""The expressions of S3 prefixes: which prefixes are valid, and what they evaluate to.

    !{timestamp:yyyy/MM/dd}             the arrival of the object's oldest record, see date_patterns
    !{firehose:random-string}           11 characters, new at each occurrence
    !{firehose:error-output-type}       ErrorOutputPrefix only
    !{partitionKeyFromLambda:key}       Prefix only, with dynamic partitioning
    !{partitionKeyFromQuery:key}        the same

Source: FDG, s3-prefixes. `Prefix` and `ErrorOutputPrefix` are the names of the two configuration fields.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from ttl_archive.infra.local.firehose import date_patterns
from ttl_archive.infra.local.firehose.service_error import ServiceError, invalid_argument

# FDG: s3-prefixes and BC-firehose (Prefix, ErrorOutputPrefix).
MAX_CONFIGURED_LENGTH = 1024
MAX_EVALUATED_LENGTH = 512
# FDG: s3-object-name. Appended to a static prefix as it is, without a slash in between (FLOCI probe).
DEFAULT_DATE_PATTERN = "yyyy/MM/dd/HH/"
# FDG: s3-prefixes; its example, 046b6c7f-0b, is the head of a UUID.
_RANDOM_STRING_LENGTH = 11
# FDG: s3-prefixes and buffering; metadata-extraction-failed is SEEN. The longest decides the evaluated
# length.
PROCESSING_FAILED = "processing-failed"
METADATA_EXTRACTION_FAILED = "metadata-extraction-failed"
ACTIVE_PARTITION_EXCEEDED = "activePartitionExceeded"  # as a folder name: UNVERIFIED
# The sentence is AWS's, its typing error too (SEEN hashicorp/terraform-provider-aws #13416,
# serverless/serverless #6015); what follows the colon is AWS's for an absent ErrorOutputPrefix, else ours.
_CONSTRAINT = "Ths supplied prefix(es) do not satisfy the following constraint: "
# The instant whose month, day and numbers are the longest: a Wednesday in September, after noon.
LONGEST_INSTANT = datetime(2026, 9, 23, 22, 22, 22, tzinfo=UTC)

_EXPRESSION = re.compile(r"!\{([A-Za-z]+):([^}]*)\}")
_PARTITION_NAMESPACES = ("partitionKeyFromLambda", "partitionKeyFromQuery")
_FIREHOSE_VALUES = ("random-string", "error-output-type")


@dataclass(frozen=True)
class Expression:
    """`!{namespace:value}`."""

    namespace: str
    value: str


@dataclass(frozen=True)
class Prefix:
    """A parsed prefix: literal texts and expressions, in order."""

    parts: tuple[str | Expression, ...] = ()

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """Its expressions, in order."""
        return tuple(part for part in self.parts if isinstance(part, Expression))

    def keys(self, namespace: str) -> tuple[str, ...]:
        """Return the values that are used with a namespace, each once, in order."""
        return tuple(dict.fromkeys(e.value for e in self.expressions if e.namespace == namespace))


@dataclass(frozen=True)
class Surroundings:
    """What the prefix of one object is evaluated with."""

    at: datetime
    zone: tzinfo = UTC
    error_output_type: str = ""
    partition_keys: Mapping[str, str] = field(default_factory=dict)
    uuids: Callable[[], uuid.UUID] = uuid.uuid4


def parse_prefix(text: str, name: str) -> Prefix:
    """Return a parsed prefix; `name` is the configuration field, for messages. Raises ServiceError."""
    if len(text) > MAX_CONFIGURED_LENGTH:
        raise _broken(f"{name} has {len(text)} characters; it can have {MAX_CONFIGURED_LENGTH}.")
    parts: list[str | Expression] = []
    end = 0
    for match in _EXPRESSION.finditer(text):
        parts += [text[end : match.start()], Expression(match[1], match[2])]
        end = match.end()
    parts.append(text[end:])
    prefix = Prefix(tuple(part for part in parts if part != ""))
    _check_parts(prefix, name)
    return prefix


def check_prefixes(
    prefix: Prefix, error_output_prefix: Prefix, *, dynamic_partitioning: bool = False
) -> None:
    """Raise ServiceError unless the pair is valid by FDG: s3-prefixes. An absent prefix is Prefix()."""
    error_type = Expression("firehose", "error-output-type")
    partitions = [e for e in prefix.expressions if e.namespace in _PARTITION_NAMESPACES]
    if error_type in prefix.expressions:
        raise _broken("Prefix cannot contain !{firehose:error-output-type}; use it in ErrorOutputPrefix.")
    if any(e.namespace in _PARTITION_NAMESPACES for e in error_output_prefix.expressions):
        raise _broken("ErrorOutputPrefix cannot contain partition keys; use them in Prefix.")
    if partitions and not dynamic_partitioning:
        raise _broken(
            "Prefix cannot contain partition keys unless DynamicPartitioningConfiguration is enabled."
        )
    if prefix.expressions and not error_output_prefix.parts:
        raise _broken("ErrorOutputPrefix cannot be null or empty when Prefix contains expressions")
    if error_output_prefix.expressions and error_type not in error_output_prefix.expressions:
        raise _broken(
            "ErrorOutputPrefix with an expression must contain !{firehose:error-output-type} at least once."
        )
    _check_evaluated_length(prefix, error_output_prefix)


def with_date(prefix: Prefix, *, date_after_expressions: bool = False) -> Prefix:
    """Return the Prefix as it is evaluated: with the default date path when it has no timestamp.

    After one with expressions but without a timestamp FDG says that the date path is appended, a probe
    (FLOCI) that it is not: UNVERIFIED, `date_after_expressions` chooses FDG's reading.
    """
    if prefix.keys("timestamp") or (prefix.expressions and not date_after_expressions):
        return prefix
    return Prefix((*prefix.parts, Expression("timestamp", DEFAULT_DATE_PATTERN)))


def error_prefix(
    prefix: Prefix, error_output_prefix: Prefix, *, date_after_expressions: bool = False
) -> Prefix:
    """Return the error output prefix as it is evaluated.

    A static prefix is followed by `<error-output-type>/` (SEEN `processing-failed/2019/11/29/09/`) and the
    date path; UNVERIFIED composition. An absent one is replaced by Prefix (FDG: s3-prefixes).
    """
    base = error_output_prefix if error_output_prefix.parts else prefix
    if not base.expressions:
        base = Prefix((*base.parts, Expression("firehose", "error-output-type"), "/"))
        return with_date(base, date_after_expressions=True)
    return with_date(base, date_after_expressions=date_after_expressions)


def evaluate_prefix(prefix: Prefix, surroundings: Surroundings) -> str:
    """Return the prefix's text for one object. Raises KeyError for a partition key that was not given."""
    return "".join(
        part if isinstance(part, str) else _EVALUATORS[part.namespace](part.value, surroundings)
        for part in prefix.parts
    )


def _check_parts(prefix: Prefix, name: str) -> None:
    for part in prefix.parts:
        if isinstance(part, Expression):
            _check_expression(part, name)
        elif "!{" in part:
            raise _broken(f"{name} contains !{{ outside of an expression; write !{{namespace:value}}.")


def _check_expression(expression: Expression, name: str) -> None:
    namespace, value = expression.namespace, expression.value
    if namespace not in _EVALUATORS:
        known = ", ".join(_EVALUATORS)
        raise _broken(f"{name} uses the namespace '{namespace}'; the namespaces are {known}.")
    if not value:
        raise _broken(f"{name} contains !{{{namespace}:}} without a value; write !{{{namespace}:value}}.")
    if namespace == "firehose" and value not in _FIREHOSE_VALUES:
        values = " and ".join(_FIREHOSE_VALUES)
        raise _broken(f"{name} contains !{{firehose:{value}}}; the values of firehose are {values}.")
    if namespace == "timestamp":
        try:
            date_patterns.check_pattern(value)
        except date_patterns.PatternError as error:
            raise _broken(f"{name} contains !{{timestamp:{value}}}: {error}") from error


def _check_evaluated_length(prefix: Prefix, error_output_prefix: Prefix) -> None:
    # Partition keys count as empty here: their lengths are known record by record.
    keys = {e.value: "" for e in prefix.expressions if e.namespace in _PARTITION_NAMESPACES}
    surroundings = Surroundings(
        LONGEST_INSTANT, error_output_type=METADATA_EXTRACTION_FAILED, partition_keys=keys
    )
    evaluated = {
        "Prefix": with_date(prefix),
        "ErrorOutputPrefix": error_prefix(prefix, error_output_prefix),
    }
    for name, effective in evaluated.items():
        length = len(evaluate_prefix(effective, surroundings))
        if length > MAX_EVALUATED_LENGTH:
            raise _broken(
                f"{name} has up to {length} characters once evaluated; it can have {MAX_EVALUATED_LENGTH}."
            )


def _firehose(value: str, surroundings: Surroundings) -> str:
    if value == "error-output-type":
        return surroundings.error_output_type
    return str(surroundings.uuids())[:_RANDOM_STRING_LENGTH]


def _timestamp(pattern: str, surroundings: Surroundings) -> str:
    return date_patterns.evaluate_pattern(pattern, surroundings.at.astimezone(surroundings.zone))


def _partition_key(key: str, surroundings: Surroundings) -> str:
    return surroundings.partition_keys[key]


_EVALUATORS: dict[str, Callable[[str, Surroundings], str]] = {
    "firehose": _firehose,
    "timestamp": _timestamp,
    "partitionKeyFromLambda": _partition_key,
    "partitionKeyFromQuery": _partition_key,
}


def _broken(rule: str) -> ServiceError:
    return invalid_argument(_CONSTRAINT + rule)
