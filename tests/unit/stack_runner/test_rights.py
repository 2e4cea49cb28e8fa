"""The matrix of rights: what counts as allowed, what differs from the table, how it is printed."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.stack.http_client import Answer
from sandbox.stack.rights.matrix import SECRETS, THINGS, matrix, others
from sandbox.stack.rights.measure import NAMES, Measured
from sandbox.stack.rights.probes import PROBES, Probe
from sandbox.stack.rights.table import FUNCTIONS, OTHERS, rights_of
from sandbox.stack.rights.things import Thing

THING = Thing("Table", "table", "wxvault-Table")


def as_it_should_be(name: str) -> Measured:
    """Return what is measured when a role may do exactly what the table says."""
    return Measured(name, frozenset(rights_of(name)), 300)


def refused(code: str) -> Probe:
    """Return a probe that is answered with this error."""

    def attempt(_aws: Any, _thing: Thing) -> object:
        raise ClientError({"Error": {"Code": code, "Message": "x"}}, "Tried")

    return Probe("dynamodb:GetItem", attempt)


@pytest.mark.parametrize(
    ("code", "allowed"),
    [
        ("AccessDenied", False),
        ("AccessDeniedException", False),
        ("ConditionalCheckFailedException", True),
        ("ValidationException", True),
        ("ResourceNotFoundException", True),
    ],
)
def test_only_a_refusal_by_iam_is_a_refusal(code: str, allowed: bool) -> None:
    """Whoever hears that nothing is there, or that a value is wrong, has got past IAM."""
    assert refused(code).is_allowed(None, THING) is allowed


@pytest.mark.parametrize(("status", "allowed"), [(200, True), (404, True), (403, False)])
def test_over_http_a_403_is_a_refusal(status: int, allowed: bool) -> None:
    """Routes with IAM auth answer 403 to whoever may not."""
    probe = Probe("execute-api:Invoke", lambda _aws, _thing: Answer(status, (), b""))
    assert probe.is_allowed(None, THING) is allowed


@pytest.mark.parametrize("name", NAMES)
def test_a_difference_in_either_direction_is_told(name: str) -> None:
    """A right too many and a right too few are each a sentence; neither hides the other."""
    good = as_it_should_be(name)
    assert good.differences() == []
    lost = min(good.allowed)
    wrong = Measured(name, good.allowed - {lost} | {("dynamodb:DeleteTable", "Table")}, 300)
    assert wrong.differences() == [
        f"{name} may dynamodb:DeleteTable on Table, and needs not",
        f"{name} needs {lost[0]} on {lost[1]}, and may not",
    ]


def test_the_matrix_has_a_row_for_every_function() -> None:
    """Allowed actions stand in the cells, denied ones are counted; nothing allowed is left out."""
    measured = [as_it_should_be(name) for name in NAMES]
    cells = 0
    for columns, of_token in (
        (SECRETS, ["get", "get", "open", "open"]),
        (THINGS, ["invoke", "create"]),
    ):
        lines = matrix(measured, columns)
        first = [line.split()[0] for line in lines if line and not line.startswith(" ")]
        assert first == ["function", *FUNCTIONS]
        (token,) = (line.split() for line in lines if line.startswith("token"))
        assert token[:-1] == ["token", *of_token]
        assert int(token[-1]) >= 290
        cells += sum(len(line[17:].split()) for line in lines[3:]) - len(FUNCTIONS)
    assert cells == sum(len(rights_of(name)) for name in FUNCTIONS)
    assert {line[:20].strip() for line in others(measured)} == set(OTHERS)


def test_what_has_no_column_is_printed_all_the_same() -> None:
    """A right that nobody expected is not lost for want of a place in the matrix."""
    odd = Measured("token", frozenset({("iam:CreateRole", "foreign: the account")}), 300)
    assert others([odd]) == ["token                 iam:CreateRole          foreign: the account"]


def test_what_must_never_be_allowed_is_tried() -> None:
    """What would let a broken function grow is among the probes, and in nobody's rights."""
    tried = {probe.action for probes in PROBES.values() for probe in probes}
    never = {
        "dynamodb:DeleteTable",
        "kms:ScheduleKeyDeletion",
        "kms:PutKeyPolicy",
        "secretsmanager:PutSecretValue",
        "sqs:PurgeQueue",
        "lambda:UpdateFunctionCode",
        "lambda:GetFunctionConfiguration",
        "iam:PutRolePolicy",
        "iam:CreateAccessKey",
        "sts:AssumeRole",
        "events:PutRule",
        "logs:FilterLogEvents",
    }
    assert never <= tried
    assert not never & {action for name in NAMES for action, _ in rights_of(name)}


def test_who_may_scan() -> None:
    """Whoever lists reads the index of tenants, which has keys only; the resync reads everybody."""
    assert "dynamodb:Scan" in {probe.action for probes in PROBES.values() for probe in probes}
    scanned = {
        (name, resource)
        for name in NAMES
        for action, resource in rights_of(name)
        if action == "dynamodb:Scan"
    }
    assert scanned == {("accounts", "Table/index/by_tenant"), ("resync", "Table")}
