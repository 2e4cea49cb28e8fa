"""Verification: what is doubtful is withheld, and WeChat is asked what is true."""

from __future__ import annotations

import pytest

from tests.fakes.house import MERCHANT, House
from tests.unit.services.kit import (
    after_lease,
    asked,
    authorized,
    edit,
    find,
    keep,
    later,
    meanwhile,
    refuse,
    secrets_of,
    snapshot,
    stored,
    told,
    until_due,
    with_component,
)
from wxvault.errors import RenewalFailingError
from wxvault.services.outcome import Outcome
from wxvault.services.state import Purpose, Status


def doubtful(status: Status = Status.ACTIVE) -> House:
    """Return a house whose merchant is to be verified."""
    house = authorized()
    edit(house, verifying=True, due_at=house.clock.now(), status=str(status))
    house.component.get()
    asked(house)
    return house


def test_a_living_authorisation_is_renewed_at_once() -> None:
    """WeChat's refresh token is stored, the access token dropped, and renewed in the same job."""
    house = doubtful()
    doubted = secrets_of(house)[0]
    account = house.wechat.accounts[MERCHANT]
    house.wechat._new_refresh_token(MERCHANT, account)
    between: list[tuple[str | None, str | None]] = []
    meanwhile(house, "refresh", lambda: between.append(secrets_of(house)))
    assert keep(house) is Outcome.RENEWED
    assert asked(house) == ["authorizer_info", "refresh"]
    assert between == [(None, account.refresh_token)]
    known = stored(house)
    assert not known.verifying
    assert (known.lease_id, known.unresolved_mark) == (None, None)
    token, refresh_token = secrets_of(house)
    assert token not in (None, doubted)
    assert refresh_token == account.refresh_token
    assert told(house) == []


def test_nothing_is_served_meanwhile() -> None:
    """While it is doubtful the token is withheld: a look-up waits for the verification."""
    house = doubtful()
    doubted = secrets_of(house)[0]
    found = find(house)
    assert found.renewed
    assert found.access_token != doubted


@pytest.mark.parametrize(
    ("status", "events"),
    [
        (Status.ACTIVE, ["authorizer.revoked"]),
        (Status.FAILING, ["authorizer.revoked"]),
        (Status.LOST, ["authorizer.revoked"]),
        (Status.REVOKED, []),
        (Status.PENDING, []),
    ],
)
def test_61003_is_the_end(status: Status, events: list[str]) -> None:
    """WeChat knows no authorisation: revoked for good, told unless it is known."""
    house = doubtful(status)
    house.wechat.cancel(MERCHANT)
    assert keep(house) is Outcome.REVOKED
    gone = stored(house)
    assert (gone.status, gone.verifying, gone.due_at) == (Status.REVOKED, False, None)
    assert secrets_of(house) == (None, None)
    assert gone.item["delete_after"] == int(house.clock.now() + 30 * 86400)
    assert told(house) == events
    before = snapshot(house)
    assert keep(house) is Outcome.ABSENT
    assert snapshot(house) == before


@pytest.mark.parametrize("status", [Status.REVOKED, Status.LOST, Status.PENDING])
def test_what_was_gone_comes_back(status: Status) -> None:
    """WeChat knows the authorisation: active with one event, and not deleted any more."""
    house = doubtful(status)
    later_on = int(house.clock.now()) + 86400
    edit(house, delete_after=later_on, refresh_token=None, access_token=None)
    assert keep(house) is Outcome.RENEWED
    back = stored(house)
    assert back.status is Status.ACTIVE
    assert "delete_after" not in back.item
    assert secrets_of(house)[1] == house.wechat.accounts[MERCHANT].refresh_token
    assert told(house) == ["authorizer.authorized"]


