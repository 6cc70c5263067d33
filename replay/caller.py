"""Whose credentials a command uses: a waiver records them, and a restore is bound to their account.

Source: AWS Security Token Service API Reference, GetCallerIdentity, which needs no permission.
"""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ttl_archive.replay.aws import translate_error


def caller_arn(sts: Any) -> str:
    """Return the ARN of the operator's credentials. Raises ReplayError."""
    return _ask(sts, "Arn")


def caller_account(sts: Any) -> str:
    """Return the account of the operator's credentials, 12 digits. Raises ReplayError."""
    return _ask(sts, "Account")


def _ask(sts: Any, member: str) -> str:
    try:
        return str(sts.get_caller_identity()[member])
    except (ClientError, BotoCoreError) as error:
        raise translate_error(error, "your identity", "sts:GetCallerIdentity") from error
