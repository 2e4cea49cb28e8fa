"""Holding the table against WeChat's list: what was lost comes back, and nobody is asked for it.

WeChat still knows every refresh token. So a table that lost some, or was made anew (*adopt*), is
filled from the list; what differs is verified. See :mod:`wxvault.services.resync_rules`.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from wxvault.errors import BusyError
from wxvault.protocol import return_codes
from wxvault.services.resync_rules import Action, Comparison, Listing, Reason, Verdict
from wxvault.services.state import Status, TokenChange, TokenState
from wxvault.services.sweeping import send_or_leave

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from wxvault.services.authorizer_list import AuthorizerList, ListReader
    from wxvault.services.sweeping import SendJobs
    from wxvault.services.tools import Tools

_log = logging.getLogger(__name__)

SHOWN = 1000
"""So many changes, and so many who are not active, are told one by one."""

_JOBS_AT_ONCE = 100
_READING = 0.5
"""The part of the time in which the list is read."""

REMEDY_NEVER_EXCHANGED = (
    "Nobody has ever exchanged this merchant's code. Ask the merchant to change the permissions in "
    "WeChat's list of authorised platforms, or to authorise once more."
)


class Authorizers(Protocol):
    """Everybody in the table."""

    def all(self) -> Iterator[TokenState]:
        """Read every authorizer's item; whoever is past its end is left out."""


class Progress(Protocol):
    """Where the last run ended that had not time enough."""

    def take_resync(self) -> str | None:
        """Return after whom to go on, and forget it; None: from the beginning."""

    def leave_resync(self, after: str) -> None:
        """Note after whom to go on."""


@dataclass(frozen=True, slots=True)
class Changed:
    """One change that was made, or that a dry run would have made."""

    authorizer_appid: str
    action: Action
    reason: Reason


@dataclass(frozen=True, slots=True)
class NotActive:
    """Somebody whom WeChat lists and who could not be served when the table was read."""

    authorizer_appid: str
    status: Status | None
    """None: nobody here had heard of it."""
    reason: str
    wechat_errcode: int | None = None
    remedy: str | None = None


@dataclass(frozen=True, slots=True)
class Resynced:
    """What a run came to; never with a secret in it."""

    dry_run: bool
    listed: int
    known: int
    active: int
    """Listed, and in good order when the table was read."""
    strange: int
    list_complete: bool
    wechat_calls: int
    """For the list; what follows of nominations is asked by *renew*."""
    counts: Mapping[str, int]
    changes: tuple[Changed, ...]
    not_active: tuple[NotActive, ...]
    truncated: bool
    """There are more changes, or more who are not active, than are told one by one."""
    next: str | None
    """Where to go on, when the time was up."""


@dataclass(frozen=True, slots=True)
class _Tally:
    counts: Counter[str] = field(default_factory=Counter)
    changes: list[Changed] = field(default_factory=list)
    jobs: list[dict[str, Any]] = field(default_factory=list)


