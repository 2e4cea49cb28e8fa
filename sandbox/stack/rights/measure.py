"""Tries out what each role may do: every probe on every thing, with the role's own credentials."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sandbox.stack.aws import Clients, Credentials
from sandbox.stack.rights.probes import PROBES
from sandbox.stack.rights.table import FUNCTIONS, OTHERS, logical_name, rights_of
from sandbox.stack.rights.things import foreign_things
from sandbox.stack.roles import Role, allow

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sandbox.stack.rights.things import Thing
    from sandbox.stack.stack import LocalStack

NAMES: Final = (*FUNCTIONS, *OTHERS)
_AT_ONCE: Final = 6


@dataclass(frozen=True, slots=True)
class Measured:
    """What one role was allowed, of all that it tried."""

    name: str
    allowed: frozenset[tuple[str, str]]
    """(action, resource)."""
    tried: int

    def differences(self) -> list[str]:
        """What is allowed without standing in the table, and what stands there and is denied."""
        wanted = rights_of(self.name)
        more = [f"{self.name} may {a} on {r}, and needs not" for a, r in self.allowed - wanted]
        less = [f"{self.name} needs {a} on {r}, and may not" for a, r in wanted - self.allowed]
        return sorted([*more, *less])


class _Hands:
    """A role's boto3 clients and its signed requests to the platform."""

    def __init__(self, role: Role) -> None:
        self._role = role
        self.http = role.http

    def __getattr__(self, name: str) -> Any:
        return getattr(self._role.clients, name)


def acting_as(stack: LocalStack, name: str) -> Role:
    """Somebody with the credentials of a function's role, or another one's of the table.

    The functions' roles trust Lambda alone; the emulator's root user may assume them all the same.
    """
    if name == "trusted caller":
        return stack.trusted_caller()
    if name == "single-appid caller":
        policy = stack.outputs["SingleAppidCallerPolicyArn"]
        return stack.roles.make("single-appid-caller", managed_policies=[policy])
    if name == "single-tenant caller":
        policy = stack.outputs["SingleTenantCallerPolicyArn"]
        return stack.roles.make("single-tenant-caller", managed_policies=[policy])
    if name == "schedule":
        # Its trust has a condition that nobody here meets: a role with its rights stands in.
        return stack.roles.make("as-schedule", _statements(stack, name))
    arn = arn_of_role(stack, name)
    keys = stack.root.sts.assume_role(RoleArn=arn, RoleSessionName="trying")["Credentials"]
    credentials = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    clients = Clients(stack.root.url, stack.root.region, credentials)
    return Role(name, arn, clients, stack.platform_url)


def arn_of_role(stack: LocalStack, name: str) -> str:
    """The ARN of a function's role, or of the schedule's."""
    role = stack.deployed.of_type("AWS::IAM::Role")[f"{logical_name(name)}Role"]
    return stack.root.iam.get_role(RoleName=role)["Role"]["Arn"]


def _statements(stack: LocalStack, name: str) -> list[Any]:
    role = stack.deployed.of_type("AWS::IAM::Role")[f"{logical_name(name)}Role"]
    iam = stack.root.iam
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    policies: list[Any] = [
        iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"] for policy in names
    ]
    return [statement for policy in policies for statement in policy["Statement"]]


def measure(role: Role, things: Iterable[Thing], name: str = "") -> Measured:
    """Try every probe on every thing."""
    hands, tried = _Hands(role), 0
    allowed = set()
    for thing in things:
        for probe in PROBES[thing.kind]:
            tried += 1
            if probe.is_allowed(hands, thing):
                allowed.add((probe.action, thing.name))
    return Measured(name or role.name, frozenset(allowed), tried)


def measure_all(stack: LocalStack, things: Sequence[Thing]) -> list[Measured]:
    """Measure every role of the table."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda name: measure(acting_as(stack, name), things, name), NAMES))


def false_probes(stack: LocalStack, things: Sequence[Thing]) -> list[str]:
    """Probes that prove nothing: let through without a right, or refused to whoever may do all.

    The second is tried on foreign things of its own, because some of them do not survive it.
    """
    nobody = measure(stack.roles.nobody(), things)
    passed = [f"{a} on {r} is let through without any right" for a, r in sorted(nobody.allowed)]
    all_allowed = stack.roles.make("everybody", [allow("Everything", "*", "*")])
    own = foreign_things(stack, "-all")
    everybody = measure(all_allowed, own)
    wanted = {(probe.action, thing.name) for thing in own for probe in PROBES[thing.kind]}
    stuck = [f"{a} on {r} is refused with every right" for a, r in wanted - everybody.allowed]
    return [*passed, *sorted(stuck)]
