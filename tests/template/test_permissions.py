"""What each role may do: every statement, exactly, and nothing beside."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sandbox.stack.rights.table import (
    EXAMPLE_ROUTE,
    EXAMPLE_TENANT_ROUTES,
    FUNCTIONS,
    IN_THE_VPC,
    KINDS,
    logical_name,
    rights_of,
)
from tests.template.reading import listed, of_type, statements, strings, target

Resources = dict[str, dict[str, Any]]

SEALING_CONTEXT = {
    "kms:EncryptionContext:service": "wxvault",
    "kms:EncryptionContext:component_appid": {"Ref": "ComponentAppid"},
}
COMPARTMENT = "kms:EncryptionContext:compartment"
KEYS_OF = {
    f"{letter}#${{ComponentAppid}}{'' if letter == 'C' else '#*'}": kind
    for letter, kind in KINDS.items()
}
# What the example allows below one appid.
TREES = {
    ("execute-api:Invoke", f"{method} /{tree}/wx0000000000000000/*")
    for method, tree in (("GET", "call"), ("POST", "call"), ("POST", "login"))
}
# And below one tenant.
SESSIONS = {
    ("execute-api:Invoke", f"GET /tenants/your-tenant/{tree}/*")
    for tree in ("auth-urls", "registrations")
}
WILD = {
    "CallForOneAuthorizer": r"/(GET|POST)/(call|login)/wx0{16}/\*$",
    "AskForOneTenant": r"/GET/tenants/your-tenant/(auth-urls|registrations)/\*$",
}
ROLES = {logical_name(name): name for name in FUNCTIONS}


def written(resource: str) -> str:
    """Return how the template's policies name a resource of the table of rights."""
    if resource.endswith("Secret"):
        return f"{resource}Arn"
    name, _, rest = resource.partition("/")
    if rest:
        return f"${{{name}.Arn}}/{rest}"
    function, alias, _ = resource.partition(":live")
    return f"{function}Aliaslive" if alias else f"{resource}.Arn"


