"""What must be true of a merchant when everything has come to rest, whatever went wrong before.

The table's secrets are opened here with the root user's rights: only to be compared with WeChat's
own memory, by fingerprint.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from random import SystemRandom
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.stack.observe import NotSeenError, eventually
from tests.stack.world import AUTHORIZER_TOKEN
from wxvault.clock import SystemClock
from wxvault.services.onboarding_state import CodeStatus
from wxvault.services.state import RENEWABLE, Status
from wxvault.vault.codes import Codes
from wxvault.vault.directory import Directory
from wxvault.vault.keys import fingerprint
from wxvault.vault.sealing import KmsDataKeys, Sealing
from wxvault.vault.table import DynamoTable
from wxvault.vault.token_items import TokenItems

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.stack.stack import LocalStack
    from tests.stack.world import World
    from wxvault.services.onboarding_state import Code
    from wxvault.services.state import TokenState

# Lease and claim (24 s), once more for a lease that was found live, and a few sweeps.
REST_SECONDS = 60.0
_SWEEP_PAUSE_SECONDS = 1.0
_ROUNDING_SECONDS = 5
UNHEARD_OF = "unheard-of"
"""A status that a test writes so that a function fails unforeseen: it stands in the error."""


def sha256(secret: str) -> str:
    """The fingerprint by which a secret is compared without being shown."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Vault:
    """The table, read with the vault's own adapters and the root user's rights."""

    def __init__(self, stack: LocalStack) -> None:
        root, component = stack.root, stack.component.appid
        keys = KmsDataKeys(root.kms, stack.outputs["SealingKeyArn"], component, SystemClock())
        clock, uniform = SystemClock(), SystemRandom().random
        table = DynamoTable(root.dynamodb, stack.outputs["TableName"], clock, uniform)
        sealing = Sealing(keys, secrets.token_bytes)
        self.directory = Directory(table, component, clock)
        self.tokens = TokenItems(table, sealing, component, clock, uniform)
        self.codes = Codes(table, sealing, component, clock)

    def state(self, appid: str) -> TokenState:
        """What the table says of a merchant; fails when it says nothing."""
        state = self.tokens.get(appid)
        assert state is not None, f"{appid} is not in the table"
        return state

    def code(self, authorization_code: str) -> Code | None:
        """What became of a code."""
        return self.codes.get(fingerprint(authorization_code))


def make_due(stack: LocalStack, appid: str | None) -> None:
    """Have a merchant's token due now, or (None) the component's.

    A token lives two hours and is due after one and a half; there is no other way to be there now.
    Nothing but the time of the next renewal is touched.
    """
    component = stack.component.appid
    pk = f"C#{component}" if appid is None else f"A#{component}#{appid}"
    stack.root.dynamodb.update_item(
        TableName=stack.outputs["TableName"],
        Key={"pk": {"S": pk}, "sk": {"S": "TOKEN"}},
        UpdateExpression="SET #due = :now",
        ConditionExpression="attribute_exists(#due)",
        ExpressionAttributeNames={"#due": "due_at"},
        ExpressionAttributeValues={":now": {"N": f"{time.time() - 1:.3f}"}},
    )


def renew(stack: LocalStack, appid: str) -> str:
    """Invoke *renew* for one merchant; its outcome."""
    answer = stack.invoke("renew", {"job": "authorizer", "authorizer_appid": appid})
    return str(answer.get("outcome", answer))


def at_rest(world: World, codes: Sequence[str] = ()) -> TokenState:
    """Sweep, as the schedule would, until nothing is under way for this merchant.

    Fails when something stays due, leased, marked or verifying, or a code stays open.
    """
    vault = Vault(world.stack)
    swept = 0.0

    def look() -> TokenState | None:
        nonlocal swept
        # Codes first: whoever ends one late changes the merchant before that.
        settled = all(_is_settled(vault.code(code)) for code in codes)
        state = vault.state(world.appid)
        if settled and not _unrest(state):
            return state
        if time.monotonic() - swept >= _SWEEP_PAUSE_SECONDS:
            swept = time.monotonic()
            world.stack.sweep()
        return None

    try:
        return eventually(look, what="it comes to rest", seconds=REST_SECONDS)
    except NotSeenError:
        told = [getattr(vault.code(code), "status", None) for code in codes]
        pytest.fail(f"{_unrest(vault.state(world.appid))} does not end; codes {told}")


