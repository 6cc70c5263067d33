"""The response that CloudFormation waits for, sent to the URL in its request.

Source: AWS CloudFormation User Guide, custom resource response objects: at most 4,096 bytes.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

ATTEMPTS = 5
_REASON_LENGTH = 2_000  # characters; the rest of the 4,096 bytes is for the ids
_TIMEOUT_S = 10

Send = Callable[[str, bytes], None]


def response(
    request: Mapping[str, Any], physical_id: str, reason: str | None, data: Mapping[str, str]
) -> dict[str, Any]:
    """Return the response to a request: FAILED when there is a reason, else SUCCESS."""
    same = {name: request[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    outcome = {"Status": "FAILED", "Reason": reason[:_REASON_LENGTH]} if reason else {"Status": "SUCCESS"}
    return {**same, **outcome, "PhysicalResourceId": physical_id, "Data": dict(data)}


def put(url: str, body: bytes, pause: Callable[[float], None] = time.sleep) -> None:
    """PUT the response, with retries, because CloudFormation waits for it.

    Raises OSError when the last attempt fails.
    """
    from urllib.request import Request, urlopen  # which takes 20 ms of a command's --help

    # The signature of the URL covers an empty content type.
    request = Request(url, data=body, method="PUT", headers={"Content-Type": ""})  # noqa: S310  URL from AWS
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with urlopen(request, timeout=_TIMEOUT_S):  # noqa: S310
                return
        except OSError:  # URLError and timeouts are subclasses
            if attempt == ATTEMPTS:
                raise
            pause(2**attempt)


def encoded(given: Mapping[str, Any]) -> bytes:
    """Return the response as JSON."""
    return json.dumps(given).encode()
