"""AWS inside of the test process: no socket is opened, and each module begins with nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from tests.fakes.clock import FakeClock, half
from tests.integration.resources import dynamodb, make_table
from tests.template import translation
from wxvault.vault.table import DynamoTable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient

TABLE = "the-table"


@pytest.fixture(scope="session")
def resources() -> dict[str, dict[str, Any]]:
    """Return the resources of the translated template by logical id."""
    found: dict[str, dict[str, Any]] = translation.translate()["Resources"]
    return found


@pytest.fixture(scope="module")
def aws() -> Iterator[None]:
    """Have AWS in this process."""
    with mock_aws():
        yield


@pytest.fixture(scope="module")
def client(aws: None, resources: dict[str, dict[str, Any]]) -> DynamoDBClient:
    """Return a client of a DynamoDB in which the template's table stands."""
    made = dynamodb()
    make_table(made, resources["Table"]["Properties"], TABLE)
    return made


@pytest.fixture
def table(client: DynamoDBClient) -> DynamoTable:
    """Return the template's table, empty."""
    items = client.scan(TableName=TABLE, ProjectionExpression="pk, sk")["Items"]
    for item in items:
        client.delete_item(TableName=TABLE, Key=item)
    return DynamoTable(client, TABLE, FakeClock(), half)


@pytest.fixture(scope="module")
def kms(aws: None) -> KMSClient:
    """Return a client of KMS."""
    return boto3.client("kms")


@pytest.fixture(scope="module")
def key_arn(kms: KMSClient) -> str:
    """Return a sealing key."""
    return kms.create_key()["KeyMetadata"]["Arn"]
