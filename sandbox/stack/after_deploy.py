"""What the emulator's CloudFormation drops from the template, put in place through its APIs.

Every value comes from the deployed template itself, after the SAM transform.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sandbox.stack.emulator.front_door import PLATFORM_HOST
from sandbox.stack.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.stack.aws import Clients
    from sandbox.stack.deploy import Deployed

_METHODS = {"get", "put", "post", "delete", "options", "head", "patch"}
_ANY = "x-amazon-apigateway-any-method"
EVENTS_QUEUE = "wxvault-every-event"


class TemplateGapError(StackError):
    """The deployed stack lacks something that the template asks for."""


def complete(translated: dict[str, Any], deployed: Deployed, aws: Clients) -> None:
    """Everything below, in order."""
    import_routes(translated, deployed, aws)
    serve_platform_address(deployed, aws)
    complete_tables(translated, deployed, aws)
    check_event_sources(translated, deployed, aws)
    collect_events(deployed, aws)


# ---- the HTTP API -------------------------------------------------------------------------------


def routes(body: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Route key, logical id of the function's alias and whether it asks for IAM, per operation."""
    for path, operations in body["paths"].items():
        for verb, operation in operations.items():
            if verb != _ANY and verb not in _METHODS:
                continue
            method = "ANY" if verb == _ANY else verb.upper()
            uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
            alias = uri.rpartition("functions/${")[2].partition("}")[0]
            schemes = {name for entry in operation.get("security", ()) for name in entry}
            yield f"{method} {path}", alias, "AWS_IAM" in schemes


def import_routes(translated: dict[str, Any], deployed: Deployed, aws: Clients) -> None:
    """Make the routes and integrations of the API's OpenAPI body."""
    api = deployed.only("AWS::ApiGatewayV2::Api")
    (body,) = (
        resource["Properties"]["Body"]
        for resource in translated["Resources"].values()
        if resource["Type"] == "AWS::ApiGatewayV2::Api"
    )
    integrations: dict[str, str] = {}
    for key, alias, iam in routes(body):
        if alias not in integrations:
            made = aws.apigateway.create_integration(
                ApiId=api,
                IntegrationType="AWS_PROXY",
                IntegrationUri=deployed.resources[alias],
                PayloadFormatVersion="2.0",
            )
            integrations[alias] = made["IntegrationId"]
        aws.apigateway.create_route(
            ApiId=api,
            RouteKey=key,
            Target=f"integrations/{integrations[alias]}",
            AuthorizationType="AWS_IAM" if iam else "NONE",
        )


def serve_platform_address(deployed: Deployed, aws: Clients) -> None:
    """Let ``http://localhost`` reach the API's default stage, as a custom domain would."""
    aws.apigateway.create_domain_name(DomainName=PLATFORM_HOST)
    aws.apigateway.create_api_mapping(
        ApiId=deployed.only("AWS::ApiGatewayV2::Api"), DomainName=PLATFORM_HOST, Stage="$default"
    )


# ---- tables -------------------------------------------------------------------------------------


def complete_tables(translated: dict[str, Any], deployed: Deployed, aws: Clients) -> None:
    """Time to live, point-in-time recovery, encryption and protection, as the template has them."""
    for name, table in deployed.of_type("AWS::DynamoDB::Table").items():
        wanted = translated["Resources"][name]["Properties"]
        if lives := wanted.get("TimeToLiveSpecification"):
            aws.dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=lives)
        if recovery := wanted.get("PointInTimeRecoverySpecification"):
            aws.dynamodb.update_continuous_backups(
                TableName=table, PointInTimeRecoverySpecification=recovery
            )
        if encryption := wanted.get("SSESpecification"):
            kind = encryption.get("SSEType", "KMS")
            aws.dynamodb.update_table(
                TableName=table, SSESpecification={"Enabled": True, "SSEType": kind}
            )
        if wanted.get("DeletionProtectionEnabled"):
            aws.dynamodb.update_table(TableName=table, DeletionProtectionEnabled=True)


# ---- event sources ------------------------------------------------------------------------------


def check_event_sources(translated: dict[str, Any], deployed: Deployed, aws: Clients) -> None:
    """Every mapping of the template exists, is enabled and is set up as the template says.

    Raises `TemplateGapError` with the mapping's logical id.
    """
    for name, identifier in deployed.of_type("AWS::Lambda::EventSourceMapping").items():
        wanted = translated["Resources"][name]["Properties"]
        found = aws.lambda_.get_event_source_mapping(UUID=identifier)
        for key in ("BatchSize", "FunctionResponseTypes", "ScalingConfig"):
            if key in wanted and not _same(wanted[key], found.get(key)):
                raise TemplateGapError(f"{name}: {key} is {found.get(key)!r}")
        if found["State"] not in {"Enabled", "Creating", "Enabling"}:
            raise TemplateGapError(f"{name}: is {found['State']}")


def _same(wanted: Any, found: Any) -> bool:
    # A value that is a Ref was resolved on the way; that it is there must do.
    if _is_intrinsic(wanted):
        return found is not None
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(_same(wanted[key], found.get(key)) for key in wanted)
    return bool(wanted == found)


def _is_intrinsic(value: Any) -> bool:
    return isinstance(value, dict) and any(key == "Ref" or key.startswith("Fn::") for key in value)


# ---- the bus ------------------------------------------------------------------------------------


def collect_events(deployed: Deployed, aws: Clients) -> str:
    """A rule that sends every event on the bus to a queue of the runner; returns its URL."""
    bus = deployed.only("AWS::Events::EventBus")
    url = aws.sqs.create_queue(
        QueueName=EVENTS_QUEUE, Attributes={"MessageRetentionPeriod": "86400"}
    )["QueueUrl"]
    attributes = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    arn = attributes["Attributes"]["QueueArn"]
    rule = aws.events.put_rule(
        Name="every-event",
        EventBusName=bus,
        # Whatever has a source: any event at all.
        EventPattern=json.dumps({"source": [{"prefix": ""}]}),
    )["RuleArn"]
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
            }
        ],
    }
    aws.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    aws.events.put_targets(
        Rule="every-event", EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}]
    )
    return url
