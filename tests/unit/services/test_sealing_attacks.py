"""Sealed values that somebody with write access has touched: refused, said, healed by WeChat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.house import COMPONENT, MERCHANT, House
from tests.unit.services.kit import (
    OTHER,
    asked,
    authorized,
    code_of,
    edit,
    exchange,
    find,
    keep,
    later,
    pushed,
    refuse,
    secrets_of,
    snapshot,
    stored,
    until_due,
    with_component,
)
from tests.unit.vault.seal_attacks import ATTACKS, MINE, OTHERS, Attack, Items
from wxvault.errors import RenewalFailingError, SealBrokenError, SealingKeyError
from wxvault.services.onboarding_state import Arrival, CodeStatus
from wxvault.services.outcome import Outcome
from wxvault.services.tools import token_sha256
from wxvault.vault.keys import code_key, component_key, fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable

    from wxvault.vault.expressions import Key
    from wxvault.vault.sealing import Compartment

HEALING = {"authorizer_info", "refresh", "component_token"}
"""What WeChat may be asked to heal: nothing that needs a merchant."""


def items(house: House) -> dict[Key, dict[str, Any]]:
    """Return the table's items, to be changed by hand."""
    found: dict[Key, dict[str, Any]] = house.table.items  # type: ignore[attr-defined]
    return found


def two_merchants() -> tuple[House, Items]:
    """Return a house with two merchants, and what an attacker has in hand."""
    house = authorized()
    older = dict(items(house)[MINE])
    house.keys.name = "k2"
    until_due(house)
    assert keep(house) is Outcome.RENEWED
    house.authorize(OTHER)
    asked(house)
    return house, Items(dict(items(house)[MINE]), older, dict(items(house)[OTHERS]))


# --- authorizers ---------------------------------------------------------------------------------

ON_ITEMS = [attack for attack in ATTACKS if attack.name != "put under another component"]
AT_ITS_TIME = {"access_token: the generation as text", "refresh_token: the generation as text"}
"""What is no number is put right when it is due."""


@pytest.mark.parametrize("attack", ON_ITEMS, ids=lambda attack: attack.name)
@pytest.mark.parametrize("rotates", [False, True], ids=["refresh stays", "refresh rotates"])
def test_a_touched_item_heals(attack: Attack, *, rotates: bool) -> None:
    """The very look-up that finds it hands out a token that WeChat honours; nobody is asked."""
    house, found = two_merchants()
    house.wechat.rotate_on_refresh = rotates
    key, item, attribute = attack.make(found)
    items(house)[key] = {**item, "pk": key.pk, "sk": key.sk}
    appid = OTHER if key == OTHERS else MERCHANT
    if attack.name in AT_ITS_TIME:
        with pytest.raises(SealBrokenError, match="not a sealed value"):
            find(house)
        until_due(house)
        assert keep(house) is Outcome.RENEWED
    if key.sk == "TOKEN":
        handed_out = find(house, appid)
        assert house.wechat.honours(appid, handed_out.access_token)
        if attribute == "access_token" and attack.name not in AT_ITS_TIME:
            assert handed_out.renewed
    until_due(house, appid)
    assert keep(house, appid) is Outcome.RENEWED
    assert house.wechat.honours(appid, find(house, appid).access_token)
    assert secrets_of(house, appid)[1] == house.wechat.accounts[appid].refresh_token
    assert set(asked(house)) <= HEALING
    assert stored(house, appid).status == "active"


@pytest.mark.parametrize("rotates", [False, True], ids=["refresh stays", "refresh rotates"])
def test_a_whole_older_item_is_accepted_and_heals(*, rotates: bool) -> None:
    """As a restore makes it: its token is served to its own end at most, then all is as before."""
    house = authorized()
    house.wechat.rotate_on_refresh = rotates
    older = dict(items(house)[MINE])
    for _ in range(2):
        until_due(house)
        assert keep(house) is Outcome.RENEWED
    asked(house)
    items(house)[MINE] = older
    assert keep(house) is Outcome.RENEWED, "it is due, and has been for long"
    assert house.wechat.honours(MERCHANT, find(house).access_token)
    assert secrets_of(house)[1] == house.wechat.accounts[MERCHANT].refresh_token
    assert asked(house)[-3:] == (
        ["refresh", "authorizer_info", "refresh"] if rotates else ["refresh"]
    )


def test_an_older_item_made_young_is_served_to_its_own_end_only() -> None:
    """Its end is sealed with its token: however late it is made due, it is not handed out later."""
    house = authorized()
    older = dict(items(house)[MINE])
    ends = stored(house).access_expires_at
    assert ends is not None
    until_due(house)
    assert keep(house) is Outcome.RENEWED
    items(house)[MINE] = older | {"due_at": ends + 600}
    later(house, ends - house.clock.now() - 60)
    with pytest.raises(RenewalFailingError):
        find(house)
    until_due(house)
    found = find(house)
    assert found.renewed
    assert house.wechat.honours(MERCHANT, found.access_token)


