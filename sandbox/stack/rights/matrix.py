"""``make iam-matrix``: deploys the stack, tries out every role's rights, prints who may do what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.stack.rights.measure import NAMES, false_probes, measure_all
from sandbox.stack.rights.table import (
    BY_TENANT,
    COMPARTMENTS,
    DUE,
    FUNCTIONS,
    KINDS,
    OTHERS,
    OWN_LOG,
    RENEW,
    RESYNC,
    logical_name,
)
from sandbox.stack.rights.things import everything
from sandbox.stack.stack import LocalStack, StackOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox.stack.rights.measure import Measured

# How the actions of the matrix are written in its cells.
_WORDS: Final = {
    "dynamodb:GetItem": "get",
    "dynamodb:PutItem": "put",
    "dynamodb:UpdateItem": "update",
    "dynamodb:DeleteItem": "delete",
    "dynamodb:Query": "query",
    "dynamodb:Scan": "scan",
    "kms:GenerateDataKey": "seal",
    "kms:Decrypt": "open",
    "secretsmanager:GetSecretValue": "read",
    "sqs:SendMessage": "send",
    "sqs:ReceiveMessage": "receive",
    "sqs:DeleteMessage": "delete",
    "sqs:GetQueueAttributes": "attributes",
    "events:PutEvents": "put",
    "lambda:InvokeFunction": "invoke",
    "logs:CreateLogStream": "create",
    "logs:PutLogEvents": "write",
}
SECRETS: Final = {
    **{f"Table/{kind}": kind for kind in KINDS.values()},
    **{f"SealingKey/{name}": f"sealed {name}" for name in COMPARTMENTS},
}
"""Columns: what each function may do with which items, and which of their secrets it can open."""
THINGS: Final = {
    "Table": "whole table",
    DUE: "due index",
    BY_TENANT: "tenant index",
    "PushSecret": "push secret",
    "AppSecret": "app secret",
    "RenewQueue": "renew queue",
    "ExchangeQueue": "exchange queue",
    "RenewDeadLetters": "renew letters",
    "ExchangeDeadLetters": "exchange letters",
    "SweepDeadLetters": "sweep letters",
    "ResyncDeadLetters": "resync letters",
    "EventBus": "event bus",
    RENEW: "renew :live",
    RESYNC: "resync :live",
    OWN_LOG: "own log",
}
# What the emulator does not judge; each is asserted on the translated template instead.
NOT_JUDGED: Final = (
    "that queues are used over TLS only (the local stack speaks plain HTTP)",
    "who may invoke a function for a route, a queue or a schedule (Lambda's resource permissions)",
    "network interfaces: six functions may handle them on `*`, only where there is a VPC",
    "the trust of the functions' roles in Lambda alone, as far as AWS itself assumes them",
)


def run() -> int:
    """Deploy, measure, print; 0 if every role may do exactly what the table says."""
    with LocalStack(StackOptions(schedule=False)) as stack:
        stack.wechat.wait_idle()
        things = everything(stack)
        with stack.progress.step(f"try out {len(NAMES)} roles on {len(things)} things"):
            measured = measure_all(stack, things)
        with stack.progress.step("try out the probes themselves"):
            false = false_probes(stack, things)
    print()
    print("\n".join([*matrix(measured, SECRETS), *matrix(measured, THINGS)]))
    print("\n".join(others(measured)))
    foreign = sum(thing.is_foreign for thing in things)
    print(
        f"\nTried: {sum(one.tried for one in measured)} requests by {len(measured)} roles on "
        f"{len(things) - foreign} things of the stack and {foreign} foreign ones."
    )
    print("Not judged here, asserted on the template (tests/template):")
    print("\n".join(f"  - {text}" for text in NOT_JUDGED))
    wrong = [text for one in measured for text in one.differences()] + false
    print("\n" + ("\n".join(f"✗ {text}" for text in wrong) or "✓ exactly the rights of the table"))
    return 1 if wrong else 0


def matrix(measured: Sequence[Measured], columns: Mapping[str, str]) -> list[str]:
    """Functions by resources: what each was allowed, and how much was denied in all."""
    heads = [head.split(" ", 1) for head in columns.values()]
    rows = [(["function"], heads, ["denied"])]
    for one in measured:
        if one.name in FUNCTIONS:
            cells = [_words(one, name) for name in columns]
            rows.append(([one.name], cells, [str(one.tried - len(one.allowed))]))
    table = [[first, *cells, last] for first, cells, last in rows]
    widths = [max(len(word) for row in table for word in row[at]) for at in range(len(table[0]))]
    lines = []
    for row in table:
        for at in range(max(len(cell) for cell in row)):
            words = [cell[at] if at < len(cell) else "" for cell in row]
            lines.append("  ".join(f"{w:{n}}" for w, n in zip(words, widths, strict=True)).rstrip())
        lines.append("")
    return lines


def others(measured: Sequence[Measured]) -> list[str]:
    """One line for each right of the other roles, and for any right outside the matrix."""
    lines = []
    for one in measured:
        own_log = f"{logical_name(one.name)}Logs"
        for action, resource in sorted(one.allowed):
            if one.name in OTHERS or (resource not in SECRETS | THINGS and resource != own_log):
                lines.append(f"{one.name:20}  {action:22}  {resource}")
        if one.name in OTHERS:
            lines.append(f"{one.name:20}  {one.tried - len(one.allowed)} denied")
    return lines


def _words(one: Measured, resource: str) -> list[str]:
    name = f"{logical_name(one.name)}Logs" if resource == OWN_LOG else resource
    order = list(_WORDS)
    found = [action for action, where in one.allowed if where == name]
    known = sorted((action for action in found if action in order), key=order.index)
    return [_WORDS[action] for action in known] + sorted(set(found) - set(known))
