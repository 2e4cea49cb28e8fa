"""IAM as deployed: each function may do what its work needs, and nothing beside it.

The table of rights is the house's, written down a second time. Each right is tried out with the
credentials of the function's own role.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from sandbox.stack.aws import Clients, Credentials
from sandbox.stack.roles import allow

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.stack.stack import LocalStack

type Try = Callable[[Any, Setting], object]
"""Sends one request with the clients it is given (untyped: most are to be refused)."""

NOBODY = {"pk": {"S": "nobody"}, "sk": {"S": "nothing"}}
ONLY_IF_THERE = {
    "ConditionExpression": "attribute_exists(#pk)",
    "ExpressionAttributeNames": {"#pk": "pk"},
}


class Setting:
    """What is there to be reached: the stack's own things, and a foreign one of each kind."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self.table = stack.outputs["TableName"]
        self.key = stack.outputs["SealingKeyArn"]
        self.context = {"service": "wxvault", "component_appid": stack.component.appid}
        sealed = next(
            item["sealed_key"]["B"] for item in stack.scan_table() if "sealed_key" in item
        )
        self.wrapped = sealed
        root = stack.root
        self.foreign_key = root.kms.create_key(Description="foreign")["KeyMetadata"]["Arn"]
        self.foreign_secret = root.secrets.create_secret(Name="foreign", SecretString="{}")["ARN"]
        self.foreign_queue = root.sqs.create_queue(QueueName="foreign")["QueueUrl"]
        self.foreign_table = "foreign"
        root.dynamodb.create_table(
            TableName="foreign",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
        )

    def secret(self, name: str) -> str:
        """The ARN of a secret."""
        return self.stack.root.secrets.describe_secret(SecretId=name)["ARN"]

    def function(self, name: str, *, qualified: bool = True) -> str:
        """A function's alias, or the function itself."""
        function = self.stack.functions[name]
        return function.alias if qualified else function.physical


@pytest.fixture(scope="module")
def setting(stack: LocalStack) -> Setting:
    """The same things for every role."""
    return Setting(stack)


def _query(index: str | None) -> Try:
    name = "due_shard" if index == "due" else "tenant_key" if index else "pk"

    def attempt(aws: Any, there: Setting) -> object:
        request: dict[str, Any] = {"IndexName": index} if index else {}
        return aws.dynamodb.query(
            TableName=there.table,
            KeyConditionExpression="#k = :v",
            ExpressionAttributeNames={"#k": name},
            ExpressionAttributeValues={":v": {"S": "x"}},
            **request,
        )

    return attempt


def _send(queue: str) -> Try:
    # Allowed, it is refused for its delay: nobody has to work on it.
    def attempt(aws: Any, there: Setting) -> object:
        url = there.stack.outputs.get(queue, there.foreign_queue)
        return aws.sqs.send_message(QueueUrl=url, MessageBody="{}", DelaySeconds=-1)

    return attempt


def _receive(queue: str) -> Try:
    def attempt(aws: Any, there: Setting) -> object:
        url = there.stack.outputs.get(queue, there.foreign_queue)
        return aws.sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)

    return attempt


def _invoke(name: str, *, qualified: bool = True) -> Try:
    question = {"job": "authorizer", "authorizer_appid": "wx0000000000000000"}

    def attempt(aws: Any, there: Setting) -> object:
        function = there.function(name, qualified=qualified)
        return aws.lambda_.invoke(FunctionName=function, Payload=json.dumps(question).encode())

    return attempt


def _read_secret(name: str) -> Try:
    def attempt(aws: Any, there: Setting) -> object:
        arn = there.foreign_secret if name == "foreign" else there.secret(name)
        return aws.secrets.get_secret_value(SecretId=arn)

    return attempt


