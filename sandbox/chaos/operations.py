"""Which operation of which AWS service a request is, told from the request alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

# The names that services carry in X-Amz-Target, by what they are called everywhere else.
_TARGETS: Final = {
    "DynamoDB_20120810": "dynamodb",
    "TrentService": "kms",
    "secretsmanager": "secretsmanager",
    "AmazonSQS": "sqs",
    "AWSEvents": "events",
    "Logs_20140328": "logs",
}
_INVOKE: Final = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")
_SCOPE_PARTS: Final = 5  # key/day/region/service/aws4_request
_UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True, order=True)
class Operation:
    """An operation, ``dynamodb`` ``GetItem``; ``target`` is the function of an ``Invoke``."""

    service: str
    action: str
    target: str = ""

    def __str__(self) -> str:
        return f"{self.service}:{self.action}"


def operation_of(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Operation:
    """Return the operation of a request; header names are in lower case.

    What no rule below knows is named by its method, under the service it was signed for.
    """
    prefix, _, action = headers.get("x-amz-target", "").rpartition(".")
    if action:
        return Operation(_TARGETS.get(prefix, prefix.lower()), action)
    service = _signed_for(headers)
    path = urlsplit(target).path
    if invoked := _INVOKE.fullmatch(path):
        return Operation("lambda", "Invoke", unquote(invoked[1]))
    if named := _action_of_query(target, headers, body):
        return Operation(service, named)
    return Operation(service, method)


def _signed_for(headers: Mapping[str, str]) -> str:
    """Return the service in the scope of a SigV4 signature."""
    _, _, rest = headers.get("authorization", "").partition("Credential=")
    scope = rest.partition(",")[0].strip().split("/")
    return scope[3] if len(scope) == _SCOPE_PARTS else _UNKNOWN


def _action_of_query(target: str, headers: Mapping[str, str], body: bytes) -> str:
    """Return ``Action`` of the query protocol, in the URL or in a form."""
    form = ""
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        form = body.decode("utf-8", errors="replace")
    for text in (urlsplit(target).query, form):
        if found := parse_qs(text).get("Action"):
            return found[0]
    return ""
