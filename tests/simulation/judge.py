"""The judge of a story: it knows what WeChat knows, and says what must never be and must be."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.fakes.house import COMPONENT
from tests.simulation.stage import Actor
from wxvault.services.numbers import CACHED, DUE_FROM, SERVED_WHILE_MARKED
from wxvault.services.onboarding_state import CodeStatus
from wxvault.services.policy import is_servable
from wxvault.services.state import RENEWABLE, Status
from wxvault.vault.keys import authorizer_key
from wxvault.vault.token_writing import read_state

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fakes.wechat import Account, Call, Issued
    from tests.simulation.world import World
    from wxvault.vault.expressions import Item, Key

WATCHED_SECONDS = 5.0

_SHOWN = ("fence", "generation", "verifying", "grant_undated", "unresolved_mark", "lease_id")


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A merchant's confirmation, by its code."""

    code: str
    appid: str
    pushed: bool
    tenant_id: str | None
    """Whose link it was, if anything says so: the push, or a browser with the cookie."""


class Judge:
    """Looks at every look-up and every write, and at what stands there in the end."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._wechat = world.wechat
        self._stage = world.stage
        self.confirmations: list[Confirmation] = []
        self.cancelled: list[tuple[str, float, int]] = []
        """Appid, time, and WeChat's CreateTime."""
        self.owed: dict[tuple[str, int], None] = {}
        """Whom and which number of theirs subscribers have to be told: a change was written."""
        self.announced: list[tuple[str, int]] = []
        """Pushes that were accepted and are told as they are, by kind and CreateTime."""
        self.forced: Counter[str] = Counter()
        """How often somebody said of an authorizer's token that WeChat refused it."""
        self.served = 0

    # --- a look-up never hands out a token that WeChat does not honour ---------------------------

    def look_up(self, appid: str, token: str, started: float) -> None:
        """Look at a token that was handed out: it must live as long as a client caches it."""
        self.served += 1
        issued = self._wechat.accounts[appid].tokens.get(token)
        if issued is None:
            self._stage.fail(f"{appid}: the token of somebody else was handed out")
        elif (late := self._late(issued)) >= 0 and not self._is_excused(appid, issued, started):
            self._stage.fail(f"{appid}: a token was handed out {late:.1f} s too late")

    def peek(self, appid: str, item: Item) -> None:
        """Look at what would be handed out if somebody asked right now."""
        token = _secret(item, "access_token")
        issued = self._wechat.accounts[appid].tokens.get(token or "")
        if issued is None or token is None or self._late(issued) < 0:
            return
        now, overlap = self._stage.time, self._wechat.overlap
        if is_servable(read_state(appid, item), now, overlap=overlap):
            self.look_up(appid, token, now)

    def token_of(self, appid: str) -> str | None:
        """Return the access token that stands there."""
        return _secret(self._item(appid), "access_token")

    def watch(self) -> None:
        """Look again and again."""
        for appid in self._wechat.accounts:
            self.peek(appid, self._item(appid))
        self._stage.after(WATCHED_SECONDS, self.watch)

    def _late(self, issued: Issued) -> float:
        """Say for how long it has been too late to hand a token out."""
        # One second of what is left for the client's cache is for clocks that disagree.
        cached = 0.0 if issued.superseded_at is None else CACHED * self._wechat.overlap - 1.0
        return self._stage.time + cached - issued.until

    def _is_excused(self, appid: str, issued: Issued, started: float) -> bool:
        world = self._world
        if issued.cancelled_at is not None:
            # Nobody here can know of a cancellation before a push says so, this one or a later one.
            return not any(
                accepted < started and create_time >= cancelled
                for accepted, create_time in world.told.get(appid, ())
                for whose, time, cancelled in self.cancelled
                if whose == appid and time == issued.cancelled_at
            )
        call, at = issued.superseded_by, issued.superseded_at
        if call is None or at is None or call.name != "query_auth" or _was_heard(call):
            return False
        # The one case that nobody can see from here: the redirect came first, its exchange got no
        # answer, and the push stays away over four minutes.
        known = world.accepted.get(call.subject)
        late = known is None or known > at + SERVED_WHILE_MARKED * self._wechat.overlap
        return late and (known is None or started < known)

    # --- a refresh token is never replaced by nothing, an older one, or another's ----------------

    def look_at(self, key: Key, before: Item | None, after: Item | None) -> None:
        """Look at a write."""
        self._look_at_numbers(key, before, after)
        if not key.pk.startswith("A#") or key.sk != "TOKEN" or after is None:
            return
        appid, status = key.pk.rpartition("#")[2], after["status"]
        assert isinstance(status, str)
        if before is not None:
            self.peek(appid, before)
        old, new = _secret(before or {}, "refresh_token"), _secret(after, "refresh_token")
        self._show(appid, after, new)
        if before is not None and not before.get("tenant_by_redirect"):
            was, now = before.get("tenant_id"), after.get("tenant_id")
            if was is not None and was != now:
                self._stage.fail(f"{appid}: moved from {was!r} to {now!r} by itself")
        if new is not None and self._wechat.owners.get(new) != appid:
            self._stage.fail(f"{appid}: has the refresh token of somebody else")
        if old is not None and new is not None and new < old:
            self._stage.fail(f"{appid}: an older refresh token replaced a newer one")
        if old is not None and new is None and status != Status.REVOKED:
            self._stage.fail(f"{appid}: a refresh token was lost while {status}")
        if "delete_after" in after and status != Status.REVOKED:
            self._stage.fail(f"{appid}: will be deleted while {status}")
        can = after.get("api_ability") is not False
        kept_going = (status in RENEWABLE and can) or after.get("verifying") is True
        if kept_going and "due_at" not in after:
            self._stage.fail(f"{appid}: is {status} and never due")

    def _show(self, appid: str, item: Item, refresh_token: str | None) -> None:
        if self._world.tracing:
            shown = [f"{name}={item[name]!r}" for name in _SHOWN if name in item]
            tokens = ["R" + refresh_token[-4:]] if refresh_token else []
            tokens += ["T"] if "access_token" in item else []
            due = ["due"] if "due_at" in item else []
            self._world.say("   ", appid[-2:], item["status"], *shown, *tokens, *due)

    # --- one truth, once faults have stopped -----------------------------------------------------

    def problems(self) -> list[str]:
        """Return what is not as it must be in the end."""
        found = [
            f"{appid}: {problem}"
            for appid, account in self._wechat.accounts.items()
            for problem in self._problems_of(appid, account)
        ]
        return found + self.untold()

    def _problems_of(self, appid: str, account: Account) -> list[str]:
        world = self._world
        mine = {one: world.code_now(one.code) for one in self.confirmations if one.appid == appid}
        done = [one for one, code in mine.items() if code and code.status is CodeStatus.DONE]
        if any(code and code.is_open and code.due_at is not None for code in mine.values()):
            return ["a code is still to be exchanged"]
        item = self._item(appid)
        status = str(item.get("status", "unknown"))
        if not account.authorized:
            return [] if status in {"unknown", Status.REVOKED} else [f"{status}, but cancelled"]
        newest = next(reversed(mine), None)
        if newest is not None and not newest.pushed and newest not in done:
            # Its push never came and its exchange got no answer: only the daily resync can tell.
            return []
        if status != Status.ACTIVE:
            return [f"{status}, but authorised"]
        token = account.tokens.get(_secret(item, "access_token") or "")
        alive = token is not None and token.until > self._stage.time + self._wechat.overlap + 1
        named = {one.tenant_id for one in done} - {None}
        wrong = {
            "withheld": "verifying" in item,
            "without a living access token": not alive,
            "with another refresh token": _secret(item, "refresh_token") != account.refresh_token,
            "marked": "unresolved_mark" in item,
            "nobody's merchant": bool(named) and item.get("tenant_id") not in named,
        }
        return [problem for problem, found in wrong.items() if found]

    def _item(self, appid: str) -> Item:
        return self._world.table.items.get(authorizer_key(COMPONENT, appid), {})

    # --- WeChat sees one renewal per expiry, and one more for each reason there is ---------------

    def excesses(self) -> list[str]:
        """Return by how much WeChat was asked too often.

        Each authorizer is judged by itself. A confirmation that is pushed counts twice: its push
        may come long after its redirect was exchanged. That a step was slow is no reason; that a
        machine was switched off for it is. Whenever the table is held against WeChat's list, every
        authorizer may be given one.
        """
        return [
            f"{appid}: {renewals} renewals for {reasons} reasons"
            for appid, renewals in Counter(self._wechat.renewed).items()
            if renewals > (reasons := self._reasons(appid))
        ]

    def _reasons(self, appid: str) -> int:
        """Count what may have cost an authorizer a renewal; nobody else's troubles do."""
        world = self._world
        expiries = int(world.elapsed // (DUE_FROM * self._wechat.life)) + world.resyncs
        confirmed = sum(1 + one.pushed for one in self.confirmations if one.appid == appid)
        cancelled = sum(whose == appid for whose, _, _ in self.cancelled)
        switched_off = sum(
            actor.subject == appid and actor.name != "look-up" for actor in self._stage.timed_out
        )
        happened = confirmed + cancelled + self.forced[appid]
        return expiries + happened + world.troubled[appid] + switched_off

    # --- events are numbered, and told -----------------------------------------------------------

    def _look_at_numbers(self, key: Key, before: Item | None, after: Item | None) -> None:
        """Note the numbers that a write has used up."""
        if key.sk != "TOKEN" or after is None:
            return
        last, new = (int(str((item or {}).get("sequence", 0))) for item in (before, after))
        component = key.pk.startswith("C#")
        if not last and not component:
            # An authorizer's numbers begin with the time.
            last = max(0, new - 1)
        whose = "" if component else key.pk.rpartition("#")[2]
        self.owed |= {(whose, number): None for number in range(last + 1, new + 1)}

    def untold(self) -> list[str]:
        """Return what was written and never told, and what was told and is still kept."""
        sent = [detail for _, detail in self._world.bus.sent]
        told = {(one.get("authorizer_appid", ""), one.get("sequence")) for one in sent}
        pushes = {(one.get("info_type"), one.get("create_time")) for one in sent}
        untold = [f"{whose}: number {number}" for whose, number in self.owed.keys() - told]
        untold += [
            f"{kind} of {when}" for kind, when in self.announced if (kind, when) not in pushes
        ]
        kept = [key.sk for key in self._world.table.items if key.pk[0] == "O"]
        return [
            *(f"{one} was not told" for one in sorted(untold)),
            *(f"{one} is kept" for one in kept),
        ]

    def told_wrongly(self) -> list[str]:
        """Return what subscribers could not put in order: a number that is none, or has two."""
        told: dict[tuple[str, int], str] = {}
        wrong = []
        for kind, detail in self._world.bus.sent:
            if "sequence" in detail and "authorizer_appid" in detail:
                appid, number = detail["authorizer_appid"], detail["sequence"]
                last = self._item(appid).get("sequence", 0)
                assert isinstance(last, int)
                if told.setdefault((appid, number), kind) != kind or not 1 <= number <= last:
                    wrong.append(f"{appid}: {kind} is told as number {number} of {last}")
        return wrong


def _was_heard(call: Call) -> bool:
    """Say whether somebody got the answer and lived to use it."""
    caller = call.caller
    return call.answered and not (isinstance(caller, Actor) and (caller.crashed or caller.failed))


def _secret(item: Mapping[str, object], name: str) -> str | None:
    """Read what :class:`tests.simulation.world.ClearSealing` has sealed."""
    sealed = item.get(name)
    return sealed.decode().rpartition("|")[2] if isinstance(sealed, bytes) else None