def test_touched_again_and_again_it_heals_each_time() -> None:
    """One renewal for each attack: no more is asked of WeChat than the attacker pays for."""
    house = authorized()
    for _ in range(5):
        edit(house, access_token=b"rubbish")
        assert house.wechat.honours(MERCHANT, find(house).access_token)
        assert find(house).access_token == secrets_of(house)[0]
    assert asked(house) == ["refresh"] * 5


@pytest.mark.parametrize(
    ("attribute", "answers"),
    [("access_token", {"refresh": 45009}), ("refresh_token", {"authorizer_info": 45009})],
)
def test_while_wechat_refuses_the_seal_is_the_reason(
    attribute: str, answers: dict[str, int]
) -> None:
    """Both are told: what happened here, and what WeChat says; the back-off counts meanwhile."""
    house = authorized()
    items(house)[MINE][attribute] = b"rubbish"
    until_due(house)
    if attribute == "refresh_token":
        later(house, 2000)
    house.component_keeper.renew()
    asked(house)
    for call, errcode in answers.items():
        refuse(house, call, errcode)
    with pytest.raises(SealBrokenError, match=r"45009.*not a sealed value") as caught:
        find(house)
    assert caught.value.wechat_errcode == 45009
    assert caught.value.remedy
    calls = len(asked(house))
    assert calls == 1
    with pytest.raises(SealBrokenError):
        find(house)
    assert asked(house) == [], "the back-off holds"
    later(house, 60)
    house.settle()
    assert house.wechat.honours(MERCHANT, find(house).access_token)


def test_when_wechat_has_no_refresh_token_either_the_seal_is_the_reason() -> None:
    """Failing, and nobody is told that WeChat had refused anything."""
    house = authorized()
    house.wechat.accounts[MERCHANT].refresh_token = ""
    edit(house, refresh_token=b"rubbish", access_token=b"rubbish")
    with pytest.raises(SealBrokenError) as caught:
        find(house)
    assert caught.value.wechat_errcode is None
    assert stored(house).status == "failing"


# --- the component token and its tickets ---------------------------------------------------------

TOUCHES: dict[str, dict[str, Any]] = {
    "rubbish": {"access_token": b"rubbish"},
    "truncated": {"access_token": b"\x01" + b"t" * 29},
    "in the clear": {"access_token": "49_token"},
    "wrapped key": {"sealed_key": b"rubbish"},
    "no wrapped key": {"sealed_key": None},
    "generation": {"generation": 40},
    "its end": {"access_expires_at": 4_000_000_000.0},
}


@pytest.mark.parametrize("touch", TOUCHES.values(), ids=TOUCHES)
def test_a_touched_component_token_heals(touch: dict[str, Any]) -> None:
    """Another one is bought with ticket and AppSecret by the look-up that finds it."""
    house = with_component()
    items(house)[component_key(COMPONENT)] |= touch
    found = find(house, None)
    assert found.renewed
    assert found.access_token in house.wechat.component.tokens
    assert asked(house) == ["component_token"]
    assert find(house, None).access_token == found.access_token


def test_merchants_are_renewed_in_spite_of_a_touched_component_token() -> None:
    """Environments that need it find out by themselves."""
    house = authorized()
    until_due(house)
    items(house)[component_key(COMPONENT)] |= {"access_token": b"rubbish"}
    house.settle()
    assert asked(house)[:2] == ["component_token", "refresh"]
    assert stored(house).generation == 2


def test_without_any_ticket_that_opens_the_seal_is_the_reason() -> None:
    """Not `no_ticket`: tickets there are. The next push heals it."""
    house = with_component()
    for key, item in items(house).items():
        if key.sk.startswith("TICKET#"):
            item["component_verify_ticket"] = b"rubbish"
    items(house)[component_key(COMPONENT)] |= {"access_token": b"rubbish"}
    with pytest.raises(SealBrokenError, match="no ticket can be opened"):
        find(house, None)
    assert asked(house) == []
    later(house, 600)
    house.push_ticket()
    assert find(house, None).access_token in house.wechat.component.tokens


# --- codes ---------------------------------------------------------------------------------------


def _of_another(house: House, item: dict[str, Any]) -> dict[str, Any]:
    other = items(house)[code_key(COMPONENT, fingerprint(pushed(house, OTHER)))]
    return {name: other[name] for name in ("authorization_code", "sealed_key")}


