"""IAM as deployed: each role may do what the table of rights says, and nothing beside it.

Each right is tried out with the credentials of the role itself; ``make iam-matrix`` prints them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from sandbox.stack.rights.measure import (
    NAMES,
    acting_as,
    arn_of_role,
    false_probes,
    measure,
)
from sandbox.stack.rights.probes import PROBES
from sandbox.stack.rights.table import FUNCTIONS, rights_of
from sandbox.stack.rights.things import everything
from sandbox.stack.roles import allow

if TYPE_CHECKING:
    from sandbox.stack.rights.things import Thing
    from sandbox.stack.stack import LocalStack


@pytest.fixture(scope="module")
def things(stack: LocalStack) -> list[Thing]:
    """The stack's own things and the foreign ones, the same for every role."""
    return everything(stack)


def test_every_function_is_in_the_table(stack: LocalStack, things: list[Thing]) -> None:
    """A new function needs rights of its own there, and each right is one that is tried out."""
    assert set(FUNCTIONS) == set(stack.functions)
    tried = {(probe.action, thing.name) for thing in things for probe in PROBES[thing.kind]}
    for name in NAMES:
        assert rights_of(name) <= tried, name


def test_the_probes_tell_a_right_from_none(stack: LocalStack, things: list[Thing]) -> None:
    """Whoever has no right is refused everything, whoever has all of them nothing."""
    assert false_probes(stack, things) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_role_may_do_its_work_and_nothing_else(
    stack: LocalStack, things: list[Thing], name: str
) -> None:
    """Tried out one by one with the role's own credentials: exactly what the table says."""
    measured = measure(acting_as(stack, name), things, name)
    assert measured.differences() == []
    assert measured.tried - len(measured.allowed) > 300


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nobody_else_may_take_a_functions_role(stack: LocalStack, name: str) -> None:
    """It trusts Lambda: a role that is allowed to assume every role cannot assume this one."""
    climber = stack.roles.make("climber", [allow("Climb", "sts:AssumeRole", "*")])
    with pytest.raises(ClientError, match="AccessDenied"):
        climber.clients.sts.assume_role(RoleArn=arn_of_role(stack, name), RoleSessionName="trying")


def test_the_example_policy_allows_one_appid(stack: LocalStack) -> None:
    """As it stands it is for an appid of nobody: that one is unknown, every other is forbidden."""
    caller = acting_as(stack, "single-appid caller")
    assert caller.http("GET", "/tokens/wx0000000000000000").status == 404
    assert caller.http("GET", "/tokens/wx0000000000000001").status == 403
