"""What each role may do: every statement, exactly, and nothing beside."""

from __future__ import annotations

from typing import Any

import pytest

from tests.template.reading import listed, of_type, statements, strings, target

Resources = dict[str, dict[str, Any]]

# Sid: (actions, resources), both as they stand in the template.
Rights = dict[str, tuple[set[str], set[str]]]

SEALING_CONTEXT = {
    "StringEquals": {
        "kms:EncryptionContext:service": "wxvault",
        "kms:EncryptionContext:component_appid": {"Ref": "ComponentAppid"},
    }
}


def items(*actions: str) -> tuple[set[str], set[str]]:
    """Return a right to the table's items."""
    return {f"dynamodb:{action}" for action in actions}, {"Table.Arn"}


def log(function: str) -> tuple[set[str], set[str]]:
    """Return the right to write a function's own log."""
    return {"logs:CreateLogStream", "logs:PutLogEvents"}, {f"{function}Logs.Arn"}


def receive(queue: str) -> tuple[set[str], set[str]]:
    """Return what Lambda needs to consume a queue for a function."""
    actions = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
    return actions, {f"{queue}.Arn"}


def send(*queues: str) -> tuple[set[str], set[str]]:
    """Return the right to send to queues."""
    return {"sqs:SendMessage"}, {f"{queue}.Arn" for queue in queues}


SEAL = ({"kms:GenerateDataKey"}, {"SealingKey.Arn"})
OPEN = ({"kms:Decrypt"}, {"SealingKey.Arn"})
SEAL_AND_OPEN = ({"kms:GenerateDataKey", "kms:Decrypt"}, {"SealingKey.Arn"})
PUT_EVENTS = ({"events:PutEvents"}, {"EventBus.Arn"})
INVOKE_RENEW = ({"lambda:InvokeFunction"}, {"RenewFunctionAliaslive"})

ROLES: dict[str, Rights] = {
    "Callback": {
        "Items": items("GetItem", "PutItem", "UpdateItem", "DeleteItem"),
        "Seal": SEAL,
        "ReadPushSecret": ({"secretsmanager:GetSecretValue"}, {"PushSecretArn"}),
        "SendJobs": send("RenewQueue", "ExchangeQueue"),
        "PutEvents": PUT_EVENTS,
        "WriteLog": log("Callback"),
    },
    "Sessions": {
        "Items": items("GetItem", "PutItem", "UpdateItem"),
        "Open": OPEN,
        "InvokeRenew": INVOKE_RENEW,
        "WriteLog": log("Sessions"),
    },
    "Launch": {
        "Items": items("GetItem", "PutItem", "UpdateItem"),
        "Open": OPEN,
        "InvokeRenew": INVOKE_RENEW,
        "WriteLog": log("Launch"),
    },
    "Landing": {
        "Items": items("GetItem", "PutItem", "UpdateItem"),
        "Seal": SEAL,
        "SendJobs": send("ExchangeQueue"),
        "WriteLog": log("Landing"),
    },
    "ExchangeWorker": {
        "Items": items("GetItem", "PutItem", "UpdateItem", "DeleteItem"),
        "SealAndOpen": SEAL_AND_OPEN,
        "ReceiveJobs": receive("ExchangeQueue"),
        "SendJobs": send("RenewQueue"),
        "PutEvents": PUT_EVENTS,
        "InvokeRenew": INVOKE_RENEW,
        "WriteLog": log("ExchangeWorker"),
    },
    "Sweep": {
        "DueIndex": ({"dynamodb:Query"}, {"${Table.Arn}/index/due"}),
        "Items": items("GetItem", "UpdateItem", "DeleteItem"),
        "Open": OPEN,
        "QueueDepth": ({"sqs:GetQueueAttributes"}, {"RenewQueue.Arn", "ExchangeQueue.Arn"}),
        "SendJobs": send("RenewQueue", "ExchangeQueue"),
        "PutEvents": PUT_EVENTS,
        "InvokeRenew": INVOKE_RENEW,
        "SendDeadLetters": send("SweepDeadLetters"),
        "WriteLog": log("Sweep"),
    },
    "Renew": {
        "Items": items("GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem"),
        "SealAndOpen": SEAL_AND_OPEN,
        "ReadAppSecret": ({"secretsmanager:GetSecretValue"}, {"AppSecretArn"}),
        "ReceiveJobs": receive("RenewQueue"),
        "PutEvents": PUT_EVENTS,
        "WriteLog": log("Renew"),
    },
    "Token": {
        "Items": items("GetItem"),
        "Open": OPEN,
        "InvokeRenew": INVOKE_RENEW,
        "WriteLog": log("Token"),
    },
}
CALL_WECHAT = {"Sessions", "Launch", "ExchangeWorker", "Renew"}

SCHEDULE: Rights = {
    "InvokeSweep": ({"lambda:InvokeFunction"}, {"SweepFunctionAliaslive"}),
    "SendDeadLetters": ({"sqs:SendMessage"}, {"SweepDeadLetters.Arn"}),
}


def rights(role: dict[str, Any]) -> Rights:
    """Return the unconditional statements of a role."""
    (policy,) = role["Policies"]
    found = [one for one in policy["PolicyDocument"]["Statement"] if "Fn::If" not in one]
    assert all(one["Effect"] == "Allow" for one in found)
    assert len({one["Sid"] for one in found}) == len(found)
    return {
        one["Sid"]: (
            set(listed(one["Action"])),
            {target(value) for value in listed(one["Resource"])},
        )
        for one in found
    }


@pytest.mark.parametrize("name", ROLES)
def test_a_function_may_do_exactly_what_its_row_says(resources: Resources, name: str) -> None:
    """No function's role has an action or a resource more or less than its row of the table."""
    assert rights(resources[f"{name}Role"]["Properties"]) == ROLES[name]