class Resync:
    """Compares and nominates. May run twice at once: every write says what it was decided on."""

    def __init__(
        self, tools: Tools, authorizers: Authorizers, reader: ListReader, renew_jobs: SendJobs
    ) -> None:
        self._tools = tools
        self._authorizers = authorizers
        self._reader = reader
        self._renew_jobs = renew_jobs
        self._rules = Comparison(
            tools.tokens.access_token, tools.tokens.refresh_token, tools.overlap
        )

    def run(self, *, dry_run: bool, until: float, after: str | None = None) -> Resynced:
        """Compare everybody with the list, in the order of their appids.

        Begins nothing after ``until`` (unix seconds); ``after`` is where an earlier run stopped.

        Raises:
            WeChatRefusedError, WeChatUnknownError: the list could not be read; nothing was changed.
            NoTicketError, RenewalInProgressError, …: there is no component token.
            SealingKeyError, TableUnavailableError: what was done until then stands.
        """
        # The table first: what is written from now on may be newer than the list.
        seen = {state.authorizer_appid or "": state for state in self._authorizers.all()}
        now = self._tools.clock.now()
        listing = self._reader.read(now + _READING * (until - now))
        tally = _Tally()
        stopped: str | None = None
        last = after
        for appid in sorted(seen.keys() | listing.refresh_tokens.keys()):
            if after is not None and appid <= after:
                continue
            # One at least, so that whoever goes on from there comes to an end.
            if last != after and self._tools.clock.now() >= until:
                stopped = last
                break
            said = Listing(
                appid in listing.refresh_tokens,
                listing.refresh_tokens.get(appid),
                listing.complete,
            )
            self._one(appid, seen.get(appid), said, tally, dry_run=dry_run)
            last = appid
        self._send(tally, least=1)
        return self._told(seen, listing, tally, dry_run=dry_run, stopped=stopped)

    def run_on(self, progress: Progress, *, until: float) -> Resynced:
        """Go on where the last such run ended, so that everybody's turn comes in some nights.

        What it ended at is taken before: whoever spoils a run spoils no beginning.
        """
        done = self.run(dry_run=False, until=until, after=progress.take_resync())
        if done.next is not None:
            progress.leave_resync(done.next)
        return done

    def run_one(self, authorizer_appid: str, *, dry_run: bool) -> Resynced:
        """Have WeChat asked about one authorizer, known here or not; the list is not read."""
        tally = _Tally()
        state = self._tools.tokens.get(authorizer_appid)

        def decide(now_there: TokenState | None) -> Verdict:
            return self._rules.asked_for(now_there, self._tools.clock.now())

        verdict = decide(state)
        if not dry_run and verdict.change is not None:
            verdict = self._write(authorizer_appid, decide)
        if not dry_run and verdict.reason is Reason.VERIFYING:
            tally.jobs.append(_job(authorizer_appid))
        self._note(authorizer_appid, verdict, tally)
        if dry_run:
            tally.jobs.clear()
        self._send(tally, least=1)
        return Resynced(
            dry_run=dry_run,
            listed=0,
            known=int(state is not None),
            active=0,
            strange=0,
            list_complete=False,
            wechat_calls=0,
            counts=dict(tally.counts),
            changes=tuple(tally.changes),
            not_active=(),
            truncated=False,
            next=None,
        )

    # --- one by one ------------------------------------------------------------------------------

    def _one(
        self,
        appid: str,
        seen: TokenState | None,
        listing: Listing,
        tally: _Tally,
        *,
        dry_run: bool,
    ) -> None:
        def decide(now_there: TokenState | None) -> Verdict:
            return self._rules.verdict(now_there, seen, listing, self._tools.clock.now())

        verdict = decide(seen)
        if not dry_run and verdict.change is not None:
            verdict = self._write(appid, decide)
        self._note(appid, verdict, tally)
        if dry_run:
            tally.jobs.clear()
        else:
            self._send(tally, least=_JOBS_AT_ONCE)

    def _write(self, appid: str, decide: Callable[[TokenState | None], Verdict]) -> Verdict:
        """Write what is decided on the item as it stands at that moment; tell what became of it."""
        tools = self._tools
        verdicts: list[Verdict] = []

        def change(now_there: TokenState | None) -> TokenChange | None:
            verdicts.append(decide(now_there))
            return verdicts[-1].change

        try:
            tools.events.tell(tools.tokens.amend(appid, change))
        except BusyError:
            # Somebody is at it; the next run looks again.
            return Verdict(Action.NONE, Reason.IN_PROGRESS)
        return verdicts[-1]

    def _note(self, appid: str, verdict: Verdict, tally: _Tally) -> None:
        tally.counts[verdict.reason if verdict.action is Action.NONE else verdict.action] += 1
        if verdict.action is Action.NONE:
            return
        tally.jobs.append(_job(appid))
        tally.changes.append(Changed(appid, verdict.action, verdict.reason))

    def _send(self, tally: _Tally, *, least: int) -> None:
        """Have those asked about who were nominated, once there are enough of them to be sent."""
        if len(tally.jobs) >= least:
            send_or_leave(self._renew_jobs, tally.jobs)
            tally.jobs.clear()

    # --- the answer ------------------------------------------------------------------------------

    def _told(
        self,
        seen: Mapping[str, TokenState],
        listing: AuthorizerList,
        tally: _Tally,
        *,
        dry_run: bool,
        stopped: str | None,
    ) -> Resynced:
        told = [
            _not_active(appid, seen.get(appid), listed=refresh_token is not None)
            for appid, refresh_token in sorted(listing.refresh_tokens.items())
        ]
        waiting = [one for one in told if one is not None]
        return Resynced(
            dry_run=dry_run,
            listed=len(told),
            known=len(seen),
            active=len(told) - len(waiting),
            strange=listing.strange,
            list_complete=listing.complete,
            wechat_calls=listing.calls,
            counts=dict(tally.counts),
            changes=tuple(tally.changes[:SHOWN]),
            not_active=tuple(waiting[:SHOWN]),
            truncated=max(len(tally.changes), len(waiting)) > SHOWN,
            next=stopped,
        )


def _job(appid: str) -> dict[str, Any]:
    return {"job": "authorizer", "authorizer_appid": appid}


def _not_active(  # noqa: PLR0911 -- one for each reason
    appid: str, state: TokenState | None, *, listed: bool
) -> NotActive | None:
    """Say why somebody whom WeChat lists cannot be served; ``listed``: with a refresh token."""
    if state is None:
        if listed:
            return NotActive(appid, None, Reason.UNKNOWN_HERE)
        return NotActive(appid, None, Reason.NEVER_EXCHANGED, remedy=REMEDY_NEVER_EXCHANGED)
    errcode = state.last_errcode
    address = f"requestIP: {state.refused_address or ''}"
    words = None if errcode is None else return_codes.remedy(errcode, address)
    no_api = state.status is Status.ACTIVE and not state.api_ability
    if not (state.has_refresh or listed or no_api):
        # Also while it is asked about: WeChat has nothing else to tell.
        return NotActive(
            appid, state.status, Reason.NEVER_EXCHANGED, errcode, REMEDY_NEVER_EXCHANGED
        )
    if state.verifying:
        return NotActive(appid, state.status, "verifying", errcode, words)
    if no_api:
        # Nothing can be served for it, and nothing is missing.
        return None
    if state.status is not Status.ACTIVE:
        return NotActive(appid, state.status, str(state.status), errcode, words)
    if not state.has_refresh:
        return NotActive(appid, state.status, Reason.MISSING, errcode, words)
    if not state.has_access:
        return NotActive(appid, state.status, "renewal_due", errcode, words)
    return None
