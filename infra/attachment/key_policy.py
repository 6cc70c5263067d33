"""The statements that a key's policy needs before CloudWatch alarms and log groups can use the key."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

Statement = dict[str, Any]


def needed_statements(region: str, account: str) -> list[Statement]:
    """Return the statements of the services that use the key without a role of ours.

    Sources: Amazon SNS Developer Guide, key management (alarms that publish to an encrypted topic); Amazon
    CloudWatch Logs User Guide, encrypt log data.
    """
    logs = f"arn:aws:logs:{region}:{account}:log-group:*"
    return [
        {
            "Sid": "Alarms",
            "Effect": "Allow",
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
            "Resource": "*",
        },
        {
            "Sid": "LogGroupsOfThisAccount",
            "Effect": "Allow",
            "Principal": {"Service": f"logs.{region}.amazonaws.com"},
            "Action": [
                "kms:Encrypt*",
                "kms:Decrypt*",
                "kms:ReEncrypt*",
                "kms:GenerateDataKey*",
                "kms:Describe*",
            ],
            "Resource": "*",
            "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": logs}},
        },
    ]


def missing_statements(policy: Mapping[str, Any], region: str, account: str) -> list[Statement]:
    """Return the needed statements whose service or actions no statement of the policy allows.

    Conditions of the policy are not evaluated: a statement with another condition counts as present.
    """
    given = [found for found in _list(policy.get("Statement", [])) if found.get("Effect") == "Allow"]
    return [needed for needed in needed_statements(region, account) if not _allowed(needed, given)]


def _allowed(needed: Statement, given: Iterable[Statement]) -> bool:
    service = needed["Principal"]["Service"]
    patterns = [
        pattern
        for statement in given
        if service in _services(statement.get("Principal"))
        for pattern in _list(statement.get("Action", []))
    ]
    # An action with a wildcard is covered by the same wildcard or a wider one.
    return all(any(fnmatchcase(action, pattern) for pattern in patterns) for action in needed["Action"])


def _services(principal: Any) -> list[str]:
    return _list(principal.get("Service", [])) if isinstance(principal, dict) else []


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
