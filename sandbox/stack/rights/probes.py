"""One real request for every action that somebody might want to do to a kind of thing.

A request is either harmless when it is let through, or is refused afterwards for another reason: a
delay of -1 s, an item that is not there. Where neither can be (deleting a thing), it is the last of
its kind, and nobody has the right.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.stack.rights.things import Thing

type Attempt = Callable[[Any, Thing], object]
"""Sends one request with the clients it is given (untyped: most are to be refused)."""

_DENIED: Final = {"AccessDenied", "AccessDeniedException", "AuthorizationError"}
_ONLY_IF_THERE: Final[dict[str, Any]] = {
    "ConditionExpression": "attribute_exists(#pk)",
    "ExpressionAttributeNames": {"#pk": "pk"},
}
_TRUST: Final = json.dumps({"Version": "2012-10-17", "Statement": []})


@dataclass(frozen=True, slots=True)
class Probe:
    """One action, and a request that needs it."""

    action: str
    attempt: Attempt

    def is_allowed(self, clients: object, thing: Thing) -> bool:
        """Whether IAM lets the request through; what becomes of it then does not matter."""
        try:
            answer = self.attempt(clients, thing)
        except ClientError as error:
            return error.response["Error"]["Code"] not in _DENIED
        return getattr(answer, "status", 200) != 403  # noqa: PLR2004 (an answer over HTTP)


def _dynamodb(name: str, **request: Any) -> Attempt:
    return lambda aws, table: getattr(aws.dynamodb, name)(TableName=table.ref, **request)


def _nobody(thing: Thing) -> dict[str, Any]:
    """Return the key of an item of this kind that is not there."""
    return {"pk": {"S": thing.pk}, "sk": {"S": "nothing"}}


def _item(name: str, key: str = "Key", **request: Any) -> Attempt:
    return lambda aws, thing: getattr(aws.dynamodb, name)(
        TableName=thing.ref, **{key: _nobody(thing)}, **request
    )


def _query(aws: Any, thing: Thing) -> object:
    table, _, index = thing.ref.partition("/")
    key = {"due": "due_shard", "by_tenant": "tenant_key"}.get(index, "pk")
    return aws.dynamodb.query(
        TableName=table,
        KeyConditionExpression="#k = :v",
        ExpressionAttributeNames={"#k": key},
        ExpressionAttributeValues={":v": {"S": thing.pk}},
        **({"IndexName": index} if index else {}),
    )


def _scan(aws: Any, thing: Thing) -> object:
    table, _, index = thing.ref.partition("/")
    return aws.dynamodb.scan(TableName=table, Limit=1, **({"IndexName": index} if index else {}))


_ITEMS: Final[Mapping[str, Attempt]] = {
    "GetItem": _item("get_item"),
    "BatchGetItem": lambda aws, table: aws.dynamodb.batch_get_item(
        RequestItems={table.ref: {"Keys": [_nobody(table)]}}
    ),
    "Query": _query,
    "PutItem": _item("put_item", "Item", **_ONLY_IF_THERE),
    "UpdateItem": _item("update_item", UpdateExpression="REMOVE x", **_ONLY_IF_THERE),
    "DeleteItem": _item("delete_item", **_ONLY_IF_THERE),
    "BatchWriteItem": lambda aws, table: aws.dynamodb.batch_write_item(
        RequestItems={table.ref: [{"DeleteRequest": {"Key": _nobody(table)}}]}
    ),
    "ConditionCheckItem": lambda aws, table: aws.dynamodb.transact_write_items(
        TransactItems=[
            {"ConditionCheck": {"TableName": table.ref, "Key": _nobody(table), **_ONLY_IF_THERE}}
        ]
    ),
}

_TABLE: Final[Mapping[str, Attempt]] = {
    **_ITEMS,
    "Scan": _scan,
    "DescribeTable": _dynamodb("describe_table"),
    "ListTagsOfResource": lambda aws, table: aws.dynamodb.list_tags_of_resource(
        ResourceArn=table.arn
    ),
    "UpdateTimeToLive": _dynamodb(
        "update_time_to_live",
        TimeToLiveSpecification={"AttributeName": "delete_after", "Enabled": True},
    ),
    "UpdateContinuousBackups": _dynamodb(
        "update_continuous_backups",
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
    ),
    "CreateBackup": _dynamodb("create_backup", BackupName="tried"),
    "UpdateTable": _dynamodb("update_table", DeletionProtectionEnabled=True),
    "DeleteTable": _dynamodb("delete_table"),
}

_KEY: Final[Mapping[str, Attempt]] = {
    "Decrypt": lambda aws, key: aws.kms.decrypt(
        CiphertextBlob=key.sealed, KeyId=key.arn, EncryptionContext=dict(key.context)
    ),
    "GenerateDataKey": lambda aws, key: aws.kms.generate_data_key(
        KeyId=key.arn, KeySpec="AES_256", EncryptionContext=dict(key.context)
    ),
    "GenerateDataKeyWithoutPlaintext": lambda aws, key: aws.kms.generate_data_key_without_plaintext(
        KeyId=key.arn, KeySpec="AES_256"
    ),
    "Encrypt": lambda aws, key: aws.kms.encrypt(KeyId=key.arn, Plaintext=b"x"),
    "DescribeKey": lambda aws, key: aws.kms.describe_key(KeyId=key.arn),
    "DisableKeyRotation": lambda aws, key: aws.kms.disable_key_rotation(KeyId=key.arn),
    "DisableKey": lambda aws, key: aws.kms.disable_key(KeyId=key.arn),
    # A day is less than AWS accepts.
    "ScheduleKeyDeletion": lambda aws, key: aws.kms.schedule_key_deletion(
        KeyId=key.arn, PendingWindowInDays=1
    ),
    "PutKeyPolicy": lambda aws, key: aws.kms.put_key_policy(KeyId=key.arn, Policy="{"),
}

_SECRET: Final[Mapping[str, Attempt]] = {
    "GetSecretValue": lambda aws, secret: aws.secrets.get_secret_value(SecretId=secret.arn),
    "DescribeSecret": lambda aws, secret: aws.secrets.describe_secret(SecretId=secret.arn),
    "PutResourcePolicy": lambda aws, secret: aws.secrets.put_resource_policy(
        SecretId=secret.arn, ResourcePolicy="{"
    ),
    "PutSecretValue": lambda aws, secret: aws.secrets.put_secret_value(
        SecretId=secret.arn, SecretString="{}"
    ),
    "UpdateSecret": lambda aws, secret: aws.secrets.update_secret(
        SecretId=secret.arn, SecretString="{}"
    ),
    "DeleteSecret": lambda aws, secret: aws.secrets.delete_secret(SecretId=secret.arn),
}


def _sqs(name: str, **request: Any) -> Attempt:
    return lambda aws, queue: getattr(aws.sqs, name)(QueueUrl=queue.ref, **request)


_QUEUE: Final[Mapping[str, Attempt]] = {
    "SendMessage": _sqs("send_message", MessageBody="{}", DelaySeconds=-1),
    "ReceiveMessage": _sqs("receive_message", VisibilityTimeout=0),
    "DeleteMessage": _sqs("delete_message", ReceiptHandle="none"),
    "ChangeMessageVisibility": _sqs(
        "change_message_visibility", ReceiptHandle="none", VisibilityTimeout=0
    ),
    "GetQueueAttributes": _sqs("get_queue_attributes", AttributeNames=["QueueArn"]),
    "SetQueueAttributes": _sqs("set_queue_attributes", Attributes={"DelaySeconds": "-1"}),
    "PurgeQueue": _sqs("purge_queue"),
    "DeleteQueue": _sqs("delete_queue"),
}


def _put_event(aws: Any, bus: Thing) -> object:
    # Let through, it is dropped: nobody may speak for AWS.
    entry = {"EventBusName": bus.ref, "Source": "aws.s3", "DetailType": "x", "Detail": "{}"}
    return aws.events.put_events(Entries=[entry])


_BUS: Final[Mapping[str, Attempt]] = {
    "PutEvents": _put_event,
    "DescribeEventBus": lambda aws, bus: aws.events.describe_event_bus(Name=bus.ref),
    "PutRule": lambda aws, bus: aws.events.put_rule(
        Name="tried", EventBusName=bus.ref, EventPattern='{"source": ["nobody"]}'
    ),
    "DeleteEventBus": lambda aws, bus: aws.events.delete_event_bus(Name=bus.ref),
}


def _invoke(aws: Any, function: Thing) -> object:
    payload = json.dumps(dict(function.payload)).encode()
    return aws.lambda_.invoke(FunctionName=function.ref, Payload=payload)


_ALIAS: Final[Mapping[str, Attempt]] = {"InvokeFunction": _invoke}
_FUNCTION: Final[Mapping[str, Attempt]] = {
    "InvokeFunction": _invoke,
    "GetFunction": lambda aws, one: aws.lambda_.get_function(FunctionName=one.ref),
    "GetFunctionConfiguration": lambda aws, one: aws.lambda_.get_function_configuration(
        FunctionName=one.ref
    ),
    "UpdateFunctionConfiguration": lambda aws, one: aws.lambda_.update_function_configuration(
        FunctionName=one.ref, Timeout=100_000
    ),
    "UpdateFunctionCode": lambda aws, one: aws.lambda_.update_function_code(
        FunctionName=one.ref, ZipFile=b"no archive", DryRun=True
    ),
    "UpdateAlias": lambda aws, one: aws.lambda_.update_alias(
        FunctionName=one.ref, Name="nobody", FunctionVersion="999"
    ),
    "DeleteFunction": lambda aws, one: aws.lambda_.delete_function(FunctionName=one.ref),
}

_LOG: Final[Mapping[str, Attempt]] = {
    "CreateLogStream": lambda aws, log: aws.logs.create_log_stream(
        logGroupName=log.ref, logStreamName=f"tried-{secrets.token_hex(4)}"
    ),
    "PutLogEvents": lambda aws, log: aws.logs.put_log_events(
        logGroupName=log.ref,
        logStreamName="nobody",
        logEvents=[{"timestamp": 1767225600000, "message": "tried"}],
    ),
    "FilterLogEvents": lambda aws, log: aws.logs.filter_log_events(logGroupName=log.ref, limit=1),
    "GetLogEvents": lambda aws, log: aws.logs.get_log_events(
        logGroupName=log.ref, logStreamName="nobody"
    ),
    "PutRetentionPolicy": lambda aws, log: aws.logs.put_retention_policy(
        logGroupName=log.ref, retentionInDays=30
    ),
    "DeleteLogGroup": lambda aws, log: aws.logs.delete_log_group(logGroupName=log.ref),
}

_BUCKET: Final[Mapping[str, Attempt]] = {
    "ListBucket": lambda aws, bucket: aws.s3.list_objects_v2(Bucket=bucket.ref, MaxKeys=1),
    "GetObject": lambda aws, bucket: aws.s3.get_object(Bucket=bucket.ref, Key="nobody"),
    "PutObject": lambda aws, bucket: aws.s3.put_object(Bucket=bucket.ref, Key="tried", Body=b""),
}

_ROUTE: Final[Mapping[str, Attempt]] = {
    "Invoke": lambda aws, route: aws.http(*route.ref.split(" ", 1)),
}

_ROLE: Final[Mapping[str, Attempt]] = {
    "sts:AssumeRole": lambda aws, role: aws.sts.assume_role(
        RoleArn=role.arn, RoleSessionName="trying"
    ),
    "iam:GetRole": lambda aws, role: aws.iam.get_role(RoleName=role.ref),
    "iam:PutRolePolicy": lambda aws, role: aws.iam.put_role_policy(
        RoleName=role.ref, PolicyName="tried", PolicyDocument="{"
    ),
    "iam:AttachRolePolicy": lambda aws, role: aws.iam.attach_role_policy(
        RoleName=role.ref, PolicyArn="arn:aws:iam::123456789012:policy/nobody"
    ),
    "iam:UpdateAssumeRolePolicy": lambda aws, role: aws.iam.update_assume_role_policy(
        RoleName=role.ref, PolicyDocument="{"
    ),
}

# Of no thing of the stack: making new ones, and looking around.
_ACCOUNT: Final[Mapping[str, Attempt]] = {
    "iam:CreateRole": lambda aws, _: aws.iam.create_role(
        RoleName="made", AssumeRolePolicyDocument=_TRUST
    ),
    "iam:CreateUser": lambda aws, _: aws.iam.create_user(UserName="made"),
    "iam:CreateAccessKey": lambda aws, _: aws.iam.create_access_key(UserName="nobody"),
    "iam:ListRoles": lambda aws, _: aws.iam.list_roles(),
    "dynamodb:ListTables": lambda aws, _: aws.dynamodb.list_tables(),
    "kms:ListKeys": lambda aws, _: aws.kms.list_keys(),
    "kms:CreateKey": lambda aws, _: aws.kms.create_key(),
    "secretsmanager:ListSecrets": lambda aws, _: aws.secrets.list_secrets(),
    "secretsmanager:CreateSecret": lambda aws, _: aws.secrets.create_secret(
        Name=f"made-{secrets.token_hex(4)}", SecretString="{}"
    ),
    "sqs:ListQueues": lambda aws, _: aws.sqs.list_queues(),
    "sqs:CreateQueue": lambda aws, _: aws.sqs.create_queue(QueueName="made"),
    "events:ListEventBuses": lambda aws, _: aws.events.list_event_buses(),
    "lambda:ListFunctions": lambda aws, _: aws.lambda_.list_functions(),
    "lambda:CreateEventSourceMapping": lambda aws, _: aws.lambda_.create_event_source_mapping(
        EventSourceArn="arn:aws:sqs:us-east-1:123456789012:nobody", FunctionName="nobody"
    ),
    "logs:DescribeLogGroups": lambda aws, _: aws.logs.describe_log_groups(),
    "scheduler:ListSchedules": lambda aws, _: aws.scheduler.list_schedules(),
    "cloudformation:DescribeStacks": lambda aws, _: aws.cloudformation.describe_stacks(),
    "cloudformation:DeleteStack": lambda aws, _: aws.cloudformation.delete_stack(
        StackName="nobody"
    ),
    "s3:ListAllMyBuckets": lambda aws, _: aws.s3.list_buckets(),
}


def _named(service: str, attempts: Mapping[str, Attempt]) -> tuple[Probe, ...]:
    return tuple(Probe(f"{service}:{verb}", attempt) for verb, attempt in attempts.items())


_INDEX: Final[Mapping[str, Attempt]] = {"Query": _query, "Scan": _scan}
PROBES: Final[Mapping[str, tuple[Probe, ...]]] = {
    "table": _named("dynamodb", _TABLE),
    "items": _named("dynamodb", _ITEMS),
    "index": _named("dynamodb", _INDEX),
    "key": _named("kms", _KEY),
    "secret": _named("secretsmanager", _SECRET),
    "queue": _named("sqs", _QUEUE),
    "bus": _named("events", _BUS),
    "alias": _named("lambda", _ALIAS),
    "function": _named("lambda", _FUNCTION),
    "log": _named("logs", _LOG),
    "bucket": _named("s3", _BUCKET),
    "route": _named("execute-api", _ROUTE),
    "role": tuple(Probe(action, attempt) for action, attempt in _ROLE.items()),
    "account": tuple(Probe(action, attempt) for action, attempt in _ACCOUNT.items()),
}
"""All probes by the kind of thing they are for."""
