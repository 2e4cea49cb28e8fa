"""The table of rights: what each role needs, and so all that it may do. Written down here only.

Resources are named by their logical ids in `template.yaml`, actions as IAM names them. The template
is compared with it (``tests/template``), and the deployed stack is tried out against it
(``make iam-matrix``, ``tests/stack``). A right that no function uses does not stand here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

type Rights = Mapping[str, frozenset[str]]
"""Allowed actions by resource."""

OWN_LOG: Final = "own log"
DUE: Final = "Table/index/due"
BY_TENANT: Final = "Table/index/by_tenant"
RENEW: Final = "RenewFunction:live"
RESYNC: Final = "ResyncFunction:live"
# What the example policy for callers names: an authorizer of nobody.
EXAMPLE_ROUTE: Final = "GET /tokens/wx0000000000000000"
# And of a tenant that nobody is.
EXAMPLE_TENANT_ROUTES: Final = (
    "GET /tenants/your-tenant/authorizers",
    "POST /tenants/your-tenant/auth-urls",
    "POST /tenants/your-tenant/registrations",
)
# Of what it allows below that tenant's sessions, one route of each kind.
UNKNOWN_SESSION: Final = "A" * 43
EXAMPLE_TENANT_SESSIONS: Final = (
    f"GET /tenants/your-tenant/auth-urls/{UNKNOWN_SESSION}",
    f"GET /tenants/your-tenant/registrations/{UNKNOWN_SESSION}",
)
# Of what it allows below that appid, one route of each kind.
EXAMPLE_CALLS: Final = (
    "GET /call/wx0000000000000000/cgi-bin/menu/get",
    "POST /call/wx0000000000000000/cgi-bin/menu/create",
    "POST /login/wx0000000000000000/mp",
)


KINDS: Final = {
    "A": "authorizers",
    "C": "component",
    "S": "sessions",
    "P": "pre-auth codes",
    "X": "codes",
    "R": "registrations",
    "F": "reuse tickets",
    "N": "seen",
    "O": "unsent events",
    "T": "release answers",
}
"""The kinds of items, by the letter that their partition keys begin with."""

COMPARTMENTS: Final = ("authorizers", "component", "arrivals")
"""What the sealing key seals, by the compartment in its encryption context."""


def _items(kinds: str, *verbs: str) -> Rights:
    """Rights on items of these kinds, by their letters."""
    actions = frozenset(f"dynamodb:{verb}" for verb in verbs)
    return {f"Table/{KINDS[kind]}": actions for kind in kinds}


def _sealing(*, seal: str = "", open_: str = "") -> Rights:
    """Rights on the sealing key, by compartments."""
    return {
        f"SealingKey/{name}": frozenset(
            action
            for action, names in (("kms:GenerateDataKey", seal), ("kms:Decrypt", open_))
            if name in names.split()
        )
        for name in COMPARTMENTS
        if name in f"{seal} {open_}".split()
    }


_READ: Final = ("GetItem",)
_CHANGE: Final = ("GetItem", "PutItem", "UpdateItem")
# Events are put beside what they tell, and deleted once the bus has them. Whoever writes to an
# authorizer that is past its end deletes what is left of it first.
_KEEP: Final = (*_CHANGE, "DeleteItem")
_READ_SECRET: Final = frozenset({"secretsmanager:GetSecretValue"})
_SEND: Final = frozenset({"sqs:SendMessage"})
# What Lambda needs to consume a queue for a function.
_RECEIVE: Final = frozenset({"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"})
# How many messages a queue has, which the status tells.
_DEPTH: Final = frozenset({"sqs:GetQueueAttributes"})
_QUEUES: Final = (
    "RenewQueue",
    "ExchangeQueue",
    "RenewDeadLetters",
    "ExchangeDeadLetters",
    "SweepDeadLetters",
    "ResyncDeadLetters",
)
_PUT_EVENTS: Final = frozenset({"events:PutEvents"})
_INVOKE: Final = frozenset({"lambda:InvokeFunction"})
_CALL: Final = frozenset({"execute-api:Invoke"})
_WRITE_LOG: Final = frozenset({"logs:CreateLogStream", "logs:PutLogEvents"})

FUNCTIONS: Final[Mapping[str, Rights]] = {
    # Anybody may send to it. Broken into, it learns no token: what it reads is sealed.
    "callback": {
        # Whoever writes to an authorizer that is past its end deletes what is left of it first.
        **_items("ACXON", *_KEEP),
        **_items("SR", "GetItem", "UpdateItem"),
        **_sealing(seal="arrivals"),
        "PushSecret": _READ_SECRET,
        "RenewQueue": _SEND,
        "ExchangeQueue": _SEND,
        "EventBus": _PUT_EVENTS,
        OWN_LOG: _WRITE_LOG,
    },
    # Anybody may send to it, as to callback; it learns no token either. With a responder it may
    # invoke that one, too.
    "message": {
        **_items("ACXONT", *_KEEP),
        **_sealing(seal="arrivals"),
        "PushSecret": _READ_SECRET,
        "RenewQueue": _SEND,
        "ExchangeQueue": _SEND,
        "EventBus": _PUT_EVENTS,
        OWN_LOG: _WRITE_LOG,
    },
    "sessions": {
        **_items("SPR", *_CHANGE),
        **_items("AC", *_READ),
        **_sealing(open_="component"),
        RENEW: _INVOKE,
        OWN_LOG: _WRITE_LOG,
    },
    "launch": {
        **_items("SP", *_CHANGE),
        **_items("C", *_READ),
        **_sealing(open_="component"),
        RENEW: _INVOKE,
        OWN_LOG: _WRITE_LOG,
    },
    # Anybody may open it. Broken into, it learns no token either.
    "landing": {
        **_items("SXF", *_CHANGE),
        **_sealing(seal="arrivals"),
        "ExchangeQueue": _SEND,
        OWN_LOG: _WRITE_LOG,
    },
    "exchange-worker": {
        # Events are put beside what they tell, and deleted once the bus has them.
        **_items("AXOSRFT", *_KEEP),
        **_items("CP", *_READ),
        **_sealing(seal="authorizers arrivals", open_="authorizers component arrivals"),
        # The code of a mini program that was registered is exchanged by another message.
        "ExchangeQueue": _RECEIVE | _SEND,
        "EventBus": _PUT_EVENTS,
        RENEW: _INVOKE,
        # When a code was used up by a call without an answer, and nobody knows for whom.
        RESYNC: _INVOKE,
        OWN_LOG: _WRITE_LOG,
    },
    "sweep": {
        **_items("CO", "GetItem", "UpdateItem", "DeleteItem"),
        DUE: frozenset({"dynamodb:Query"}),
        # Events that the bus has not are sealed.
        **_sealing(open_="arrivals"),
        "EventBus": _PUT_EVENTS,
        "RenewQueue": _SEND,
        "ExchangeQueue": _SEND,
        # Lambda puts a sweep there that failed, in the function's name.
        "SweepDeadLetters": _SEND,
        RENEW: _INVOKE,
        OWN_LOG: _WRITE_LOG,
    },
    # The only one that reads the AppSecret.
    "renew": {
        **_items("AO", *_KEEP),
        # Tickets are looked for.
        **_items("C", *_KEEP, "Query"),
        **_sealing(seal="authorizers component arrivals", open_="authorizers component arrivals"),
        "AppSecret": _READ_SECRET,
        "RenewQueue": _RECEIVE,
        "EventBus": _PUT_EVENTS,
        OWN_LOG: _WRITE_LOG,
    },
    "resync": {
        # Where it goes on the next time stands beside the component token.
        **_items("ACO", *_KEEP),
        "Table": frozenset({"dynamodb:Scan"}),
        **_sealing(seal="authorizers arrivals", open_="authorizers component"),
        "RenewQueue": _SEND,
        "EventBus": _PUT_EVENTS,
        # As with the sweep: Lambda's, in the function's name.
        "ResyncDeadLetters": _SEND,
        RENEW: _INVOKE,
        OWN_LOG: _WRITE_LOG,
    },
    "token": {
        **_items("AC", *_READ),
        **_sealing(open_="authorizers component"),
        RENEW: _INVOKE,
        OWN_LOG: _WRITE_LOG,
    },
    # It writes nothing: whom WeChat no longer knows, *renew* finds out.
    "call": {
        **_items("AC", *_READ),
        **_sealing(open_="authorizers component"),
        RENEW: _INVOKE,
        OWN_LOG: _WRITE_LOG,
    },
    # For a platform's own backend. It seals the events of what it changes, and no token.
    "accounts": {
        **_items("AO", *_KEEP),
        **_items("CX", *_READ),
        BY_TENANT: frozenset({"dynamodb:Query", "dynamodb:Scan"}),
        DUE: frozenset({"dynamodb:Query"}),
        **_sealing(seal="arrivals", open_="authorizers component"),
        "EventBus": _PUT_EVENTS,
        **dict.fromkeys(_QUEUES, _DEPTH),
        RENEW: _INVOKE,
        OWN_LOG: _WRITE_LOG,
    },
}

# Functions that are given network interfaces where there is a VPC: the one right on `*`.
IN_THE_VPC: Final = frozenset(
    {"sessions", "launch", "exchange-worker", "renew", "accounts", "call", "resync"}
)

OTHERS: Final[Mapping[str, Rights]] = {
    "schedule": {
        "SweepFunction:live": _INVOKE,
        "SweepDeadLetters": _SEND,
        RESYNC: _INVOKE,
        "ResyncDeadLetters": _SEND,
    },
    "trusted caller": {
        "TokenFunction:live": _INVOKE,
        "SessionsFunction:live": _INVOKE,
        "AccountsFunction:live": _INVOKE,
        "CallFunction:live": _INVOKE,
    },
    "single-appid caller": dict.fromkeys((EXAMPLE_ROUTE, *EXAMPLE_CALLS), _CALL),
    "single-tenant caller": dict.fromkeys(
        (*EXAMPLE_TENANT_ROUTES, *EXAMPLE_TENANT_SESSIONS), _CALL
    ),
}


def rights_of(name: str) -> set[tuple[str, str]]:
    """All (action, resource) that a function or another role may do, its own log by its name."""
    rights = FUNCTIONS.get(name) or OTHERS[name]
    own_log = f"{logical_name(name)}Logs"
    return {
        (action, own_log if resource == OWN_LOG else resource)
        for resource, actions in rights.items()
        for action in actions
    }


def logical_name(name: str) -> str:
    """``exchange-worker`` -> ``ExchangeWorker``, as the template calls it."""
    return "".join(word.capitalize() for word in name.split("-"))