def _put_event(*, own: bool) -> Try:
    # Allowed, it is dropped: nobody may speak for AWS.
    def attempt(aws: Any, there: Setting) -> object:
        bus = there.stack.outputs["EventBusName"] if own else "default"
        entry = {"EventBusName": bus, "Source": "aws.s3", "DetailType": "x", "Detail": "{}"}
        return aws.events.put_events(Entries=[entry])

    return attempt


TRIES: dict[str, Try] = {
    "get": lambda aws, there: aws.dynamodb.get_item(TableName=there.table, Key=NOBODY),
    "put": lambda aws, there: aws.dynamodb.put_item(
        TableName=there.table, Item=NOBODY, **ONLY_IF_THERE
    ),
    "update": lambda aws, there: aws.dynamodb.update_item(
        TableName=there.table, Key=NOBODY, UpdateExpression="REMOVE x", **ONLY_IF_THERE
    ),
    "delete": lambda aws, there: aws.dynamodb.delete_item(
        TableName=there.table, Key=NOBODY, **ONLY_IF_THERE
    ),
    "query": _query(None),
    "query due": _query("due"),
    "query by_tenant": _query("by_tenant"),
    "scan": lambda aws, there: aws.dynamodb.scan(TableName=there.table),
    "delete table": lambda aws, there: aws.dynamodb.delete_table(TableName=there.foreign_table),
    "get elsewhere": lambda aws, there: aws.dynamodb.get_item(
        TableName=there.foreign_table, Key=NOBODY
    ),
    "put elsewhere": lambda aws, there: aws.dynamodb.put_item(
        TableName=there.foreign_table, Item=NOBODY, **ONLY_IF_THERE
    ),
    "decrypt": lambda aws, there: aws.kms.decrypt(
        CiphertextBlob=there.wrapped, KeyId=there.key, EncryptionContext=there.context
    ),
    "generate": lambda aws, there: aws.kms.generate_data_key(
        KeyId=there.key, KeySpec="AES_256", EncryptionContext=there.context
    ),
    "encrypt": lambda aws, there: aws.kms.encrypt(KeyId=there.key, Plaintext=b"x"),
    "generate elsewhere": lambda aws, there: aws.kms.generate_data_key(
        KeyId=there.foreign_key, KeySpec="AES_256"
    ),
    "disable key": lambda aws, there: aws.kms.disable_key(KeyId=there.foreign_key),
    "push secret": _read_secret("wxvault/push"),
    "app secret": _read_secret("wxvault/app"),
    "foreign secret": _read_secret("foreign"),
    "change secret": lambda aws, there: aws.secrets.put_secret_value(
        SecretId=there.foreign_secret, SecretString="x"
    ),
    "send renew": _send("RenewQueueUrl"),
    "send exchange": _send("ExchangeQueueUrl"),
    "send elsewhere": _send("foreign"),
    "receive renew": _receive("RenewQueueUrl"),
    "receive exchange": _receive("ExchangeQueueUrl"),
    "receive elsewhere": _receive("foreign"),
    "put events": _put_event(own=True),
    "put events elsewhere": _put_event(own=False),
    "invoke renew": _invoke("renew"),
    "invoke renew without alias": _invoke("renew", qualified=False),
    "invoke token": _invoke("token"),
    "invoke sessions": _invoke("sessions"),
    "invoke sweep": _invoke("sweep"),
    "change function": lambda aws, there: aws.lambda_.update_function_configuration(
        FunctionName=there.function("token", qualified=False), Description="changed"
    ),
    "make role": lambda aws, there: aws.iam.create_role(
        RoleName="made", AssumeRolePolicyDocument="{}"
    ),
}

SEALS, OPENS = {"generate"}, {"decrypt"}
KEEPS = {"get", "put", "update", "delete"}