def parts(resource: str, condition: Any) -> list[str]:
    """Return what a statement is about: of a resource, the parts that its condition names.

    Every right on items names their kinds, and every right on the sealing key its compartments
    within the context of this component. Nothing else has a condition.
    """
    match condition:
        case None:
            return [resource]
        case {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": keys}} if len(condition) == 1:
            kinds = [KEYS_OF[target(key)] for key in listed(keys)]
            return [f"${{{resource}}}/{kind}" for kind in kinds]
        case {"StringEquals": {**context}} if len(condition) == 1 and COMPARTMENT in context:
            compartments = context.pop(COMPARTMENT)
            assert context == SEALING_CONTEXT
            return [f"${{{resource}}}/{compartment}" for compartment in listed(compartments)]
    raise AssertionError(condition)


def rights(role: dict[str, Any]) -> set[tuple[str, str]]:
    """Return (action, resource) of a role's unconditional statements; none is said twice."""
    (policy,) = role["Policies"]
    found = [one for one in policy["PolicyDocument"]["Statement"] if "Fn::If" not in one]
    assert all(one["Effect"] == "Allow" for one in found)
    assert len({one["Sid"] for one in found}) == len(found)
    pairs = [
        (action, part)
        for one in found
        for action in listed(one["Action"])
        for resource in listed(one["Resource"])
        for part in parts(target(resource), one.get("Condition"))
    ]
    assert len(set(pairs)) == len(pairs)
    return set(pairs)


@pytest.mark.parametrize("name", ROLES)
def test_a_function_may_do_exactly_what_its_row_says(resources: Resources, name: str) -> None:
    """No function's role has an action or a resource more or less than the table of rights."""
    wanted = {(action, written(resource)) for action, resource in rights_of(ROLES[name])}
    assert rights(resources[f"{name}Role"]["Properties"]) == wanted


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


def test_the_schedules_may_wake_sweep_and_resync_and_nothing_else(resources: Resources) -> None:
    """The scheduler's role invokes their aliases, for this account's schedules only."""
    role = resources["ScheduleRole"]["Properties"]
    wanted = {(action, written(resource)) for action, resource in rights_of("schedule")}
    assert rights(role) == wanted
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
                if condition == "HasResponder":
                    continue
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
    assert having == {logical_name(name) for name in IN_THE_VPC}


def test_message_may_invoke_the_responder_and_no_other_function(resources: Resources) -> None:
    """With ResponderFunctionArn, that one function; without it, none at all."""
    having = [
        (name, granted, otherwise)
        for name in ROLES
        for statement in resources[f"{name}Role"]["Properties"]["Policies"][0]["PolicyDocument"][
            "Statement"
        ]
        for condition, granted, otherwise in [statement.get("Fn::If", ("", {}, {}))]
        if condition == "HasResponder"
    ]
    assert having == [
        (
            "Message",
            {
                "Sid": "InvokeResponder",
                "Effect": "Allow",
                "Action": "lambda:InvokeFunction",
                "Resource": {"Ref": "ResponderFunctionArn"},
            },
            {"Ref": "AWS::NoValue"},
        )
    ]


def test_nothing_is_allowed_by_wildcard(resources: Resources) -> None:
    """No allowed action or resource has a `*`, but for interfaces and the key's own policy.

    The examples for callers name the paths below one appid and the sessions of one tenant, which
    no other way can.
    """
    for name, resource in resources.items():
        for statement in statements(resource):
            if statement["Effect"] == "Deny" or statement.get("Sid") == "NetworkInterfaces":
                continue
            if resource["Type"] == "AWS::KMS::Key":
                # A key's policy speaks of this key only, and hands the decision to the roles.
                assert statement["Sid"] == "LetIamDecide"
                continue
            wild = WILD.get(statement.get("Sid", ""))
            if wild is not None:
                for value in map(target, statement["Resource"]):
                    assert re.search(wild, value), value
                    assert value.count("*") == 1
                continue
            assert "NotAction" not in statement, name
            assert "NotResource" not in statement, name
            for value in [*listed(statement["Action"]), *strings(statement.get("Resource", []))]:
                assert "*" not in value, (name, value)


def test_who_only_writes_cannot_open_what_is_sealed(resources: Resources) -> None:
    """Functions that anyone on the internet reaches unsigned and that only write never decrypt."""
    for name in ("Callback", "Message", "Landing"):
        assert "kms:Decrypt" not in set(strings(resources[f"{name}Role"]))


def test_only_renew_reads_the_app_secret(resources: Resources) -> None:
    """AppSecret is named by one role and one function's environment: renew's."""
    naming = {name for name, body in resources.items() if "AppSecretArn" in set(strings(body))}
    assert naming == {"RenewRole", "RenewFunction"}


def test_only_who_opens_pushes_reads_the_push_secret(resources: Resources) -> None:
    """PushSecret is named by two roles and two functions' environments."""
    naming = {name for name, body in resources.items() if "PushSecretArn" in set(strings(body))}
    assert naming == {"CallbackRole", "CallbackFunction", "MessageRole", "MessageFunction"}


def test_policies_for_callers(resources: Resources) -> None:
    """Trusted callers invoke aliases; each example allows paths of one appid, or one tenant."""
    policies = of_type(resources, "AWS::IAM::ManagedPolicy")
    examples = {
        "SingleAppidCallerPolicy": "single-appid caller",
        "SingleTenantCallerPolicy": "single-tenant caller",
    }
    assert set(policies) == {"TrustedCallerPolicy", *examples}
    (trusted,) = policies["TrustedCallerPolicy"]["PolicyDocument"]["Statement"]
    assert trusted["Effect"] == "Allow"
    assert {(trusted["Action"], target(value)) for value in trusted["Resource"]} == {
        (action, written(resource)) for action, resource in rights_of("trusted caller")
    }
    api = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${HttpApi}"
    for name, caller in examples.items():
        told = policies[name]["PolicyDocument"]["Statement"]
        assert all(one["Effect"] == "Allow" for one in told)
        allowed = {("execute-api:Invoke", EXAMPLE_ROUTE), *TREES}
        if caller == "single-tenant caller":
            routes = {("execute-api:Invoke", route) for route in EXAMPLE_TENANT_ROUTES}
            allowed = routes | SESSIONS
        assert {
            (one["Action"], target(value)) for one in told for value in listed(one["Resource"])
        } == {(action, f"{api}/$default/{route.replace(' ', '')}") for action, route in allowed}
    for policy in policies.values():
        assert set(policy) == {"Description", "PolicyDocument"}
