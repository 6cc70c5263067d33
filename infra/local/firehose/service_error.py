"""The error that every operation of the local Firehose answers with."""

from __future__ import annotations


class ServiceError(Exception):
    """What AWS would answer: a `code`, such as InvalidArgumentException, and a `message` for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


def invalid_argument(message: str) -> ServiceError:
    """The error for a request that breaks a rule between its members."""
    return ServiceError("InvalidArgumentException", message)


def not_local(what: str) -> ServiceError:
    """The error for something AWS takes and the local Firehose does not do."""
    return invalid_argument(f"The local Firehose does not produce {what}. Amazon Data Firehose does.")
