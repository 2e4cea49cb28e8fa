"""The HTTP API: its routes, who may use them, how often, and what is logged of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.template.reading import of_type, strings, target
from wxvault.services.responding import DEADLINE_SECONDS

Resources = dict[str, dict[str, Any]]

ROOT = Path(__file__).resolve().parents[2]

# route: (function, IAM auth)
ROUTES = {
    "POST /wechat/events": ("Callback", False),
    "POST /wechat/{authorizer_appid}/messages": ("Message", False),
    "POST /tenants/{tenant_id}/auth-urls": ("Sessions", True),
    "GET /tenants/{tenant_id}/auth-urls/{session_id}": ("Sessions", True),
    "POST /tenants/{tenant_id}/registrations": ("Sessions", True),
    "GET /tenants/{tenant_id}/registrations/{session_id}": ("Sessions", True),
    "GET /authorize/{session}": ("Launch", False),
    "POST /authorize/{session}": ("Launch", False),
    "GET /authorized/{session}": ("Landing", False),
    "GET /authorized/{session}/result": ("Landing", False),
    "GET /registered/{session}": ("Landing", False),
    "GET /tokens/{authorizer_appid}": ("Token", True),
    "GET /component-token": ("Token", True),
    "GET /authorizers": ("Accounts", True),
    "GET /status": ("Accounts", True),
    "GET /tenants/{tenant_id}/authorizers": ("Accounts", True),
    "GET /authorizers/{authorizer_appid}": ("Accounts", True),
    "POST /authorizers/{authorizer_appid}/assign": ("Accounts", True),
    "POST /authorizers/{authorizer_appid}/forget": ("Accounts", True),
    "POST /authorizers/{authorizer_appid}/refresh": ("Accounts", True),
    "POST /authorizers/{authorizer_appid}/options": ("Accounts", True),
    "POST /tenants/{tenant_id}/forget": ("Accounts", True),
    "ANY /call/{authorizer_appid}/{proxy+}": ("Call", True),
    "ANY /component-call/{proxy+}": ("Call", True),
    "POST /login/{authorizer_appid}/{kind}": ("Call", True),
}


# How OpenAPI has to call what is no HTTP method.
METHODS = {"x-amazon-apigateway-any-method": "ANY"}


@pytest.fixture(name="operations")
def _operations(resources: Resources) -> dict[str, dict[str, Any]]:
    """Return the operations of the API by route key."""
    body = resources["HttpApi"]["Properties"]["Body"]
    return {
        f"{METHODS.get(method, method.upper())} {path}": operation
        for path, methods in body["paths"].items()
        for method, operation in methods.items()
    }


@pytest.fixture(name="stage")
def _stage(resources: Resources) -> dict[str, Any]:
    """Return the API's only stage."""
    (stage,) = of_type(resources, "AWS::ApiGatewayV2::Stage").values()
    return stage


def test_these_are_all_routes(operations: dict[str, Any]) -> None:
    """There is no route beside these: no default route, nothing left open by accident."""
    assert set(operations) == set(ROUTES)


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_invokes_the_alias_of_its_function(
    operations: dict[str, Any], resources: Resources, route: str
) -> None:
    """A route waits for its function's alias a second longer than the function may take."""
    function, _ = ROUTES[route]
    integration = operations[route]["x-amazon-apigateway-integration"]
    assert integration["payloadFormatVersion"] == "2.0"
    assert f"${{{function}FunctionAliaslive}}/invocations" in target(integration["uri"])
    timeout = resources[f"{function}Function"]["Properties"]["Timeout"]
    assert integration["timeoutInMillis"] == (timeout + 1) * 1000


@pytest.mark.parametrize("route", ROUTES)
def test_who_needs_credentials(operations: dict[str, Any], route: str) -> None:
    """Tokens, sessions and accounts need IAM credentials; merchants and WeChat have none."""
    _, iam = ROUTES[route]
    assert operations[route].get("security", []) == ([{"AWS_IAM": []}] if iam else [])


def test_iam_auth_is_what_it_is_called(resources: Resources) -> None:
    """The API's only way to authorise is a signature that IAM checks."""
    schemes = resources["HttpApi"]["Properties"]["Body"]["components"]["securitySchemes"]
    assert set(schemes) == {"AWS_IAM"}
    assert schemes["AWS_IAM"]["x-amazon-apigateway-authtype"] == "awsSigv4"