def _unrest(state: TokenState) -> dict[str, Any]:
    """What is still under way for an item; empty when nothing is."""
    now = time.time()
    wants_token = state.status in RENEWABLE and state.api_ability
    signs = {
        "pending": state.status is Status.PENDING,
        "leased": state.lease_until is not None and state.lease_until >= now,
        "marked": state.unresolved_mark is not None and wants_token,
        "verifying": state.verifying,
        "due": state.due_at is not None and state.due_at <= now,
        "without token": wants_token and not state.has_access,
    }
    return {name: sign for name, sign in signs.items() if sign}


def _is_settled(code: Code | None) -> bool:
    # One that is due has had its push since, which decides whose merchant this is.
    ended = (CodeStatus.DONE, CodeStatus.FAILED)
    return code is not None and code.status in ended and code.due_at is None


def assert_truth(
    world: World, *, codes: Sequence[str] = (), tenant: str | None = "own", active: bool = True
) -> TokenState:
    """One truth, here and at WeChat, once everything has come to rest.

    ``codes`` are the authorization codes of the story; ``tenant`` to whom the merchant must belong
    ("own": the world's tenant); ``active``: whether the authorisation must be alive.
    """
    state = at_rest(world, codes)
    at_wechat = world.stack.wechat.merchant(world.appid)
    assert at_wechat["authorised"] is active, "the story itself went another way"
    assert state.tenant_id == (world.tenant_id if tenant == "own" else tenant)
    if active:
        assert state.status is Status.ACTIVE
        _assert_same_tokens(world)
        _assert_renewable(world)
    else:
        assert state.status is Status.REVOKED
        assert (state.has_access, state.has_refresh, state.due_at) == (False, False, None)
        assert world.look_up()["error"]["code"] == "authorizer_revoked"
    _assert_events_in_sequence(world)
    return state


def _assert_same_tokens(world: World) -> None:
    """The token handed out is the one WeChat honours now; the refresh token is WeChat's own."""
    vault = Vault(world.stack)
    state, at_wechat = vault.state(world.appid), world.stack.wechat.merchant(world.appid)
    handed_out = world.token()
    checked = world.stack.wechat.check(handed_out)
    assert (checked.verdict, checked.current) == ("honoured", True)
    assert checked.authorizer_appid == world.appid
    assert state.access_expires_at == pytest.approx(checked.expires_at, abs=_ROUNDING_SECONDS)
    refresh_token = vault.tokens.refresh_token(state)
    assert refresh_token is not None
    assert sha256(refresh_token) == at_wechat["refresh_token_sha256"]


def _assert_renewable(world: World) -> None:
    """A renewal works: one call, a newer token, due again later."""
    stack, vault = world.stack, Vault(world.stack)
    before, asked = vault.state(world.appid), world.count(AUTHORIZER_TOKEN)
    make_due(stack, world.appid)
    assert renew(stack, world.appid) == "renewed"
    after = vault.state(world.appid)
    assert (after.generation, after.fence) == (before.generation + 1, before.fence + 1)
    assert world.count(AUTHORIZER_TOKEN) == asked + 1
    assert _unrest(after) == {}
    _assert_same_tokens(world)


def _assert_events_in_sequence(world: World) -> None:
    """Every transition was told once, numbered without a gap."""
    last = Vault(world.stack).state(world.appid).sequence

    def told() -> list[int]:
        numbers = [event.detail.get("sequence") for event in world.events()]
        return sorted(number for number in numbers if isinstance(number, int))

    # Numbers begin at unix seconds, so that those of an earlier life are never used again.
    expected = [last] if last else []
    eventually(lambda: told()[-1:] == expected, what=f"event {last}")
    numbers = told()
    assert numbers == list(range(min(numbers, default=1), last + 1))
