"""boto3 clients for the local AWS: of the root user, who may do everything, or of one role."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_apigatewayv2 import ApiGatewayV2Client
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sts import STSClient

# The emulator takes this key for the account's root user, whatever its secret.
ROOT_KEY = "test"

_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 1},
    max_pool_connections=64,
    connect_timeout=5,
    read_timeout=120,
    # Loopback is never behind a proxy, whatever the environment says.
    proxies={},
)


def forget_the_machine() -> None:
    """Drop this process's AWS settings: no profile, region or credentials of a person get in."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a caller signs with."""

    key: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)

    @staticmethod
    def root() -> Credentials:
        """The account's root user."""
        return Credentials(ROOT_KEY, ROOT_KEY)


class Clients:
    """boto3 clients made on first use. No retries: a throttle or a refusal is to be seen."""

    def __init__(self, url: str, region: str, credentials: Credentials) -> None:
        self.url = url
        self.region = region
        self.credentials = credentials
        # Clients are safe to share between threads, the session that makes them is not.
        self._lock = threading.Lock()
        self._options: dict[str, Any] = {"endpoint_url": url, "config": _CONFIG}
        self._session = boto3.Session(
            aws_access_key_id=credentials.key,
            aws_secret_access_key=credentials.secret,
            aws_session_token=credentials.token,
            region_name=region,
        )

    @cached_property
    def apigateway(self) -> ApiGatewayV2Client:
        """HTTP APIs."""
        with self._lock:
            return self._session.client("apigatewayv2", **self._options)

    @cached_property
    def cloudformation(self) -> CloudFormationClient:
        """The stack."""
        with self._lock:
            return self._session.client("cloudformation", **self._options)

    @cached_property
    def cloudwatch(self) -> Any:
        """Alarms; no types are installed for them."""
        make: Any = self._session.client
        with self._lock:
            return make("cloudwatch", **self._options)

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        """The table."""
        with self._lock:
            return self._session.client("dynamodb", **self._options)

    @cached_property
    def events(self) -> EventBridgeClient:
        """The bus."""
        with self._lock:
            return self._session.client("events", **self._options)

    @cached_property
    def iam(self) -> IAMClient:
        """Roles."""
        with self._lock:
            return self._session.client("iam", **self._options)

    @cached_property
    def kms(self) -> KMSClient:
        """The sealing key."""
        with self._lock:
            return self._session.client("kms", **self._options)

    @cached_property
    def lambda_(self) -> LambdaClient:
        """Functions."""
        with self._lock:
            return self._session.client("lambda", **self._options)

    @cached_property
    def logs(self) -> CloudWatchLogsClient:
        """What functions print."""
        with self._lock:
            return self._session.client("logs", **self._options)

    @cached_property
    def s3(self) -> S3Client:
        """Where the code is uploaded to."""
        with self._lock:
            return self._session.client("s3", **self._options)

    @cached_property
    def scheduler(self) -> Any:
        """Schedules; no types are installed for them."""
        make: Any = self._session.client
        with self._lock:
            return make("scheduler", **self._options)

    @cached_property
    def secrets(self) -> SecretsManagerClient:
        """PushSecret and AppSecret."""
        with self._lock:
            return self._session.client("secretsmanager", **self._options)

    @cached_property
    def sqs(self) -> SQSClient:
        """Queues."""
        with self._lock:
            return self._session.client("sqs", **self._options)

    @cached_property
    def sts(self) -> STSClient:
        """Who am I, and who may I become."""
        with self._lock:
            return self._session.client("sts", **self._options)
