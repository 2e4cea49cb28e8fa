"""Which stack: one that is deployed to AWS, or the one that `make run` keeps up on this desk."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_sqs import SQSClient

RUNNING = Path(__file__).resolve().parents[2] / ".stack"
"""Where `make run` notes that a local stack is up."""
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_PATIENT = Config(
    read_timeout=910, retries={"mode": "standard", "total_max_attempts": 1}, tcp_keepalive=True
)
_CONFIG = Config(
    connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 4}
)


class NoStackError(Exception):
    """There is no such stack; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A deployed stack, and clients for the services that its dead letters have to do with."""

    name: str
    place: str
    """Where it is, in words."""
    sqs: SQSClient
    logs: CloudWatchLogsClient
    functions: LambdaClient
    dynamodb: DynamoDBClient
    resources: tuple[tuple[str, str, str], ...]
    """Type, logical id and physical id of everything in it."""
    component_appid: str
    patient: LambdaClient
    """For functions that may take all of their quarter of an hour; asked once."""
    patience: int = 1
    """Seconds that a queue waits for letters before it says that there are none."""

    def of_type(self, kind: str) -> dict[str, str]:
        """Return physical ids by logical id."""
        return {logical: physical for found, logical, physical in self.resources if found == kind}


def deployed(name: str) -> Stack:
    """Return a stack of the AWS account that the environment's credentials are for.

    Raises:
        NoStackError: there is none of this name.
        botocore's errors: AWS cannot be reached, or does not let these credentials in.
    """
    session = boto3.Session()
    return _stack(session, name, f"in {session.region_name}", {"config": _CONFIG})


def on_this_desk(running: Path = RUNNING) -> Stack:
    """Return the local stack; the newest, if several are up.

    Raises:
        NoStackError: none is up.
    """
    for note in sorted(running.glob("running-*.json"), key=_written_at, reverse=True):
        told = _read(note)
        if told is not None and _is_alive(told["pid"]):
            return _local(told)
    raise NoStackError(
        "No local stack is up. Either start one in another terminal (make run),\n"
        "or name a deployed one: STACK=name, with AWS credentials in the environment."
    )


def _local(told: Mapping[str, Any]) -> Stack:
    endpoint = str(told["endpoint"])
    if urlsplit(endpoint).hostname not in _LOOPBACK:
        raise NoStackError(f"{endpoint} is not on this machine")
    session = boto3.Session(
        aws_access_key_id="test", aws_secret_access_key="test", region_name=str(told["region"])
    )
    # Loopback is never behind a proxy, whatever the environment says.
    config = _CONFIG.merge(Config(proxies={}))
    options = {"endpoint_url": endpoint, "config": config}
    return _stack(session, str(told["stack"]), f"on this desk, {endpoint}", options)


def _stack(session: boto3.Session, name: str, place: str, options: Mapping[str, Any]) -> Stack:
    formation: CloudFormationClient = session.client("cloudformation", **options)
    try:
        (described,) = formation.describe_stacks(StackName=name)["Stacks"]
    except formation.exceptions.ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            raise NoStackError(f"There is no stack {name} {place}.") from None
        raise
    pages = formation.get_paginator("list_stack_resources").paginate(StackName=name)
    resources = tuple(
        (item["ResourceType"], item["LogicalResourceId"], item.get("PhysicalResourceId", ""))
        for page in pages
        for item in page["StackResourceSummaries"]
    )
    parameters = {
        item.get("ParameterKey", ""): item.get("ParameterValue", "")
        for item in described.get("Parameters", [])
    }
    return Stack(
        name,
        place,
        sqs=session.client("sqs", **options),
        logs=session.client("logs", **options),
        functions=session.client("lambda", **options),
        dynamodb=session.client("dynamodb", **options),
        resources=resources,
        component_appid=parameters.get("ComponentAppid", ""),
        patient=session.client(
            "lambda", **{**options, "config": options["config"].merge(_PATIENT)}
        ),
    )


def _written_at(note: Path) -> float:
    try:
        return note.stat().st_mtime
    except OSError:
        return 0.0


def _read(note: Path) -> dict[str, Any] | None:
    try:
        told = json.loads(note.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    wanted = {"stack": str, "endpoint": str, "region": str, "pid": int}
    if isinstance(told, dict) and all(isinstance(told.get(n), t) for n, t in wanted.items()):
        return told
    return None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
