"""WeChat's check before a full release (全网发布), played against a platform, step by step.

Its accounts authorise, send what WeChat's send, look at every answer, and cancel.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.wechat.control_client import PushReport, SandboxControl

QUERY_AUTH: Final = "/cgi-bin/component/api_query_auth"
QUESTION: Final = "TESTCOMPONENT_MSG_TYPE_TEXT"
MESSAGES: Final = 1
CUSTOMER_SERVICE: Final = 19

Order = Literal["push first", "message first"]
ORDERS: Final[tuple[Order, ...]] = ("push first", "message first")

PAIRS: Final = (
    ("wx570bc396a51b8ff8", "gh_3c884a361561", "wxd101a85aa106f53e", "gh_8dad206e9538"),
    ("wx9252c5e0bb1836fc", "gh_c0f28a78b318", "wxc39235c15087f6f3", "gh_905ae9d01059"),
    ("wx8e1097c5bc82cde9", "gh_3f222ed8d140", "wx7720d01d4b2a4500", "gh_393666f1fdf4"),
    ("wx14550af28c71a144", "gh_26128078e9ab", "wx05d483572dcd5d8b", "gh_39abb5d4e1b7"),
    ("wxa35b9c23cfe664eb", "gh_2b3713f184a6", "wx5910277cae6fd970", "gh_7818dcb60240"),
)

_ANSWER_SECONDS: Final = 5.0
_API_SECONDS: Final = 20.0
# WeChat lets minutes pass between two checks. What a platform began for an account that cancelled
# must be over before the same account comes back.
_BETWEEN_SECONDS: Final = 25.0
_TOLD_SECONDS: Final = 1.0
_POLL_SECONDS: Final = 0.05


class CheckFailedError(Exception):
    """The platform did not do what WeChat's check expects; the text says what."""


@dataclass(frozen=True, slots=True)
class Case:
    """One run of the check: a pair of accounts, what the platform has declared, and the order."""

    group: int
    sets: frozenset[int]
    order: Order

    @property
    def name(self) -> str:
        """The case in words."""
        declared = " and ".join(map(str, sorted(self.sets))) or "neither 1 nor 19"
        return f"group {self.group}, permission sets {declared}, {self.order}"


def every_case() -> Iterator[Case]:
    """Yield every pair, with and without each permission set, in both orders.

    The same pair never comes twice in a row.
    """
    both = frozenset({MESSAGES, CUSTOMER_SERVICE})
    for sets in (both, frozenset({MESSAGES}), frozenset({CUSTOMER_SERVICE}), frozenset[int]()):
        for order in ORDERS:
            for group in range(1, len(PAIRS) + 1):
                yield Case(group, sets, order)


