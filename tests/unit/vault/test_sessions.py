"""Sessions and pre-auth codes: limits, ends, and what is kept of cookies and codes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.vault.every_item import COOKIE, PRE_AUTH_CODE, SESSION
from tests.unit.vault.kit import COMPONENT, MERCHANT, NOW, OTHER
from wxvault.services.onboarding_state import PreAuthCode, Session
from wxvault.vault.expressions import ConditionFailedError
from wxvault.vault.keys import fingerprint, pre_auth_key, session_key

if TYPE_CHECKING:
    from tests.unit.vault.kit import Vault

SHA = SESSION.session_sha256
KEY = session_key(COMPONENT, SHA)
PRE_AUTH = fingerprint(PRE_AUTH_CODE)
PLAIN = Session(SHA, "acme", NOW, NOW + 900, "pc", 3)


def there(vault: Vault) -> dict[str, Any]:
    """Return the session's item."""
    return vault.table.items[KEY]


@pytest.mark.parametrize("session", [SESSION, PLAIN], ids=["all options", "no options"])
def test_a_session_comes_back_as_it_was_created(vault: Vault, session: Session) -> None:
    """Every option is kept, and what was not asked for is not written."""
    vault.sessions.create(session)
    assert vault.sessions.get(SHA) == session
    assert None not in there(vault).values()
    assert there(vault)["delete_after"] == int(session.expires_at) + 86400


def test_an_unknown_session_is_none(vault: Vault) -> None:
    """Nothing is made up."""
    assert vault.sessions.get(SHA) is None


def test_a_session_is_never_overwritten(vault: Vault) -> None:
    """Should an id ever come twice, the first tenant keeps it."""
    vault.sessions.create(SESSION)
    with pytest.raises(ConditionFailedError):
        vault.sessions.create(replace(SESSION, tenant_id="evil"))
    assert there(vault)["tenant_id"] == "acme"


def test_a_session_whose_answer_got_lost_is_created(vault: Vault) -> None:
    """Repeated by AWS's client it stands there already, and is the caller's own."""
    vault.table.lose_answers = 1
    vault.sessions.create(SESSION)
    assert vault.sessions.get(SHA) == SESSION


def test_an_expired_session_can_still_be_read(vault: Vault) -> None:
    """Its merchant may be at WeChat, and its tenant may ask what became of it."""
    vault.sessions.create(PLAIN)
    session = vault.sessions.get(SHA)
    assert session is not None
    assert session.expires_at == NOW + 900


# --- minting -------------------------------------------------------------------------------------


def test_twenty_codes_per_session(vault: Vault) -> None:
    """The 21st is refused for good, however long one waits, and nothing is counted on."""
    vault.sessions.create(SESSION)
    for number in range(20):
        assert vault.sessions.count_mint(SHA, now=NOW + 3 * number), number
    before = vault.snapshot()
    assert not vault.sessions.count_mint(SHA, now=NOW + 3000)
    assert vault.snapshot() == before
    session = vault.sessions.get(SHA)
    assert session is not None
    assert session.codes_minted == 20


@pytest.mark.parametrize(("later", "minted"), [(0.0, False), (2.999, False), (3.0, True)])
def test_three_seconds_between_two_codes(vault: Vault, later: float, *, minted: bool) -> None:
    """Who presses the button twice gets one code; a refusal does not begin the pause anew."""
    vault.sessions.create(SESSION)
    assert vault.sessions.count_mint(SHA, now=NOW)
    assert vault.sessions.count_mint(SHA, now=NOW + later) is minted
    assert vault.sessions.count_mint(SHA, now=NOW + 6)


def test_a_press_whose_answer_got_lost_is_counted_once(vault: Vault) -> None:
    """Repeated by AWS's client it is no second press, and the merchant gets the code."""
    vault.sessions.create(SESSION)
    vault.table.lose_answers = 1
    assert vault.sessions.count_mint(SHA, now=NOW, mint_id="one")
    assert there(vault)["codes_minted"] == 1
    assert not vault.sessions.count_mint(SHA, now=NOW, mint_id="two"), "another one is too fast"


@pytest.mark.parametrize(("left", "minted"), [(0.001, True), (0.0, False), (-1.0, False)])
def test_an_expired_session_mints_nothing(vault: Vault, left: float, *, minted: bool) -> None:
    """Its end is checked in the very write that counts, not only before."""
    vault.sessions.create(SESSION)
    assert vault.sessions.count_mint(SHA, now=SESSION.expires_at - left) is minted


def test_an_unknown_session_mints_nothing(vault: Vault) -> None:
    """Counting makes no item."""
    assert not vault.sessions.count_mint(SHA, now=NOW)
    assert vault.table.items == {}


