"""FilterCriteria: which records of a stream a mapping hands to its function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ttl_archive.infra.local.event_source.pattern_operators import InvalidPattern
from ttl_archive.infra.local.event_source.patterns import Pattern
from ttl_archive.infra.local.firehose.service_error import ServiceError

# LDG, invocation-eventfiltering: five filters, ten after an increase of the quota.
DEFAULT_MAX_FILTERS = 5
MAX_PATTERN_CHARACTERS = 4096  # BC-lambda: Pattern


class RecordFilter:
    """The filters of a mapping: a record passes when one of them matches, or when there are none.

    `criteria` is FilterCriteria of CreateEventSourceMapping. A record is passed over for good when it does
    not pass. `all_operators` is that of Pattern. Raises ServiceError with AWS's message for an invalid
    pattern (LS-esm); the reason, which AWS does not show, is the error's cause.
    """

    def __init__(
        self,
        criteria: Mapping[str, Any] | None = None,
        *,
        max_filters: int = DEFAULT_MAX_FILTERS,
        all_operators: bool = False,
    ) -> None:
        texts = [each.get("Pattern", "") for each in (criteria or {}).get("Filters", [])]
        if len(texts) > max_filters:
            # The message is ours: AWS's is not known.
            raise _invalid(f"{len(texts)} filters are more than the quota of {max_filters}.")
        self._patterns = [_compiled(text, all_operators=all_operators) for text in texts]

    def passes(self, record: Mapping[str, Any]) -> bool:
        """Return whether a record of the function's event reaches the function."""
        return not self._patterns or any(pattern.matches(record) for pattern in self._patterns)


def _compiled(text: str, *, all_operators: bool) -> Pattern:
    if len(text) > MAX_PATTERN_CHARACTERS:
        raise ServiceError(
            "ValidationException",
            "1 validation error detected: Value at 'filterCriteria.filters.member.pattern' failed to satisfy"
            f" constraint: Member must have length less than or equal to {MAX_PATTERN_CHARACTERS}",
        )
    try:
        return Pattern(text, all_operators=all_operators)
    except InvalidPattern as reason:
        raise _invalid("Invalid filter pattern definition.") from reason


def _invalid(message: str) -> ServiceError:
    return ServiceError("InvalidParameterValueException", message)
