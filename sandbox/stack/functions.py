"""The functions of the stack by their plain names, and what warms each of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.stack.deploy import Deployed

# Of nobody: looked up, not found, nothing changed.
_UNKNOWN_APPID = "wx0000000000000000"


@dataclass(frozen=True, slots=True)
class Function:
    """One deployed function: its plain name, physical name and the ARN of its alias."""

    name: str
    physical: str
    alias: str


def plain_name(logical: str) -> str:
    """``ExchangeWorkerFunction`` -> ``exchange-worker``."""
    words = re.findall(r"[A-Z][a-z0-9]*", logical.removesuffix("Function"))
    return "-".join(word.lower() for word in words)


def functions_of(deployed: Deployed) -> dict[str, Function]:
    """All functions of a deployment by plain name."""
    aliases = deployed.of_type("AWS::Lambda::Alias")
    return {
        plain_name(logical): Function(plain_name(logical), physical, aliases[f"{logical}Aliaslive"])
        for logical, physical in deployed.of_type("AWS::Lambda::Function").items()
    }


def http_event(
    method: str,
    route: str,
    path: str,
    *,
    parameters: Mapping[str, str] | None = None,
    body: str | None = None,
) -> dict[str, Any]:
    """An event of an HTTP API, payload format 2.0, as a function receives it."""
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": f"{method} {route}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": "localhost"},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "00000000",
            "domainName": "localhost",
            "domainPrefix": "localhost",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "",
            },
            "requestId": "warm",
            "routeKey": f"{method} {route}",
            "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000",
            "timeEpoch": 1767225600000,
        },
        "isBase64Encoded": False,
    }
    if parameters:
        event["pathParameters"] = dict(parameters)
    if body is not None:
        event["body"] = body
    return event


def warming_payload(name: str) -> dict[str, Any]:
    """What a function answers cheaply without changing anything; empty if there is nothing."""
    unknown = {"session": "warm"}
    payloads: dict[str, dict[str, Any]] = {
        "callback": http_event("POST", "/wechat/events", "/wechat/events", body=""),
        "message": http_event(
            "POST",
            "/wechat/{authorizer_appid}/messages",
            f"/wechat/{_UNKNOWN_APPID}/messages",
            parameters={"authorizer_appid": _UNKNOWN_APPID},
            body="",
        ),
        "sessions": {"action": "status", "tenant_id": "warm", "session_id": "warm"},
        "launch": http_event("GET", "/authorize/{session}", "/authorize/warm", parameters=unknown),
        "landing": http_event(
            "GET", "/authorized/{session}/result", "/authorized/warm/result", parameters=unknown
        ),
        "exchange-worker": {"Records": []},
        "renew": {"job": "authorizer", "authorizer_appid": _UNKNOWN_APPID},
        # A dry run: nothing is asked about one authorizer, and nothing written.
        "resync": {"authorizer_appid": _UNKNOWN_APPID},
        "token": {"authorizer_appid": _UNKNOWN_APPID},
        "accounts": {"action": "get", "authorizer_appid": _UNKNOWN_APPID},
        "call": {"call": {"authorizer_appid": _UNKNOWN_APPID, "path": "/cgi-bin/menu/get"}},
    }
    return payloads.get(name, {})
