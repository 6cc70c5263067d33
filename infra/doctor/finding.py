"""What a check found. A check that is not possible says why, and is never "ok"."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from botocore.exceptions import BotoCoreError, ClientError

from ttl_archive.infra.attachment.attach import NoTableError
from ttl_archive.replay.aws import error_code, translate_error
from ttl_archive.transform.errors import ArchiveError


class Health(StrEnum):
    """How a checked part is: `warning` is worth a look, `problem` loses data, or will."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about a part, and what to do where it is not ok."""

    part: str
    health: Health
    text: str
    remedy: str = ""


Check = Callable[[], Iterator[Finding]]


def run_check(part: str, check: Check) -> list[Finding]:
    """Return what a check found; an error of AWS is a finding too, `not checked` with its reason."""
    found: list[Finding] = []
    try:
        found += check()
    except (ClientError, BotoCoreError) as error:
        reason = _reason(error, part)
        if isinstance(error, ClientError) and error_code(error) == "ResourceNotFoundException":
            found.append(Finding(part, Health.PROBLEM, reason, "Check archive.toml, --profile and --region"))
        else:
            found.append(Finding(part, Health.NOT_CHECKED, reason))
    except NoTableError as error:
        found.append(Finding(part, Health.PROBLEM, str(error)))
    except ArchiveError as error:
        found.append(Finding(part, Health.NOT_CHECKED, str(error)))
    return found


def _reason(error: ClientError | BotoCoreError, part: str) -> str:
    """Return why AWS refused a call. A status without a code comes from an endpoint that is not AWS."""
    if isinstance(error, ClientError) and error_code(error).isdigit():
        return f"{error.operation_name} was answered with the HTTP status {error_code(error)}"
    return str(translate_error(error, part))