@pytest.mark.parametrize("route", ROUTES)
def test_the_api_may_invoke_for_its_own_routes_only(resources: Resources, route: str) -> None:
    """There is one permission for each route, on the alias, for this API and that path."""
    function, _ = ROUTES[route]
    method, _, path = route.partition(" ")
    method = "*" if method == "ANY" else method
    suffix = f"/{method}{re.sub(r'{[^}]*}', '*', path)}"
    permissions = of_type(resources, "AWS::Lambda::Permission")
    assert len(permissions) == len(ROUTES)
    assert "{" not in suffix
    (found,) = (
        one
        for one in permissions.values()
        if one["SourceArn"]["Fn::Sub"][0].endswith(f"}}{suffix}")
    )
    assert target(found["FunctionName"]) == f"{function}FunctionAliaslive"
    assert found["Action"] == "lambda:InvokeFunction"
    assert found["Principal"] == "apigateway.amazonaws.com"
    assert found["SourceArn"]["Fn::Sub"][1]["__ApiId__"] == {"Ref": "HttpApi"}


def test_the_stage_has_no_name_in_the_path(stage: dict[str, Any], resources: Resources) -> None:
    """The stage is $default, so paths are the ones in WeChat's console; warnings fail a deploy."""
    assert stage["StageName"] == "$default"
    assert resources["HttpApi"]["Properties"]["FailOnWarnings"] is True


# route: (burst, requests a second)
LIMITS = {
    "POST /wechat/events": (400, 200),
    "POST /wechat/{authorizer_appid}/messages": (50, 50),
    "GET /tokens/{authorizer_appid}": (1000, 500),
    "GET /component-token": (100, 50),
    "GET /tenants/{tenant_id}/authorizers": (40, 20),
    "POST /tenants/{tenant_id}/forget": (20, 10),
    "GET /authorizers": (40, 20),
    "GET /status": (20, 10),
    "GET /authorizers/{authorizer_appid}": (100, 50),
    "POST /authorizers/{authorizer_appid}/assign": (40, 20),
    "POST /authorizers/{authorizer_appid}/forget": (20, 10),
    "POST /authorizers/{authorizer_appid}/refresh": (20, 10),
    "POST /authorizers/{authorizer_appid}/options": (20, 10),
    "ANY /call/{authorizer_appid}/{proxy+}": (200, 100),
    "ANY /component-call/{proxy+}": (40, 20),
    "POST /login/{authorizer_appid}/{kind}": (400, 200),
    "POST /tenants/{tenant_id}/auth-urls": (40, 20),
    "GET /tenants/{tenant_id}/auth-urls/{session_id}": (100, 50),
    "POST /tenants/{tenant_id}/registrations": (20, 10),
    "GET /tenants/{tenant_id}/registrations/{session_id}": (40, 20),
    "GET /authorize/{session}": (40, 20),
    "POST /authorize/{session}": (20, 10),
    "GET /authorized/{session}": (20, 10),
    "GET /authorized/{session}/result": (60, 30),
    "GET /registered/{session}": (5, 1),
}
# How long an answer takes at most when all is well: the button asks WeChat, the landing waits.
SLOW_SECONDS = {
    "POST /authorize/{session}": 9,
    "GET /authorized/{session}": 6.5,
    "GET /registered/{session}": 6.5,
}
ACCOUNT_CONCURRENCY = 1000
# The timeout that README asks of a responder: it runs on when nobody waits for it any more.
RESPONDER_SECONDS = 4
# 200 pushes a second, each answered within half a second.
LEFT_TO_CALLBACK = 100


def test_every_route_is_throttled_by_itself(stage: dict[str, Any]) -> None:
    """No two routes share a limit: a flood of one cannot take what another is to have."""
    own = {route: limits(settings) for route, settings in stage["RouteSettings"].items()}
    assert own == LIMITS
    assert set(own) == set(ROUTES)


def test_a_route_that_was_forgotten_has_the_least(stage: dict[str, Any]) -> None:
    """What has no limits of its own gets the lowest of all."""
    assert limits(stage["DefaultRouteSettings"]) == min(LIMITS.values())


