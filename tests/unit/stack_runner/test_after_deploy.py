"""What is put in place after the deployment: taken from the translated template, and checked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.stack.after_deploy import (
    TemplateGapError,
    check_event_sources,
    complete_tables,
    import_routes,
    routes,
)
from sandbox.stack.deploy import Deployed
from sandbox.stack.emulator.queues import with_numbers


def operation(alias: str, **more: Any) -> dict[str, Any]:
    """One operation of an OpenAPI body as the SAM transform writes it."""
    uri = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/"
    target = {"Fn::Sub": f"{uri}${{{alias}}}/invocations"}
    return {"x-amazon-apigateway-integration": {"uri": target}, **more}


BODY = {
    "paths": {
        "/tokens/{appid}": {"get": operation("TokenAlias", security=[{"AWS_IAM": []}])},
        "/authorize/{session}": {
            "get": operation("LaunchAlias"),
            "post": operation("LaunchAlias"),
            "parameters": [],
        },
        "/any": {"x-amazon-apigateway-any-method": operation("LaunchAlias")},
    }
}


def test_routes_keep_method_path_function_and_iam() -> None:
    """Nothing of the API's body is lost, and no other key is taken for a method."""
    assert list(routes(BODY)) == [
        ("GET /tokens/{appid}", "TokenAlias", True),
        ("GET /authorize/{session}", "LaunchAlias", False),
        ("POST /authorize/{session}", "LaunchAlias", False),
        ("ANY /any", "LaunchAlias", False),
    ]


class Calls:
    """A client that notes what it is asked and answers from a table."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.made: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        def call(**values: Any) -> Any:
            self.made.append((name, values))
            return self.answers.get(name, {})

        return call


class FakeClients:
    """The clients that a step uses."""

    def __init__(self, **clients: Calls) -> None:
        self.__dict__.update(clients)


def deployed(**resources: tuple[str, str]) -> Deployed:
    """A deployment of these (type, physical id)."""
    return Deployed(
        outputs={},
        resources={name: physical for name, (_, physical) in resources.items()},
        types={name: kind for name, (kind, _) in resources.items()},
    )


def test_iam_routes_are_made_with_their_authorization() -> None:
    """A route that asks for IAM in the template asks for it here, the others do not."""
    gateway = Calls(create_integration={"IntegrationId": "i"})
    clients: Any = FakeClients(apigateway=gateway)
    stack = deployed(
        Api=("AWS::ApiGatewayV2::Api", "api"),
        TokenAlias=("AWS::Lambda::Alias", "arn:token"),
        LaunchAlias=("AWS::Lambda::Alias", "arn:launch"),
    )
    api = {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Body": BODY}}
    import_routes({"Resources": {"Api": api}}, stack, clients)
    kinds = {
        values["RouteKey"]: values["AuthorizationType"]
        for name, values in gateway.made
        if name == "create_route"
    }
    assert kinds == {
        "GET /tokens/{appid}": "AWS_IAM",
        "GET /authorize/{session}": "NONE",
        "POST /authorize/{session}": "NONE",
        "ANY /any": "NONE",
    }
    integrations = [v["IntegrationUri"] for n, v in gateway.made if n == "create_integration"]
    assert integrations == ["arn:token", "arn:launch"]


def test_a_table_gets_what_cloudformation_dropped() -> None:
    """Time to live, recovery, encryption and protection come from the template's own values."""
    database = Calls()
    clients: Any = FakeClients(dynamodb=database)
    properties = {
        "TimeToLiveSpecification": {"AttributeName": "delete_after", "Enabled": True},
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS"},
        "DeletionProtectionEnabled": True,
    }
    table = {"Type": "AWS::DynamoDB::Table", "Properties": properties}
    stack = deployed(Table=("AWS::DynamoDB::Table", "t"))
    complete_tables({"Resources": {"Table": table}}, stack, clients)
    asked = json.dumps(database.made)
    assert [name for name, _ in database.made] == [
        "update_time_to_live",
        "update_continuous_backups",
        "update_table",
        "update_table",
    ]
    assert "delete_after" in asked
    assert '"DeletionProtectionEnabled": true' in asked


MAPPING = {
    "BatchSize": 10,
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
    "ScalingConfig": {"MaximumConcurrency": {"Ref": "RenewConcurrency"}},
}
GOOD = {
    "BatchSize": 10,
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
    "ScalingConfig": {"MaximumConcurrency": "4"},
    "State": "Enabled",
}


def check(found: dict[str, Any]) -> None:
    """Check one mapping against what Lambda says about it."""
    functions = Calls(get_event_source_mapping=found)
    clients: Any = FakeClients(lambda_=functions)
    stack = deployed(Jobs=("AWS::Lambda::EventSourceMapping", "uuid"))
    source = {"Type": "AWS::Lambda::EventSourceMapping", "Properties": MAPPING}
    check_event_sources({"Resources": {"Jobs": source}}, stack, clients)


def test_a_mapping_as_in_the_template_passes() -> None:
    """A value from a parameter has to be there, whatever it is."""
    check(GOOD)


def test_a_concurrency_from_a_parameter_is_read_as_a_number() -> None:
    """As text it would stop the emulator's poller for every queue; others stay as they are."""
    assert with_numbers(GOOD)["ScalingConfig"] == {"MaximumConcurrency": 4}
    assert with_numbers({"UUID": "x"}) == {"UUID": "x"}


@pytest.mark.parametrize(
    "change",
    [{"BatchSize": 1}, {"FunctionResponseTypes": []}, {"State": "Disabled"}],
)
def test_a_mapping_that_differs_from_the_template_is_named(change: dict[str, Any]) -> None:
    """A queue that is not served as the template says stops the start."""
    with pytest.raises(TemplateGapError, match="Jobs: "):
        check(GOOD | change)
