"""What an item becomes after an answer, a refusal or silence under its lease."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.services.kit import NOW, access, bare, half, lease, state
from wxvault.services import decisions
from wxvault.services.state import Event, Lease, Status, TokenChange, TokenState

if TYPE_CHECKING:
    from collections.abc import Callable

RETENTION = 30 * 86400.0
LATER = NOW + 5
"""When WeChat's answer is there."""
OVERTAKEN = {"authorized_at": 2000}
"""A newer grant was pushed while WeChat was asked."""
FOREIGN = {"unresolved_mark": "somebody else's"}


def renewed(held: Lease, **since: Any) -> TokenChange:
    """Decide on a renewal; ``since`` is what changed while WeChat was asked."""
    return decisions.renewed(
        replace(held.state, **since), held, access("new", sent_at=NOW + 1), "refresh", half
    )


def refused(held: Lease, *, how: dict[str, Any] | None = None, **since: Any) -> TokenChange:
    """Decide on a refusal with 45009."""
    return decisions.refused(
        replace(held.state, **since), held, LATER, half, **({"errcode": 45009} | (how or {}))
    )


# --- renewed -------------------------------------------------------------------------------------


def test_a_renewal_stores_both_tokens_and_settles() -> None:
    """What WeChat issued is stored, the lease given back, the mark cleared, and all is calm."""
    change = renewed(lease(state(attempts=2, last_errcode=-1)))
    assert change.secrets == "write"
    assert change.access == access("new", sent_at=NOW + 1)
    assert change.refresh_token == "refresh"
    assert change.due_at == NOW + 1 + 0.8 * 7200
    assert (change.attempts, change.last_errcode) == (0, None)
    assert change.release
    assert change.clear_mark
    assert not change.raise_fence
    assert change.events == ()


def test_a_renewal_of_a_failing_authorizer_is_told() -> None:
    """Failing becomes active, with one event."""
    change = renewed(lease(state(Status.FAILING)))
    assert change.status is Status.ACTIVE
    assert change.events == (Event("recovered"),)


@pytest.mark.parametrize(
    ("since", "mark_cleared", "access_kept"),
    [(FOREIGN, False, True), ({"verifying": True}, True, True), (OVERTAKEN, True, False)],
    ids=["marked by somebody else", "being verified", "overtaken by a grant"],
)
def test_a_doubtful_renewal_stays_due(
    since: dict[str, Any], mark_cleared: bool, access_kept: bool
) -> None:
    """Where a newer token may exist it stays due; after a newer grant the token is dropped."""
    held = lease(state())
    change = renewed(held, **since)
    assert change.due_at == held.taken_at
    assert change.clear_mark is mark_cleared
    assert (change.access is not None) is access_kept
    assert change.refresh_token == "refresh"
    assert change.verifying is since.get("verifying", False)


# --- refused -------------------------------------------------------------------------------------


def test_a_refusal_backs_off_and_touches_no_token() -> None:
    """A refusal counts, waits by its count, and gives the lease back."""
    change = refused(lease(state(attempts=1)))
    assert (change.attempts, change.last_errcode) == (2, 45009)
    assert change.due_at == LATER + 10
    assert change.secrets == "keep"
    assert change.release
    assert change.status is Status.ACTIVE
    assert change.events == ()


@pytest.mark.parametrize(
    ("own_mark", "since", "how", "cleared"),
    [
        (True, {}, {}, True),
        (False, {}, {}, False),
        (True, FOREIGN, {}, False),
        (True, {}, {"earlier_open": True}, False),
    ],
    ids=["its own", "an older one before it", "a newer one after it", "an earlier call of a code"],
)
def test_a_refusal_forgets_only_its_own_mark(
    own_mark: bool, since: dict[str, Any], how: dict[str, Any], cleared: bool
) -> None:
    """The mark goes only if no other question is unanswered."""
    held = lease(state(), own_mark=own_mark)
    assert refused(held, how=how, **since).clear_mark is cleared


@pytest.mark.parametrize(
    ("status", "attempts", "at_once", "becomes", "news"),
    [
        (Status.ACTIVE, 0, False, Status.ACTIVE, False),
        (Status.ACTIVE, 1, False, Status.ACTIVE, False),
        (Status.ACTIVE, 2, False, Status.FAILING, True),
        (Status.ACTIVE, 0, True, Status.FAILING, True),
        (Status.FAILING, 3, False, Status.FAILING, False),
        (Status.FAILING, 3, True, Status.FAILING, False),
        (Status.PENDING, 7, False, Status.PENDING, False),
    ],
)
def test_the_third_refusal_in_a_row_is_news(
    status: Status, attempts: int, at_once: bool, becomes: Status, news: bool
) -> None:
    """Active becomes failing at the third refusal, or at once; it is told once, with the code."""
    change = refused(lease(state(status, attempts=attempts)), how={"at_once": at_once})
    assert change.status is becomes
    assert change.events == ((Event("failing", {"wechat_errcode": 45009}),) if news else ())


