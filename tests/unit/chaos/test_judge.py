"""The judge of a run: what is a dead token, what is a lost refresh token, and what is neither."""

from __future__ import annotations

import pytest

from sandbox.chaos.judge import (
    HONOURED,
    UNTOLD,
    Allowance,
    Cancellation,
    HandedOut,
    RefreshWatch,
    TokenJudge,
    percentile,
)
from sandbox.wechat.control_client import IssuedAccess

APPID, OTHER = "wx0000000000000001", "wx0000000000000002"


def issued(**values: float) -> IssuedAccess:
    """A token of APPID, issued at 1000 for two hours."""
    return IssuedAccess(APPID, "a", **{"issued_at": 1000.0, "expires_at": 8200.0, **values})


@pytest.mark.parametrize(
    ("token", "asked_at", "handed_at", "told"),
    [
        (issued(), 1001, 1001.1, HONOURED),
        (issued(superseded_at=2000), 2100, 2119.9, HONOURED),
        (issued(superseded_at=2000), 2100, 2120, "superseded"),
        (issued(), 8190, 8199.9, HONOURED),
        (issued(), 8199, 8200, "expired"),
        (issued(revoked_at=3000), 2990, 2999, HONOURED),
        (issued(revoked_at=3000), 3003.9, 3004.5, UNTOLD),
        (issued(revoked_at=3000), 3004.1, 3004.5, "cancelled"),
        # A client may go on with what it was given before the news had come.
        (issued(revoked_at=3000), 3003, 3020, UNTOLD),
    ],
)
def test_a_token_is_judged_by_wechats_own_memory(
    token: IssuedAccess, asked_at: float, handed_at: float, told: str
) -> None:
    """Its end, its overlap, and a cancellation from the moment its push was taken."""
    judge = TokenJudge([token], [Cancellation(APPID, 3000.2, 3004)], overlap=120)
    assert judge.verdict(HandedOut(APPID, "a", asked_at, handed_at)) == told


def test_nobody_gets_somebody_elses_token() -> None:
    """Nor one that WeChat never issued."""
    judge = TokenJudge([issued()], [], overlap=120)
    assert judge.verdict(HandedOut(OTHER, "a", 1001, 1001)) == "another authorizer's"
    assert judge.verdict(HandedOut(APPID, "b", 1001, 1001)) == "never issued"


@pytest.mark.parametrize(
    "cancellations",
    [[], [Cancellation(APPID, 3000, None)], [Cancellation(OTHER, 3000, 3001)]],
    ids=["no push", "push never taken", "another one's push"],
)
def test_what_nobody_was_told_of_is_nobodys_fault(cancellations: list[Cancellation]) -> None:
    """A cancellation whose push never arrived cannot be known to any look-up."""
    judge = TokenJudge([issued(revoked_at=3000)], cancellations, overlap=120)
    handed = [HandedOut(APPID, "a", 3100, 3100.1), HandedOut(APPID, "a", 2000, 2000.1)]
    assert judge.verdicts(handed) == {UNTOLD: 1, HONOURED: 1}


# ---- refresh tokens -----------------------------------------------------------------------------

ISSUED = {APPID: ["r1", "r2", "r3"], OTHER: ["s1"]}


@pytest.mark.parametrize(
    ("held", "found"),
    [
        (["r1", "r2", "r3"], []),
        (["r1", "r1", "r3"], []),
        (["r1", "r3", "r2"], ["replaced by an older one"]),
        (["r1", None], ["replaced by nothing"]),
        (["r1", "s1"], [f"a refresh token of {OTHER}"]),
        (["r1", "x"], ["a refresh token of nobody"]),
        ([None, "r1"], []),
    ],
)
def test_a_refresh_token_never_goes_back(held: list[str | None], found: list[str]) -> None:
    """Never an older one, nothing, or somebody else's."""
    watch = RefreshWatch()
    for one in held:
        watch.saw(APPID, one, ISSUED)
    assert watch.findings == [f"{APPID}: {what}" for what in found]


def test_a_cancelled_one_may_be_gone() -> None:
    """Revocation removes the tokens; what comes after it is judged by what was there before."""
    watch = RefreshWatch()
    watch.saw(APPID, "r2", ISSUED)
    watch.saw(APPID, None, ISSUED, needs_one=False)
    assert watch.findings == []
    watch.saw(APPID, "r1", ISSUED)
    assert watch.findings == [f"{APPID}: replaced by an older one"]


def test_at_the_end_the_table_holds_what_wechat_honours() -> None:
    """The very one; another or none is lost."""
    watch = RefreshWatch()
    watch.ended(APPID, "r3", "r3")
    watch.ended(APPID, "r2", "r3")
    watch.ended(OTHER, None, "s1")
    assert watch.findings == [
        f"{APPID}: WeChat has one, the table another one",
        f"{OTHER}: WeChat has one, the table nothing",
    ]


def test_a_renewal_is_allowed_for_each_expiry_and_each_cause() -> None:
    """Nothing else may have caused one."""
    assert Allowance(300, {"answers lost": 12, "killed": 3}).most == 315


@pytest.mark.parametrize(("part", "value"), [(0.0, 1.0), (0.5, 3.0), (0.99, 5.0), (1.0, 5.0)])
def test_a_percentile_is_one_of_the_values(part: float, value: float) -> None:
    """Of five values the third is the middle, whatever their order; of none it is 0."""
    assert percentile([3.0, 1.0, 2.0, 5.0, 4.0], part) == value
    assert percentile([], part) == 0
