"""All targets, by name. They are imported late: atheris watches only what it sees imported."""

from __future__ import annotations

import importlib
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fuzz.target import Target

# Where each target is. The order is that of the table.
PLACES = {
    "callback": "pushed",
    "message": "pushed",
    "message_crypto": "messages",
    "pushes": "messages",
    "user_messages": "messages",
    "passive_replies": "messages",
    "message_keys": "messages",
    "replies": "messages",
    "appid": "messages",
    "links": "places",
    "return_urls": "places",
    "return_codes": "answers",
    "wechat_answers": "answers",
    "permission_sets": "answers",
    "client": "answers",
    "profiles": "told",
    "registrations": "told",
    "account_options": "told",
    "rid_answers": "told",
    "resync_requests": "told",
    "http_requests": "requests",
    "sessions": "requests",
    "launch": "requests",
    "landing": "requests",
    "token": "requests",
    "accounts": "accounts",
    "call": "calls",
}


@cache
def load(name: str) -> Target:
    """Return a target."""
    module = importlib.import_module(f"tests.fuzz.targets.{PLACES[name]}")
    found: Target = next(target for target in module.targets() if target.name == name)
    return found
