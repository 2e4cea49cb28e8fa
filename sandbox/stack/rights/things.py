"""What there is to be reached: every thing of the stack, and a foreign one of each kind."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from sandbox.stack.functions import plain_name, warming_payload
from sandbox.stack.rights.table import (
    COMPARTMENTS,
    EXAMPLE_CALLS,
    EXAMPLE_ROUTE,
    EXAMPLE_TENANT_ROUTES,
    EXAMPLE_TENANT_SESSIONS,
    KINDS,
    UNKNOWN_SESSION,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sandbox.stack.aws import Clients
    from sandbox.stack.stack import LocalStack

FOREIGN: Final = "foreign"
_ABOUT_ONE: Final = ("assign", "forget", "refresh", "options")


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing that requests may name."""

    name: str
    """Its logical id in the template; of a foreign one ``foreign`` and its kind."""
    kind: str
    ref: str
    """How requests name it: a name, an address, a path."""
    arn: str = ""
    sealed: bytes = field(default=b"", repr=False)
    """For a key: something that it has encrypted, under ``context``."""
    context: Mapping[str, str] = MappingProxyType({})
    pk: str = "nobody"
    """For a table and its kinds of items: the partition key of an item that is not there."""
    payload: Mapping[str, object] = MappingProxyType({})
    """For a function: a question that it answers without changing anything."""

    @property
    def is_foreign(self) -> bool:
        """Whether it is none of the stack's."""
        return self.name.startswith(FOREIGN)


def everything(stack: LocalStack) -> list[Thing]:
    """The stack's own things, and the foreign ones, which are made here."""
    return [*own_things(stack), *foreign_things(stack)]


def own_things(stack: LocalStack) -> Iterator[Thing]:
    """Every thing of the stack that a role could be allowed to touch."""
    deployed, root = stack.deployed, stack.root
    for name, table in deployed.of_type("AWS::DynamoDB::Table").items():
        found = root.dynamodb.describe_table(TableName=table)["Table"]
        yield Thing(name, "table", table, found["TableArn"])
        for letter, kind in KINDS.items():
            pk = f"{letter}#{stack.component.appid}" + ("" if letter == "C" else "#nobody")
            yield Thing(f"{name}/{kind}", "items", table, pk=pk)
        for index in found["GlobalSecondaryIndexes"]:
            yield Thing(
                f"{name}/index/{index['IndexName']}", "index", f"{table}/{index['IndexName']}"
            )
    for name, key in deployed.of_type("AWS::KMS::Key").items():
        arn = root.kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"]
        context = {"service": "wxvault", "component_appid": stack.component.appid}
        yield _key(root, name, arn, context)
        for compartment in COMPARTMENTS:
            within = {**context, "compartment": compartment}
            yield _key(root, f"{name}/{compartment}", arn, within)
    for name, secret in (("PushSecret", "wxvault/push"), ("AppSecret", "wxvault/app")):
        yield Thing(name, "secret", secret, root.secrets.describe_secret(SecretId=secret)["ARN"])
    yield from _by_name(stack)
    for route in (
        EXAMPLE_ROUTE,
        *EXAMPLE_TENANT_ROUTES,
        *EXAMPLE_TENANT_SESSIONS,
        *EXAMPLE_CALLS,
        "GET /call/wx0000000000000001/cgi-bin/menu/get",
        # Ends like one that the example allows.
        "GET /call/wx0000000000000001/call/wx0000000000000000/x",
        "POST /login/wx0000000000000001/mp",
        "GET /component-call/wxa/gettemplatelist",
        "GET /tokens/wx0000000000000001",
        "GET /component-token",
        f"GET /tenants/nobody/auth-urls/{UNKNOWN_SESSION}",
        f"GET /tenants/nobody/registrations/{UNKNOWN_SESSION}",
        "POST /tenants/-/auth-urls",
        "POST /tenants/-/registrations",
        "GET /tenants/-/authorizers",
        "POST /tenants/-/forget",
        "GET /authorizers?limit=0",
        "GET /authorizers/nobody",
        *(f"POST /authorizers/nobody/{verb}" for verb in _ABOUT_ONE),
    ):
        yield Thing(route, "route", route)


def _by_name(stack: LocalStack) -> Iterator[Thing]:
    deployed, root = stack.deployed, stack.root
    for name, url in deployed.of_type("AWS::SQS::Queue").items():
        yield Thing(name, "queue", url)
    for name, bus in deployed.of_type("AWS::Events::EventBus").items():
        yield Thing(name, "bus", bus)
    for name, function in deployed.of_type("AWS::Lambda::Function").items():
        alias = deployed.of_type("AWS::Lambda::Alias")[f"{name}Aliaslive"]
        payload = warming_payload(plain_name(name))
        yield Thing(f"{name}:live", "alias", alias, payload=payload)
        yield Thing(name, "function", function, payload=payload)
    for name, group in deployed.of_type("AWS::Logs::LogGroup").items():
        yield Thing(name, "log", group)
    for name, role in deployed.of_type("AWS::IAM::Role").items():
        yield Thing(name, "role", role, root.iam.get_role(RoleName=role)["Role"]["Arn"])


def foreign_things(stack: LocalStack, mark: str = "") -> list[Thing]:
    """One thing of each kind that is none of the stack's; ``mark`` tells several sets apart."""
    root, name = stack.root, f"{FOREIGN}{mark}"
    table = root.dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    )["TableDescription"]["TableArn"]
    key = root.kms.create_key(Description=name)["KeyMetadata"]["Arn"]
    secret = root.secrets.create_secret(Name=name, SecretString="{}")["ARN"]
    queue = root.sqs.create_queue(QueueName=name)["QueueUrl"]
    root.events.create_event_bus(Name=name)
    root.logs.create_log_group(logGroupName=name)
    root.s3.create_bucket(Bucket=f"{name}-bucket")
    role = root.iam.create_role(RoleName=name, AssumeRolePolicyDocument=_trust_of_the_account())[
        "Role"
    ]
    function = root.lambda_.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role["Arn"],
        Handler="app.handler",
        Code={"ZipFile": _code()},
    )["FunctionArn"]
    return [
        Thing(f"{name} table", "table", name, table),
        _key(root, f"{name} key", key, {}),
        Thing(f"{name} secret", "secret", name, secret),
        Thing(f"{name} queue", "queue", queue),
        Thing(f"{name} bus", "bus", name),
        Thing(f"{name} function", "function", function),
        Thing(f"{name} log", "log", name),
        Thing(f"{name} bucket", "bucket", f"{name}-bucket"),
        Thing(f"{name} role", "role", name, role["Arn"]),
        # The account's own bus is nobody's business either, nor is the account as a whole.
        *(() if mark else (Thing(f"{name}: default bus", "bus", "default"),)),
        Thing(f"{name}: the account", "account", ""),
    ]


def _key(root: Clients, name: str, arn: str, context: Mapping[str, str]) -> Thing:
    sealed = root.kms.encrypt(KeyId=arn, Plaintext=b"x", EncryptionContext=context)
    return Thing(name, "key", arn, arn, sealed["CiphertextBlob"], context)


def _trust_of_the_account() -> str:
    # Whoever has the right may assume it.
    return (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", '
        '"Principal": {"AWS": "arn:aws:iam::123456789012:root"}}]}'
    )


def _code() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as code:
        code.writestr("app.py", "def handler(event, context):\n    return {}\n")
    return archive.getvalue()