@dataclass(slots=True)
class ReleaseTest:
    """Plays the check against whatever platform the sandbox pushes to."""

    wechat: SandboxControl
    say: Callable[[str], None]
    slowest_ms: float = 0.0
    """The slowest answer to a push so far."""
    slowest_api_ms: float = 0.0
    """The longest time from a code to its customer-service message so far."""
    _cancelled_at: dict[str, float] = field(default_factory=dict)

    def play(self, case: Case) -> None:
        """Play one case. Raises CheckFailedError with the step that failed."""
        self.say(f"\n{case.name[0].upper()}{case.name[1:]}")
        self._delivered("an extra ticket", self.wechat.push_ticket())
        oa, oa_name, mp, mp_name = PAIRS[case.group - 1]
        # What the accounts grant beside it makes no difference: 3 and 30 are account information.
        oa_sets = sorted({3} | (case.sets & {MESSAGES}))
        mp_sets = sorted({30} | (case.sets & {CUSTOMER_SERVICE}))
        self._account(oa, oa_name, "oa", oa_sets, case)
        self._account(mp, mp_name, "mp", mp_sets, case)

    def _account(self, appid: str, user_name: str, kind: str, sets: list[int], case: Case) -> None:
        word = "official account" if kind == "oa" else "mini program"
        self.wechat.add_merchant(
            appid=appid, user_name=user_name, kind=kind, nick_name=f"Test {word} {case.group}"
        )
        self._let_time_pass(appid)
        since = self.wechat.last_seq()
        push = "first" if case.order == "push first" else "hold"
        confirmed = self.wechat.confirm(appid, func_ids=sets, push=push)
        self.say(f"  {word} {appid} authorises by itself, without a link")
        held = confirmed.push_id
        if case.order == "push first" and held:
            self._delivered("its push `authorized`", self.wechat.wait_push(held))
            self._until(
                lambda: self.wechat.count(QUERY_AUTH, authorizer_appid=appid, since=since),
                "the code of the push is exchanged",
            )
        if MESSAGES in sets:
            self._text(appid)
            self._event(appid)
        if MESSAGES in sets or CUSTOMER_SERVICE in sets:
            self._code(appid, confirmed.auth_code)
        else:
            self.say("  nothing is declared for it, so it sends no messages")
        if case.order == "message first" and held:
            self.wechat.release_push(held)
            self._delivered("its push `authorized`, late", self.wechat.wait_push(held))
        cancelled = self.wechat.cancel(appid, push="first")
        if cancelled:
            self._delivered("its push `unauthorized`", self.wechat.wait_push(cancelled))
        self._cancelled_at[appid] = time.monotonic()

    def _let_time_pass(self, appid: str) -> None:
        left = (
            self._cancelled_at.get(appid, -_BETWEEN_SECONDS) + _BETWEEN_SECONDS - time.monotonic()
        )
        if left > _TOLD_SECONDS:
            self.say(f"  ({left:.0f} s later, because this account has only just cancelled)")
        time.sleep(max(left, 0.0))

    # --- what it sends

    def _text(self, appid: str) -> None:
        report = self.wechat.send_message(appid, QUESTION)
        self._replied(QUESTION, report, f"{QUESTION}_callback")

    def _event(self, appid: str) -> None:
        fields = {"Event": "LOCATION", "Latitude": "23.1", "Longitude": "113.3"}
        report = self.wechat.send_message(appid, msg_type="event", fields=fields)
        self._replied("event LOCATION (older check)", report, "LOCATIONfrom_callback")

    def _code(self, appid: str, code: str) -> None:
        started = time.monotonic()
        shown = f"QUERY_AUTH_CODE:{code[:16]}…"
        report = self.wechat.send_message(appid, f"QUERY_AUTH_CODE:{code}")
        self._delivered(shown, report, quiet=True)
        attempt = report.attempts[-1]
        if attempt["body"]:
            raise CheckFailedError(f"{shown} was answered with {attempt['body'][:40]!r}, not empty")
        self.say(f"  → {shown}\n  ← nothing, within {attempt['ms']:.0f} ms")
        expected = f"{code}_from_api"
        touser = self._until(lambda: self._sent(appid, expected), "the customer-service message")
        took = (time.monotonic() - started) * 1000
        self.slowest_api_ms = max(self.slowest_api_ms, took)
        if touser != attempt["openid"]:
            raise CheckFailedError("the customer-service message went to somebody else")
        self.say(f"  ← customer-service message …_from_api, after {took:.0f} ms")

    def _sent(self, appid: str, content: str) -> str:
        """Return to whom such a message was sent; empty: it was not."""
        found = [one for one in self.wechat.sent_messages(appid) if one["content"] == content]
        return str(found[0]["touser"]) if found else ""

    # --- what it looks at

    def _delivered(self, what: str, report: PushReport, *, quiet: bool = False) -> None:
        none: dict[str, Any] = {"status": 0, "error": "none", "ms": 0}
        attempt = report.attempts[-1] if report.attempts else none
        if report.state != "delivered":
            raise CheckFailedError(
                f"{what}: {report.state} after {len(report.attempts)} attempts; "
                f"HTTP {attempt['status']} {attempt['error']}"
            )
        self.slowest_ms = max(self.slowest_ms, float(attempt["ms"]))
        if not quiet:
            self.say(f"  {what}: `success` within {attempt['ms']:.0f} ms")

    def _replied(self, what: str, report: PushReport, expected: str) -> None:
        self._delivered(what, report, quiet=True)
        found = (report.reply or {}).get("Content")
        if found != expected:
            raise CheckFailedError(f"{what}: the reply is {found!r}, expected {expected!r}")
        self.say(f"  → {what}\n  ← {found}, encrypted, within {report.attempts[-1]['ms']:.0f} ms")

    def _until[T](self, look: Callable[[], T], what: str) -> T:
        deadline = time.monotonic() + _API_SECONDS
        while True:
            found = look()
            if found:
                return found
            if time.monotonic() > deadline:
                raise CheckFailedError(f"{what}: not within {_API_SECONDS:.0f} s")
            time.sleep(_POLL_SECONDS)