def test_a_minted_code_is_remembered_by_its_fingerprint(vault: Vault) -> None:
    """Session and tenant are found by the code that a push brings; the code is nowhere."""
    vault.sessions.create(SESSION)
    vault.sessions.remember_mint(SESSION, PRE_AUTH_CODE, fingerprint(COOKIE), now=NOW)
    assert vault.sessions.minted_by(PRE_AUTH, now=NOW) == PreAuthCode("acme", SHA)
    assert vault.table.items[pre_auth_key(COMPONENT, PRE_AUTH)] == {
        "pk": f"P#{COMPONENT}#{PRE_AUTH}",
        "sk": "PREAUTH",
        "tenant_id": "acme",
        "session_sha256": SHA,
        "delete_after": int(NOW) + 7 * 86400,
    }
    text = repr(vault.table.items)
    assert PRE_AUTH_CODE not in text
    assert COOKIE not in text


@pytest.mark.parametrize(("days", "known"), [(6.99, True), (7.0, False), (8.0, False)])
def test_a_pre_auth_code_counts_for_seven_days(vault: Vault, days: float, *, known: bool) -> None:
    """DynamoDB takes up to days to delete what is over, so the end is checked in code."""
    vault.sessions.remember_mint(SESSION, PRE_AUTH_CODE, None, now=NOW)
    assert pre_auth_key(COMPONENT, PRE_AUTH) in vault.table.items
    found = vault.sessions.minted_by(PRE_AUTH, now=NOW + days * 86400)
    assert (found is not None) is known


def test_a_code_nobody_minted_here(vault: Vault) -> None:
    """An unknown pre-auth code belongs to nobody."""
    assert vault.sessions.minted_by(PRE_AUTH, now=NOW) is None


def test_cookies_are_kept_as_fingerprints_and_add_up(vault: Vault) -> None:
    """Each launch of a session sets its own; all of them count, the plugin's mint has none."""
    vault.sessions.create(SESSION)
    for cookie in ("one", "two", "one"):
        vault.sessions.remember_mint(SESSION, PRE_AUTH_CODE, fingerprint(cookie), now=NOW)
    vault.sessions.remember_mint(SESSION, PRE_AUTH_CODE, None, now=NOW)
    session = vault.sessions.get(SHA)
    assert session is not None
    assert session.launch_cookies == {fingerprint("one"), fingerprint("two")}


# --- what came of it -----------------------------------------------------------------------------


def test_a_session_notes_what_it_brought(vault: Vault) -> None:
    """Confirmed when its code arrives; every authorizer it brings is added, once."""
    vault.sessions.create(SESSION)
    vault.sessions.confirm(SHA)
    session = vault.sessions.get(SHA)
    assert session is not None
    assert session.confirmed
    assert session.authorizers == frozenset()
    for appid in (MERCHANT, OTHER, MERCHANT):
        vault.sessions.add_authorizer(SHA, appid)
    session = vault.sessions.get(SHA)
    assert session == replace(SESSION, confirmed=True, authorizers=frozenset({MERCHANT, OTHER}))


def test_an_authorizer_that_came_from_elsewhere_is_taken_back(vault: Vault) -> None:
    """It stays confirmed; others stay, and taking back what is not there changes nothing."""
    vault.sessions.create(SESSION)
    for appid in (MERCHANT, OTHER):
        vault.sessions.add_authorizer(SHA, appid)
    vault.sessions.drop_authorizer(SHA, OTHER)
    assert vault.sessions.get(SHA) == replace(
        SESSION, confirmed=True, authorizers=frozenset({MERCHANT})
    )
    for appid in (MERCHANT, MERCHANT):
        vault.sessions.drop_authorizer(SHA, appid)
    assert vault.sessions.get(SHA) == replace(SESSION, confirmed=True)


def test_bringing_an_authorizer_confirms(vault: Vault) -> None:
    """The push alone does it when the browser never came back."""
    vault.sessions.create(SESSION)
    vault.sessions.add_authorizer(SHA, MERCHANT)
    assert there(vault)["confirmed"] is True


def test_a_session_that_was_deleted_is_not_made_again(vault: Vault) -> None:
    """A late push, redirect or mint leaves no half session behind."""
    vault.sessions.confirm(SHA)
    vault.sessions.add_authorizer(SHA, MERCHANT)
    vault.sessions.drop_authorizer(SHA, MERCHANT)
    vault.sessions.remember_mint(SESSION, PRE_AUTH_CODE, fingerprint(COOKIE), now=NOW)
    assert KEY not in vault.table.items


# --- codes that are landed -----------------------------------------------------------------------


def test_sixty_codes_may_land(vault: Vault) -> None:
    """The bound counts what one session's landing is shown, whatever becomes of it."""
    vault.sessions.create(SESSION)
    assert [vault.sessions.count_landing(SHA) for _ in range(61)] == [True] * 60 + [False]
    assert there(vault)["codes_landed"] == 60


def test_nothing_lands_in_a_session_that_is_gone(vault: Vault) -> None:
    """Counting makes no item."""
    assert not vault.sessions.count_landing(SHA)
    assert vault.table.items == {}