def test_an_empty_refresh_token_is_failing() -> None:
    """WeChat names none: ours is kept, tokens stay withheld, and it is asked again later."""
    house = doubtful()
    kept = secrets_of(house)
    account = house.wechat.accounts[MERCHANT]
    known, account.refresh_token = account.refresh_token, ""
    assert keep(house) is Outcome.FAILING
    failing = stored(house)
    assert failing.verifying
    assert failing.status is Status.FAILING
    assert failing.due_at is not None
    assert failing.due_at > house.clock.now()
    assert secrets_of(house) == kept
    assert told(house) == ["authorizer.failing"]
    account.refresh_token = known
    until_due(house)
    assert keep(house) is Outcome.RENEWED
    assert told(house) == ["authorizer.recovered"]


def test_a_refusal_backs_off_and_withholds_on() -> None:
    """A refusal is no answer: it is still doubtful, and asked again after its back-off."""
    house = doubtful()
    refuse(house, "authorizer_info", 45009)
    assert keep(house) is Outcome.REFUSED
    refused = stored(house)
    assert refused.verifying
    assert (refused.attempts, refused.last_errcode) == (1, 45009)
    assert refused.due_at is not None
    assert refused.due_at > house.clock.now()
    asked(house)
    with pytest.raises(RenewalFailingError) as raised:
        find(house)
    assert raised.value.wechat_errcode == 45009
    assert asked(house) == []


def test_an_overdue_verification_stays_overdue() -> None:
    """Taking the lease of what is due does not make it any younger: that it is overdue is seen."""
    house = doubtful()
    due_at = stored(house).due_at
    later(house, 100)
    refuse(house, "authorizer_info", "silent_before")
    assert keep(house) is Outcome.UNKNOWN
    assert stored(house).due_at == due_at


def test_silence_leaves_it_doubtful_and_due() -> None:
    """No answer: withheld still, and asked again when the lease has run out."""
    house = doubtful()
    refuse(house, "authorizer_info", "silent_before")
    assert keep(house) is Outcome.UNKNOWN
    assert stored(house).verifying
    assert keep(house) is Outcome.LEASED
    after_lease(house)
    assert keep(house) is Outcome.RENEWED


def test_two_verify_once() -> None:
    """The lease is the same one: while somebody verifies, nobody else does."""
    house = doubtful()
    house.tools.acquire(MERCHANT, Purpose.VERIFICATION)
    assert keep(house) is Outcome.LEASED
    assert asked(house) == []


def test_only_what_is_doubtful_is_verified() -> None:
    """Between reading and acquiring somebody else verified: the lease is not given."""
    house = authorized()
    assert not hasattr(house.tools.acquire(MERCHANT, Purpose.VERIFICATION), "lease_id")


def test_a_cancellation_during_the_verification_wins() -> None:
    """A push that comes while WeChat is asked takes the lease away: nothing is stored."""
    house = doubtful()

    def cancel() -> None:
        house.wechat.cancel(MERCHANT)
        house.push_unauthorized()

    meanwhile(house, "authorizer_info", cancel)
    assert keep(house) is Outcome.LEASED
    assert stored(house).status is Status.REVOKED
    assert secrets_of(house) == (None, None)
    house.renew_queue.jobs.clear()
    after_lease(house)
    assert keep(house) is Outcome.REVOKED


def test_every_revocation_is_verified() -> None:
    """A cancellation that WeChat does not confirm is taken back: the merchant is there again."""
    house = authorized()
    house.push_unauthorized()
    revoked = stored(house)
    assert (revoked.status, revoked.verifying) == (Status.REVOKED, True)
    assert house.renew_queue.jobs == [{"job": "authorizer", "authorizer_appid": MERCHANT}]
    house.work()
    assert stored(house).status is Status.ACTIVE
    assert told(house) == ["authorizer.revoked", "authorizer.authorized"]
    assert house.wechat.honours(MERCHANT, find(house).access_token)


def test_a_tombstone_of_a_stranger_is_confirmed() -> None:
    """A cancellation of somebody nobody knew is confirmed by WeChat and tells nothing."""
    house = with_component()
    told(house)
    house.push_unauthorized()
    house.work()
    assert asked(house) == ["authorizer_info"]
    assert stored(house).status is Status.REVOKED
    assert not stored(house).verifying
    assert told(house) == []