def test_strangers_cannot_occupy_every_environment(operations: dict[str, Any]) -> None:
    """Whatever is open to strangers, flooded at once, leaves most of the account to tickets."""
    open_to_strangers = [
        route
        for route, operation in operations.items()
        if not operation.get("security") and not route.startswith("POST /wechat/")
    ]
    assert len(open_to_strangers) == 5
    occupied = sum(occupied_by(route, SLOW_SECONDS.get(route, 0.5)) for route in open_to_strangers)
    assert occupied < ACCOUNT_CONCURRENCY / 3
    assert occupied + messages_occupy() < ACCOUNT_CONCURRENCY - LEFT_TO_CALLBACK


def test_a_flood_of_messages_leaves_room_for_tickets() -> None:
    """If every message waits for a responder that hangs, and it runs on: 40 of 100 are left."""
    assert messages_occupy() < ACCOUNT_CONCURRENCY * 0.6


def occupied_by(route: str, seconds: float) -> float:
    """Return how many environments a flood of a route occupies whose answer takes so long."""
    burst, rate = LIMITS[route]
    return burst + rate * seconds


def messages_occupy() -> float:
    """Return how many a flood of messages occupies: its own, and as many of the responder's."""
    route = "POST /wechat/{authorizer_appid}/messages"
    return occupied_by(route, DEADLINE_SECONDS + 0.5) + occupied_by(route, RESPONDER_SECONDS + 0.5)


def test_readme_asks_of_a_responder_what_is_counted_on() -> None:
    """Its timeout and a bound of its own, with the commands that set them, in both languages."""
    for name in ("README.md", "README.zh-CN.md"):
        text = (ROOT / name).read_text("utf-8")
        assert f"--timeout {RESPONDER_SECONDS}" in text
        assert "aws lambda put-function-concurrency --function-name" in text
        _, rate = LIMITS["POST /wechat/{authorizer_appid}/messages"]
        assert re.search(rf"(?<![0-9]){rate}(?![0-9])[^\n]*`RouteSettings`", text), name


def limits(settings: dict[str, Any]) -> tuple[int, int]:
    """Return burst and rate of a route; metrics are per route as well."""
    assert settings["DetailedMetricsEnabled"] is True
    return settings["ThrottlingBurstLimit"], settings["ThrottlingRateLimit"]


def test_the_access_log_has_neither_path_nor_query(stage: dict[str, Any]) -> None:
    """What is logged of a request can hold no session id, code or signature."""
    settings = stage["AccessLogSettings"]
    assert target(settings["DestinationArn"]) == "AccessLogs.Arn"
    variables = set(re.findall(r"\$context\.[A-Za-z.]+", settings["Format"]))
    assert variables == {
        "$context.requestId",
        "$context.requestTime",
        "$context.identity.sourceIp",
        "$context.identity.userArn",
        "$context.routeKey",
        "$context.status",
        "$context.responseLength",
        "$context.responseLatency",
        "$context.integrationStatus",
        "$context.integrationLatency",
        "$context.error.responseType",
    }


def test_the_access_log_is_json_with_a_number_as_status(stage: dict[str, Any]) -> None:
    """One line of JSON for each request; the status is a number, for the metric filter."""
    filled = re.sub(r"\$context\.[A-Za-z.]+", "200", stage["AccessLogSettings"]["Format"])
    assert "\n" not in filled
    entry = json.loads(filled)
    assert entry["status"] == 200
    assert entry["routeKey"] == "200"


def test_the_own_domain_exists_only_with_a_name(resources: Resources) -> None:
    """Domain and mapping need DomainName, the record HostedZoneId as well."""
    domain = resources["CustomDomain"]
    assert domain["Condition"] == "HasDomain"
    (endpoint,) = domain["Properties"]["DomainNameConfigurations"]
    assert endpoint == {
        "CertificateArn": {"Ref": "CertificateArn"},
        "EndpointType": "REGIONAL",
        "SecurityPolicy": "TLS_1_2",
    }
    mapping = resources["CustomDomainMapping"]
    assert mapping["Condition"] == "HasDomain"
    assert target(mapping["Properties"]["ApiId"]) == "HttpApi"
    assert resources[target(mapping["Properties"]["Stage"])]["Type"] == "AWS::ApiGatewayV2::Stage"
    assert resources["CustomDomainRecord"]["Condition"] == "HasRecord"


def test_no_function_knows_the_api_that_serves_it(resources: Resources) -> None:
    """Functions know their address from PublicBaseUrl: anything else is a circle at deployment."""
    for name, function in of_type(resources, "AWS::Lambda::Function").items():
        assert not [text for text in strings(function) if "HttpApi" in text], name