def test_attempts_alone_never_lose_an_authorizer() -> None:
    """After any number of refusals it is failing and still due."""
    change = refused(lease(state(Status.FAILING, attempts=10_000)))
    assert change.status is Status.FAILING
    assert change.due_at is not None


@pytest.mark.parametrize(
    ("status", "verifying", "due"),
    [
        (Status.ACTIVE, False, True),
        (Status.FAILING, False, True),
        (Status.PENDING, False, False),
        (Status.REVOKED, False, False),
        (Status.LOST, False, False),
        (Status.PENDING, True, True),
        (Status.REVOKED, True, True),
        (Status.LOST, True, True),
    ],
)
def test_only_what_is_kept_going_stays_due(status: Status, verifying: bool, due: bool) -> None:
    """A refusal keeps active, failing and verifying items in the index, and nothing else."""
    held = lease(state(status, verifying=verifying))
    assert (refused(held).due_at is not None) is due
    assert (decisions.unanswered_for_long(held.state, LATER, half).due_at is not None) is due


# --- silence, and nothing asked ------------------------------------------------------------------


def test_long_silence_backs_off_but_keeps_lease_and_mark() -> None:
    """The lease must run out by itself, because WeChat may still execute the call."""
    held = lease(state(attempts=1))
    change = decisions.unanswered_for_long(held.state, LATER, half)
    assert change.attempts == 2
    assert change.due_at == held.state.lease_until
    assert not change.release
    assert not change.clear_mark
    assert change.secrets == "keep"
    assert change.events == ()


def test_long_silence_is_news_at_the_third_time() -> None:
    """Silence makes an authorizer failing as refusals do, and waits longer than its lease then."""
    held = lease(state(attempts=2))
    change = decisions.unanswered_for_long(held.state, LATER, lambda: 0.99)
    assert change.status is Status.FAILING
    assert change.events == (Event("failing"),)
    assert change.due_at == LATER + 0.99 * 40


def test_what_was_not_asked_leaves_no_trace() -> None:
    """Who asked nothing gives the lease back with mark and due time as they were before."""
    before = state()
    change = decisions.abandoned(lease(before).state, lease(before))
    assert change.release
    assert change.clear_mark
    assert change.due_at == before.due_at
    assert change.secrets == "keep"
    assert (change.status, change.attempts, change.events) == (before.status, 0, ())


@pytest.mark.parametrize(
    ("before", "since", "mark_cleared"),
    [
        ({}, {"due_at": NOW + 3}, True),
        ({}, {"verifying": True}, True),
        ({"unresolved_mark": "older"}, {}, False),
        ({}, FOREIGN, False),
    ],
    ids=["somebody made it due", "it is to be verified", "an older question", "a newer question"],
)
def test_what_somebody_else_made_due_stays_due(
    before: dict[str, Any], since: dict[str, Any], mark_cleared: bool
) -> None:
    """Abandoning undoes nothing but its own acquire."""
    held = lease(state(**before))
    under = replace(held.state, **since)
    change = decisions.abandoned(under, held)
    assert change.due_at == under.due_at
    assert change.clear_mark is mark_cleared


def test_what_was_answered_leaves_its_mark() -> None:
    """WeChat may have issued what nobody keeps: the lease is given back, but marked and due."""
    held = lease(state())
    change = decisions.abandoned(held.state, held, answered=True)
    assert change.release
    assert not change.clear_mark
    assert change.due_at == held.state.due_at


@pytest.mark.parametrize(
    "known", [None, *(state(status) for status in Status if status is not Status.ACTIVE)]
)
def test_missing_tickets_are_told_of_nothing_but_a_living_token(known: TokenState | None) -> None:
    """Before the first ticket, and once it was told, there is nothing to tell."""
    assert decisions.without_ticket(known) is None


def test_missing_tickets_make_the_component_failing() -> None:
    """It says why; it stays due as it was, and nothing of its token changes."""
    change = decisions.without_ticket(state())
    assert change is not None
    assert change.status is Status.FAILING
    assert change.events == (Event("failing", {"reason": "no_ticket"}),)
    assert change.due_at == state().due_at
    assert change.secrets == "keep"


# --- the lease was lost --------------------------------------------------------------------------


@pytest.mark.parametrize("status", list(Status))
def test_a_lost_lease_marks_what_is_alive(status: Status) -> None:
    """With a good answer in hand but no lease, a living item is marked and due, a dead one not."""
    change = decisions.superseded(state(status), LATER, "new", since=NOW)
    if status not in (Status.ACTIVE, Status.FAILING):
        assert change is None
        return
    assert change is not None
    assert (change.new_mark, change.marked_since, change.due_at) == ("new", NOW, LATER)
    assert change.secrets == "keep"
    assert not change.release
    assert not change.raise_fence


def test_a_lost_lease_creates_nothing() -> None:
    """An item that is not there is not made."""
    assert decisions.superseded(None, LATER, "new", since=NOW) is None


# --- the end -------------------------------------------------------------------------------------


