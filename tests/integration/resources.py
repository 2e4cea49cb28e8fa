"""The template's own table and queues, made in the AWS of the test process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.awsrequest import AWSResponse
from moto.core.botocore_stubber import BotocoreStubber, MockRawResponse
from moto.core.models import botocore_stubber

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.awsrequest import AWSPreparedRequest
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

# Properties that CloudFormation and CreateTable call the same.
_ALIKE = (
    "BillingMode",
    "DeletionProtectionEnabled",
    "AttributeDefinitions",
    "KeySchema",
    "GlobalSecondaryIndexes",
)
# Properties that have a request of their own, or another name there.
_APART = ("SSESpecification", "TimeToLiveSpecification", "PointInTimeRecoverySpecification")


def make_table(client: DynamoDBClient, properties: Mapping[str, Any], name: str) -> None:
    """Do what CloudFormation does with a table's properties; one unknown here is an error."""
    assert set(properties) == {*_ALIKE, *_APART}
    encryption = properties["SSESpecification"]
    client.create_table(
        TableName=name,
        SSESpecification={"Enabled": encryption["SSEEnabled"], "SSEType": encryption["SSEType"]},
        **{one: properties[one] for one in _ALIKE},
    )
    client.update_time_to_live(
        TableName=name, TimeToLiveSpecification=properties["TimeToLiveSpecification"]
    )
    client.update_continuous_backups(
        TableName=name,
        PointInTimeRecoverySpecification=properties["PointInTimeRecoverySpecification"],
    )


def make_queue(client: SQSClient, properties: Mapping[str, Any], name: str) -> str:
    """Make a queue as the template describes it, without its dead letters; return its URL."""
    attributes: Any = {
        one: str(properties[one]) for one in ("VisibilityTimeout", "MessageRetentionPeriod")
    }
    return client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]


def dynamodb() -> DynamoDBClient:
    """Return a client as the functions have one."""
    return boto3.client("dynamodb")


@dataclass
class Line:
    """The line to AWS: it can lose the answers of requests that AWS has carried out."""

    lose: int = 0
    """So many answers are lost from now on."""
    sent: int = 0

    def __call__(self, event_name: str, request: AWSPreparedRequest, **_: Any) -> Any:
        """Carry a request out, and answer in AWS's place if its answer is to be lost."""
        self.sent += 1
        if not self.lose:
            return None
        self.lose -= 1
        stubber: BotocoreStubber = botocore_stubber
        assert stubber(event_name, request) is not None
        return AWSResponse(request.url, 500, {}, MockRawResponse(b"{}"))  # type: ignore[arg-type]

    def tap(self, client: Any) -> None:
        """Listen to what a client sends."""
        client.meta.events.register_first("before-send", self)
