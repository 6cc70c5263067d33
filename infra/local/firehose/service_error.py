"""The error that every operation of the local Firehose raises."""

from __future__ import annotations


class ServiceError(Exception):
    """AWS's answer: a `code`, such as InvalidArgumentException, and a `message` for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


def invalid_argument(message: str) -> ServiceError:
    """Return the error for a request that breaks a rule between its members."""
    return ServiceError("InvalidArgumentException", message)


def not_local(what: str) -> ServiceError:
    """Return the error for what AWS accepts and the local Firehose does not emulate."""
    return invalid_argument(
        f"The local Firehose does not emulate {what}. AWS accepts it: test this part there, or leave it out"
        " here."
    )