def test_every_function_has_its_own_row(resources: Resources) -> None:
    """A function that is added has to be given its row here."""
    functions = of_type(resources, "AWS::Lambda::Function")
    assert {name.removesuffix("Function") for name in functions} == set(ROLES)
    roles = set(of_type(resources, "AWS::IAM::Role"))
    assert roles == {f"{name}Role" for name in ROLES} | {"ScheduleRole"}
    for name, function in functions.items():
        assert target(function["Role"]) == f"{name.removesuffix('Function')}Role.Arn"


@pytest.mark.parametrize("name", [*ROLES, "Schedule"])
def test_roles_have_no_other_source_of_rights(resources: Resources, name: str) -> None:
    """No managed policy is attached, by us or by the transform: those allow `*`."""
    role = resources[f"{name}Role"]["Properties"]
    assert set(role) == {"AssumeRolePolicyDocument", "Policies"}
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    service = "scheduler" if name == "Schedule" else "lambda"
    assert trust["Principal"] == {"Service": f"{service}.amazonaws.com"}
    assert trust["Action"] == "sts:AssumeRole"


def test_the_schedule_may_wake_the_sweep_and_nothing_else(resources: Resources) -> None:
    """The scheduler's role invokes the sweep's alias, for this account's schedules only."""
    role = resources["ScheduleRole"]["Properties"]
    assert rights(role) == SCHEDULE
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_only_functions_that_call_wechat_may_touch_network_interfaces(resources: Resources) -> None:
    """The one statement on `*` exists in a VPC only, and only for functions that call WeChat."""
    having = set()
    for name in ROLES:
        (policy,) = resources[f"{name}Role"]["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]:
            if "Fn::If" in statement:
                condition, granted, otherwise = statement["Fn::If"]
                assert condition == "HasVpc"
                assert otherwise == {"Ref": "AWS::NoValue"}
                assert granted["Sid"] == "NetworkInterfaces"
                assert granted["Resource"] == "*"
                assert set(granted["Action"]) == {
                    "ec2:CreateNetworkInterface",
                    "ec2:DescribeNetworkInterfaces",
                    "ec2:DescribeSubnets",
                    "ec2:DeleteNetworkInterface",
                    "ec2:AssignPrivateIpAddresses",
                    "ec2:UnassignPrivateIpAddresses",
                }
                having.add(name)
    assert having == CALL_WECHAT


def test_nothing_is_allowed_by_wildcard(resources: Resources) -> None:
    """No allowed action or resource has a `*`, but for interfaces and the key's own policy."""
    for name, resource in resources.items():
        for statement in statements(resource):
            if statement["Effect"] == "Deny" or statement.get("Sid") == "NetworkInterfaces":
                continue
            if resource["Type"] == "AWS::KMS::Key":
                # A key's policy speaks of this key only, and hands the decision to the roles.
                assert statement["Sid"] == "LetIamDecide"
                continue
            assert "NotAction" not in statement, name
            assert "NotResource" not in statement, name
            for value in [*listed(statement["Action"]), *strings(statement.get("Resource", []))]:
                assert "*" not in value, (name, value)


def test_the_sealing_key_works_for_this_component_only(resources: Resources) -> None:
    """Every statement about the sealing key demands the encryption context of this component."""
    seen = 0
    for name in ROLES:
        for statement in statements(resources[f"{name}Role"]):
            if any(action.startswith("kms:") for action in listed(statement["Action"])):
                assert statement["Condition"] == SEALING_CONTEXT, name
                seen += 1
            elif statement.get("Sid") is not None:
                assert "Condition" not in statement, name
    assert seen == len(ROLES)


def test_who_only_writes_cannot_open_what_is_sealed(resources: Resources) -> None:
    """Functions that anyone on the internet reaches unsigned and that only write never decrypt."""
    for name in ("Callback", "Landing"):
        assert "kms:Decrypt" not in set(strings(resources[f"{name}Role"]))


def test_only_renew_reads_the_app_secret(resources: Resources) -> None:
    """AppSecret is named by one role and one function's environment: renew's."""
    naming = {name for name, body in resources.items() if "AppSecretArn" in set(strings(body))}
    assert naming == {"RenewRole", "RenewFunction"}


def test_only_callback_reads_the_push_secret(resources: Resources) -> None:
    """PushSecret is named by one role and one function's environment: callback's."""
    naming = {name for name, body in resources.items() if "PushSecretArn" in set(strings(body))}
    assert naming == {"CallbackRole", "CallbackFunction"}


def test_policies_for_callers(resources: Resources) -> None:
    """Trusted callers invoke two aliases; the example allows one path of one appid."""
    policies = of_type(resources, "AWS::IAM::ManagedPolicy")
    assert set(policies) == {"TrustedCallerPolicy", "SingleAppidCallerPolicy"}
    (trusted,) = policies["TrustedCallerPolicy"]["PolicyDocument"]["Statement"]
    assert trusted["Effect"] == "Allow"
    assert trusted["Action"] == "lambda:InvokeFunction"
    assert {target(value) for value in trusted["Resource"]} == {
        "TokenFunctionAliaslive",
        "SessionsFunctionAliaslive",
    }
    (single,) = policies["SingleAppidCallerPolicy"]["PolicyDocument"]["Statement"]
    assert single["Effect"] == "Allow"
    assert single["Action"] == "execute-api:Invoke"
    assert target(single["Resource"]) == (
        "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${HttpApi}"
        "/$default/GET/tokens/wx0000000000000000"
    )
    for policy in policies.values():
        assert set(policy) == {"Description", "PolicyDocument"}