def test_lost_keeps_the_refresh_token() -> None:
    """A lost authorizer is left alone and told; its refresh token stays, nothing replaces it."""
    held = lease(state(verifying=True, attempts=4))
    change = decisions.lost(held.state, held, LATER, 61023)
    assert change.status is Status.LOST
    assert change.secrets == "drop_access"
    assert change.due_at is None
    assert change.delete_after is None
    assert (change.attempts, change.last_errcode) == (0, 61023)
    assert change.events == (Event("lost", {"wechat_errcode": 61023}),)
    assert change.release
    assert change.clear_mark
    assert not change.verifying


@pytest.mark.parametrize("status", list(Status))
def test_gone_removes_the_tokens_and_says_so_once(status: Status) -> None:
    """A cancelled authorizer keeps no token, is deleted after a while, and is told unless known."""
    held = lease(state(status, verifying=True, grant_undated=True, attempts=2, last_errcode=-1))
    change = decisions.gone(held.state, held, LATER, RETENTION)
    assert change.status is Status.REVOKED
    assert change.secrets == "remove"
    assert change.due_at is None
    assert change.delete_after == int(LATER + RETENTION)
    assert (change.attempts, change.last_errcode) == (0, None)
    assert not change.verifying
    assert not change.grant_undated
    assert change.clear_mark
    known = status in (Status.REVOKED, Status.PENDING)
    assert change.events == (() if known else (Event("revoked"),))


@pytest.mark.parametrize(
    "end",
    [
        lambda held: decisions.lost(replace(held.state, **OVERTAKEN), held, LATER, 61023),
        lambda held: decisions.gone(replace(held.state, **OVERTAKEN), held, LATER, RETENTION),
    ],
    ids=["lost", "gone"],
)
def test_a_newer_grant_stays_alive(end: Callable[[Lease], TokenChange]) -> None:
    """WeChat may have spoken of an older grant than the one just pushed: it is asked again."""
    change = end(lease(state()))
    assert change.status is Status.ACTIVE
    assert change.secrets == "keep"
    assert change.verifying
    assert change.due_at == LATER
    assert change.release
    assert change.events == ()


@pytest.mark.parametrize("status", list(Status))
def test_verified_drops_the_access_token(status: Status) -> None:
    """WeChat's refresh token is kept, the access token dropped, and a renewal is due at once."""
    held = lease(state(status, verifying=True, attempts=3, last_errcode=-1))
    change = decisions.verified(held.state, held, LATER, "known to WeChat")
    assert change.secrets == "write"
    assert change.refresh_token == "known to WeChat"
    assert change.access is None
    assert change.due_at == LATER
    assert (change.attempts, change.last_errcode) == (0, None)
    assert change.delete_after is None
    assert not change.verifying
    back = status not in (Status.ACTIVE, Status.FAILING)
    assert change.status is (Status.ACTIVE if back else status)
    assert change.events == ((Event("authorized"),) if back else ())


@pytest.mark.parametrize(("since", "cleared"), [({}, True), (FOREIGN, False)])
def test_verified_leaves_the_marks_of_others(since: dict[str, Any], cleared: bool) -> None:
    """A question that was asked meanwhile by somebody else stays open."""
    held = lease(state(verifying=True))
    change = decisions.verified(replace(held.state, **since), held, LATER, "refresh")
    assert change.clear_mark is cleared


# --- what no answer touches ----------------------------------------------------------------------

ANSWERS: dict[str, Callable[[TokenState, Lease], TokenChange | None]] = {
    "renewed": lambda known, held: decisions.renewed(known, held, access(), "refresh", half),
    "refused": lambda known, held: decisions.refused(known, held, LATER, half, errcode=-1),
    "abandoned": decisions.abandoned,
    "unanswered": lambda known, _: decisions.unanswered_for_long(known, LATER, half),
    "superseded": lambda known, _: decisions.superseded(known, LATER, "new", since=NOW),
    "lost": lambda known, held: decisions.lost(known, held, LATER, 61023),
    "gone": lambda known, held: decisions.gone(known, held, LATER, RETENTION),
    "verified": lambda known, held: decisions.verified(known, held, LATER, "refresh"),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_no_answer_moves_a_merchant(
    answer: Callable[[TokenState, Lease], TokenChange | None],
) -> None:
    """Tenant, dates of grants and the count of forced renewals are none of an answer's business."""
    known = state(
        unauthorized_at=900,
        tenant_by_redirect=True,
        forced_at=NOW,
        forced_times=(NOW - 1, NOW),
    )
    held = lease(known)
    change = answer(held.state, held)
    assert change is not None
    assert (change.tenant_id, change.tenant_by_redirect) == ("tenant", True)
    assert (change.authorized_at, change.unauthorized_at) == (1000, 900)
    assert (change.forced_at, change.forced_times) == (NOW, (NOW - 1, NOW))


def test_a_tombstone_keeps_its_end() -> None:
    """What is refused or abandoned of a revoked authorizer is still deleted when it was to be."""
    held = lease(bare(Status.REVOKED, verifying=True, item={"delete_after": 123}))
    assert refused(held).delete_after == 123
    assert decisions.abandoned(held.state, held).delete_after == 123