MAY: dict[str, set[str]] = {
    # Broken into, the front door learns no token: what it reads is sealed.
    "callback": KEEPS | SEALS | {"push secret", "send renew", "send exchange", "put events"},
    "sessions": {"get", "put", "update", "invoke renew"} | OPENS,
    "launch": {"get", "put", "update", "invoke renew"} | OPENS,
    "landing": {"get", "put", "update", "send exchange"} | SEALS,
    "exchange-worker": KEEPS
    | SEALS
    | OPENS
    | {"receive exchange", "send renew", "put events", "invoke renew"},
    "sweep": {"query due", "get", "update", "delete", "put events", "invoke renew"}
    | {"send renew", "send exchange"}
    | OPENS,
    # The only one that reads AppSecret.
    "renew": KEEPS | SEALS | OPENS | {"query", "app secret", "receive renew", "put events"},
    "token": {"get", "invoke renew"} | OPENS,
}


def test_every_function_is_in_the_table(stack: LocalStack) -> None:
    """A new function needs a line of its own here."""
    assert set(MAY) == set(stack.functions)
    assert set().union(*MAY.values()) <= set(TRIES)


def arn_of_role(stack: LocalStack, name: str) -> str:
    """The ARN of a function's role."""
    logical = "".join(word.capitalize() for word in name.split("-")) + "Role"
    role = stack.deployed.of_type("AWS::IAM::Role")[logical]
    return stack.root.iam.get_role(RoleName=role)["Role"]["Arn"]


def acting_as(stack: LocalStack, name: str) -> Clients:
    """Clients with the credentials of a function's role.

    The roles trust Lambda alone; the emulator's root user may assume them all the same.
    """
    arn = arn_of_role(stack, name)
    keys = stack.root.sts.assume_role(RoleArn=arn, RoleSessionName="trying")["Credentials"]
    credentials = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    return Clients(stack.root.url, stack.root.region, credentials)


def is_allowed(attempt: Try, aws: Clients, there: Setting) -> bool:
    """Whether IAM lets a request through; what becomes of it then does not matter."""
    try:
        attempt(aws, there)
    except ClientError as error:
        return error.response["Error"]["Code"] not in {"AccessDenied", "AccessDeniedException"}
    return True


@pytest.mark.parametrize("name", MAY)
def test_a_function_may_do_its_work_and_nothing_else(
    stack: LocalStack, setting: Setting, name: str
) -> None:
    """Tried out one by one with the role's own credentials: exactly what the table says."""
    aws = acting_as(stack, name)
    allowed = {what for what, attempt in TRIES.items() if is_allowed(attempt, aws, setting)}
    assert allowed == MAY[name]


@pytest.mark.parametrize("name", MAY)
def test_nobody_else_may_take_a_functions_role(stack: LocalStack, name: str) -> None:
    """It trusts Lambda: a role that is allowed to assume every role cannot assume this one."""
    climber = stack.roles.make("climber", [allow("Climb", "sts:AssumeRole", "*")])
    with pytest.raises(ClientError, match="AccessDenied"):
        climber.clients.sts.assume_role(RoleArn=arn_of_role(stack, name), RoleSessionName="trying")


def test_a_trusted_caller_may_ask_for_tokens_and_sessions_only(
    stack: LocalStack, setting: Setting
) -> None:
    """The stack's policy for callers: two functions by their aliases, and no signed HTTP."""
    caller = stack.trusted_caller()
    allowed = {
        what for what, attempt in TRIES.items() if is_allowed(attempt, caller.clients, setting)
    }
    assert allowed == {"invoke token", "invoke sessions"}
    assert caller.http("GET", "/component-token").status == 403


def test_the_example_policy_allows_one_appid(stack: LocalStack, setting: Setting) -> None:
    """As it stands it is for an appid of nobody: that one is unknown, every other is forbidden."""
    policy = stack.outputs["SingleAppidCallerPolicyArn"]
    caller = stack.roles.make("single-appid-caller", managed_policies=[policy])
    assert caller.http("GET", "/tokens/wx0000000000000000").status == 404
    for path in ("/tokens/wx0000000000000001", "/component-token", "/tenants/a/auth-urls/b"):
        assert caller.http("GET", path).status == 403
    assert not any(is_allowed(attempt, caller.clients, setting) for attempt in TRIES.values())