CODE_TOUCHES: dict[str, Callable[[House, dict[str, Any]], dict[str, Any]]] = {
    "rubbish": lambda _, __: {"authorization_code": b"rubbish"},
    "truncated": lambda _, item: {"authorization_code": item["authorization_code"][:-1]},
    "of another merchant": _of_another,
    "in the clear": lambda _, __: {"authorization_code": "queryauthcode@@@of the attacker"},
    "wrapped key": lambda _, __: {"sealed_key": b"rubbish"},
    "generation": lambda _, __: {"generation": 1},
    "gone": lambda _, __: {"authorization_code": None},
}


@pytest.mark.parametrize("touch", CODE_TOUCHES.values(), ids=CODE_TOUCHES)
@pytest.mark.parametrize("known", [False, True], ids=["new merchant", "known merchant"])
def test_a_touched_code_heals(
    touch: Callable[[House, dict[str, Any]], dict[str, Any]], *, known: bool
) -> None:
    """What it would have brought is asked of WeChat by the account's name; the code is not sent."""
    house = authorized() if known else with_component()
    later(house, 10)
    code = pushed(house)
    account = house.wechat.accounts[MERCHANT]
    if not known:
        # WeChat shows the refresh token of whoever has confirmed.
        house.wechat._new_refresh_token(MERCHANT, account)
    item = items(house)[code_key(COMPONENT, token_sha256(code))]
    item |= touch(house, item)
    asked(house)
    assert exchange(house, code) is CodeStatus.DONE
    assert asked(house) == ["authorizer_info"]
    house.exchange_queue.jobs.clear()
    assert keep(house) is Outcome.RENEWED
    assert house.wechat.honours(MERCHANT, find(house).access_token)


# --- the key itself ------------------------------------------------------------------------------


def test_a_disabled_key_is_named_and_wechat_is_not_asked() -> None:
    """Whatever is due meanwhile: no token is bought that nobody could keep, and nothing changes."""
    house = authorized()
    until_due(house)
    before = snapshot(house)
    house.keys.disabled = True
    for appid in (MERCHANT, None):
        with pytest.raises(SealingKeyError, match="DisabledException"):
            find(house, appid)
        with pytest.raises(SealingKeyError):
            house.renew(appid, rejected_token_sha256="0" * 64, min_ttl=1200, seconds=8)
    later(house, 7200)
    for appid in (MERCHANT, None):
        with pytest.raises(SealingKeyError):
            find(house, appid)
    assert asked(house) == []
    assert snapshot(house) == before
    house.keys.disabled = False
    house.settle()
    assert house.wechat.honours(MERCHANT, find(house).access_token)


def test_a_key_that_is_disabled_under_a_lease_gives_it_back() -> None:
    """Found out only after acquiring: nothing was asked, and the item is due as it was."""
    house = authorized()
    until_due(house)
    before = stored(house)
    sealing_works = house.sealing.prepare

    def disabled_just_now(compartment: Compartment) -> None:
        sealing_works(compartment)
        house.keys.disabled = True

    house.component.get()
    house.sealing.prepare = disabled_just_now  # type: ignore[method-assign]
    with pytest.raises(SealingKeyError):
        keep(house)
    after = stored(house)
    assert asked(house) == ["component_token"] or asked(house) == []
    assert (after.lease_id, after.unresolved_mark, after.due_at) == (None, None, before.due_at)
    assert (after.generation, after.attempts) == (before.generation, 0)


@pytest.mark.parametrize("by_push", [True, False], ids=["leased", "blind"])
def test_a_code_waits_for_the_key(*, by_push: bool) -> None:
    """It is given back as it was, with no call counted, and exchanged when the key is back."""
    house = with_component()
    code = house.wechat.confirm(MERCHANT)
    if by_push:
        house.push_authorized(code)
    else:
        house.codes.record(code, Arrival(), now=house.clock.now())
    house.component.get()
    house.keys.disabled = True
    with pytest.raises(SealingKeyError):
        exchange(house, code)
    found = code_of(house, code)
    assert (found.status, found.unanswered) == (CodeStatus.RECEIVED, 0)
    assert asked(house) == []
    house.keys.disabled = False
    later(house, 60)
    house.settle()
    assert code_of(house, code).status is CodeStatus.DONE
    assert asked(house).count("query_auth") == 1


def test_without_the_key_no_push_is_taken_that_would_have_to_be_sealed() -> None:
    """Nothing is written in part: WeChat sends it again. A cancellation needs no key."""
    house = authorized()
    later(house, 10)
    before = snapshot(house)
    house.keys.disabled = True
    with pytest.raises(SealingKeyError):
        house.push_ticket()
    with pytest.raises(SealingKeyError):
        pushed(house)
    assert snapshot(house) == before
    house.push_unauthorized()
    assert stored(house).status == "revoked"
