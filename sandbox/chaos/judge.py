"""What must not happen, told from what was handed out and what WeChat says it issued. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sandbox.wechat.control_client import IssuedAccess

HONOURED: Final = ""
UNTOLD: Final = "cancelled, not told yet"


@dataclass(frozen=True, slots=True)
class HandedOut:
    """One good answer to a look-up: unix times. ``asked_at`` is when the vault was asked for it."""

    authorizer_appid: str
    sha256: str
    asked_at: float
    handed_at: float
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Cancellation:
    """A merchant has cancelled; ``heard_at`` None: no push of it has ever been taken."""

    authorizer_appid: str
    at: float
    heard_at: float | None


class TokenJudge:
    """Judges tokens by WeChat's own memory: its order of execution, its overlap, its ends."""

    def __init__(
        self,
        issued: Iterable[IssuedAccess],
        cancellations: Iterable[Cancellation],
        *,
        overlap: float,
    ) -> None:
        self._issued = {token.sha256: token for token in issued}
        self._cancellations = tuple(cancellations)
        self._overlap = overlap

    def verdict(self, handed: HandedOut) -> str:
        """Return why WeChat did not honour a token when it was handed out; empty if it did.

        `UNTOLD`: a merchant has cancelled and the vault had not been told when it was asked. No
        look-up can know better, so that is no fault.
        """
        token = self._issued.get(handed.sha256)
        if token is None:
            return "never issued"
        if token.authorizer_appid != handed.authorizer_appid:
            return "another authorizer's"
        at = handed.handed_at
        if token.revoked_at is not None and at >= token.revoked_at:
            heard = self._heard(handed.authorizer_appid, token.revoked_at)
            return UNTOLD if heard is None or handed.asked_at < heard else "cancelled"
        if at >= token.expires_at:
            return "expired"
        if token.superseded_at is not None and at >= token.superseded_at + self._overlap:
            return "superseded"
        return HONOURED

    def _heard(self, appid: str, revoked_at: float) -> float | None:
        for told in self._cancellations:
            if told.authorizer_appid == appid and abs(told.at - revoked_at) < 1:
                return told.heard_at
        return None

    def verdicts(self, handed: Iterable[HandedOut]) -> Counter[str]:
        """Count the verdicts."""
        return Counter(self.verdict(one) for one in handed)


@dataclass(slots=True)
class RefreshWatch:
    """Follows the refresh tokens in the table, by hash: none is lost, goes back, or is foreign."""

    findings: list[str] = field(default_factory=list)
    _last: dict[str, str] = field(default_factory=dict)

    def saw(
        self,
        appid: str,
        held: str | None,
        issued: Mapping[str, Sequence[str]],
        *,
        needs_one: bool = True,
    ) -> None:
        """Take a look at one item: ``held`` is what it holds, ``issued`` WeChat's, oldest first.

        ``needs_one``: the item's status means that it has a refresh token.
        """
        before = self._last.get(appid)
        if held is None:
            if needs_one and before is not None:
                self.findings.append(f"{appid}: replaced by nothing")
            return
        mine = issued.get(appid, ())
        if held not in mine:
            whose = next((name for name, hashes in issued.items() if held in hashes), "nobody")
            self.findings.append(f"{appid}: a refresh token of {whose}")
        elif before in mine and mine.index(held) < mine.index(before):
            self.findings.append(f"{appid}: replaced by an older one")
        self._last[appid] = held

    def ended(self, appid: str, held: str | None, at_wechat: str) -> None:
        """Compare what is held after everything with what WeChat honours now."""
        if held != at_wechat:
            what = "nothing" if held is None else "another one"
            self.findings.append(f"{appid}: WeChat has one, the table {what}")


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many executed renewals there may be, and what for."""

    expiries: int
    causes: Mapping[str, int]

    @property
    def most(self) -> int:
        """One for each expiry, and one for each cause."""
        return self.expiries + sum(self.causes.values())


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value below which ``part`` (0 to 1) of the values lie; 0 without any."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)] if ordered else 0.0
