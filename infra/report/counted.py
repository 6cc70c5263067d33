"""A part of the report: counted, or with the reason why it is not."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from ttl_archive.infra.query.query_errors import QueryError
from ttl_archive.replay.aws import translate_error
from ttl_archive.replay.errors import ReplayError

_Part = TypeVar("_Part")


@dataclass(frozen=True, slots=True)
class NotCounted:
    """The reason why a part of the report has no number. It is shown instead of one, and never as 0."""

    reason: str


def count_or_explain(count: Callable[[], _Part]) -> _Part | NotCounted:
    """Return what the call counts, or the reason of its failure: no permission, no answer, no endpoint."""
    try:
        return count()
    except (ReplayError, QueryError) as error:
        return NotCounted(str(error).partition("\n")[0])
    except (ClientError, BotoCoreError) as error:
        return NotCounted(str(translate_error(error, "AWS")))
