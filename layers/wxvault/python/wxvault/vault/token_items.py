"""TOKEN items: reading them, taking and extending their lease, and writing changes under guards.

What may follow from what is decided in :mod:`wxvault.services`; here every decision becomes one
conditional write, so that a decision taken on an item that has changed meanwhile is not written.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wxvault.errors import BusyError
from wxvault.services.bus_events import transitions
from wxvault.services.numbers import CLOCKS_SECONDS, LEASE_SECONDS
from wxvault.services.state import (
    RENEWABLE,
    Lease,
    NotAcquired,
    Purpose,
    Settled,
    Status,
    TokenChange,
    TokenState,
    unchanged,
)
from wxvault.vault.expressions import (
    MISSING,
    Absent,
    Compare,
    Condition,
    ConditionFailedError,
    Delete,
    Item,
    Key,
    TransactionFailedError,
    Update,
    Value,
    Write,
    all_of,
    any_of,
    equals,
    is_past_its_end,
    is_written,
    one_of,
)
from wxvault.vault.keys import PROFILE
from wxvault.vault.pauses import TRIES, Pauses
from wxvault.vault.sealing import compartment_of
from wxvault.vault.token_writing import TokenWriting, numbered, read_state
from wxvault.vault.unsent_events import UnsentEvents

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wxvault.clock import Clock
    from wxvault.services.policy import Uniform
    from wxvault.vault.sealing import Sealing
    from wxvault.vault.table import Table


class TokenItems:
    """The TOKEN items of one component: its authorizers' and its own."""

    def __init__(
        self,
        table: Table,
        sealing: Sealing,
        component_appid: str,
        clock: Clock,
        uniform: Uniform,
    ) -> None:
        self._table = table
        self._sealing = sealing
        self._writing = TokenWriting(component_appid, sealing)
        self._unsent = UnsentEvents(table, sealing, component_appid, clock)
        self._component_appid = component_appid
        self._clock = clock
        self._pauses = Pauses(clock, uniform)

    # --- reading ---------------------------------------------------------------------------------

    def get(self, authorizer_appid: str | None) -> TokenState | None:
        """Read an item, strongly consistent; None for the appid means the component's own.

        A revoked one that is past its end is not there, whether DynamoDB has deleted it or not.
        """
        item = self._table.get(self._writing.key(authorizer_appid))
        if item is None or is_forgotten(item, self._clock.now()):
            return None
        return read_state(authorizer_appid, item)

    def access_token(self, state: TokenState) -> str | None:
        """Open the access token.

        Raises:
            SealBrokenError, SealingKeyError: it cannot be opened.
        """
        return self._open(state, "access_token")

    def refresh_token(self, state: TokenState) -> str | None:
        """Open the refresh token.

        Raises:
            SealBrokenError, SealingKeyError: it cannot be opened.
        """
        return self._open(state, "refresh_token")

    # --- the lease -------------------------------------------------------------------------------

    def acquire(  # noqa: PLR0913 -- one request, every part of it named
        self,
        authorizer_appid: str | None,
        purpose: Purpose,
        *,
        now: float,
        lease_id: str,
        mark: str,
        generation: int | None = None,
    ) -> Lease | NotAcquired:
        """Take the lease in one conditional update, and mark the item.

        ``generation`` is given for a forced renewal: the token that was proved refused must still
        be the current one.

        Raises:
            SealingKeyError: what WeChat would answer could not be sealed.
        """
        key = self._writing.key(authorizer_appid)
        self._sealing.prepare(compartment_of(key))
        wanted: list[Condition] = [
            any_of(Absent("lease_until"), Compare("lease_until", "<", now)),
        ]
        # Whoever made it due just now may have done so by a clock that is ahead.
        is_due = Compare("due_at", "<=", now + CLOCKS_SECONDS)
        # What is due stays due from the same time on: that it is overdue must be seen.
        due: dict[str, Value] = self._writing.due(authorizer_appid, now)
        made: dict[str, Value] = {}
        match purpose:
            case Purpose.RENEWAL:
                wanted += [one_of("status", RENEWABLE), is_due]
                due = {}
            case Purpose.FORCED_RENEWAL:
                wanted += [one_of("status", RENEWABLE), equals("generation", generation or None)]
            case Purpose.VERIFICATION:
                # Due, or a refused one would be asked for again by every look-up.
                wanted += [Compare("verifying", "=", value=True), is_due]
                due = {}
            case Purpose.EXCHANGE:
                made = self._writing.new_item(authorizer_appid)
                wanted.append(any_of(Absent("delete_after"), Compare("delete_after", ">", now)))
        update = Update(
            key,
            condition=all_of(*wanted),
            set=due
            | {"lease_id": lease_id, "lease_until": now + LEASE_SECONDS, "unresolved_mark": mark},
            set_if_absent={"unresolved_since": now} | made,
            add={"fence": 1},
        )
        try:
            old = self._table.write(update)
        except ConditionFailedError as refusal:
            if refusal.item is None:
                return NotAcquired(None)
            if purpose is Purpose.EXCHANGE and self._forget(key, refusal.item):
                return self.acquire(
                    authorizer_appid, purpose, now=now, lease_id=lease_id, mark=mark
                )
            found = read_state(authorizer_appid, refusal.item)
            if found.lease_id == lease_id:
                # The client repeated a write whose answer was lost. Whether an earlier question was
                # open cannot be told any more, so it is assumed.
                return Lease(
                    found,
                    lease_id,
                    found.fence,
                    mark,
                    now,
                    own_mark=False,
                    due_before=found.due_at,
                )
            return NotAcquired(found)
        before = (
            TokenState(authorizer_appid, Status.PENDING)
            if old is None
            else read_state(authorizer_appid, old)
        )
        state = replace(
            before,
            fence=before.fence + 1,
            lease_id=lease_id,
            lease_until=now + LEASE_SECONDS,
            unresolved_mark=mark,
            unresolved_since=now if before.unresolved_since is None else before.unresolved_since,
            due_at=now if due else before.due_at,
        )
        own_mark = before.unresolved_mark is None
        return Lease(
            state,
            lease_id,
            state.fence,
            mark,
            now,
            own_mark=own_mark,
            due_before=before.due_at,
        )

    def extend(self, lease: Lease, *, now: float) -> Lease | None:
        """Lengthen a lease before a second question; None when it is no longer held."""
        update = Update(
            self._writing.key(lease.state.authorizer_appid),
            condition=all_of(equals("lease_id", lease.lease_id), equals("fence", lease.fence)),
            set={"lease_until": now + LEASE_SECONDS},
        )
        try:
            self._table.write(update)
        except ConditionFailedError:
            return None
        return replace(
            lease, taken_at=now, state=replace(lease.state, lease_until=now + LEASE_SECONDS)
        )

    def settle(
        self,
        lease: Lease,
        decide: Callable[[TokenState], TokenChange],
        *,
        also: Sequence[Write] = (),
    ) -> Settled | None:
        """Write what came of a question, if the lease is still held; with ``also``, all or nothing.

        The events of the change are kept by the same transaction.
        ``decide`` is asked again when something else changed meanwhile under the same lease.
        Returns None when the lease is lost, or a condition of ``also`` does not hold: nothing was
        written.
        """
        state = lease.state
        appid = state.authorizer_appid
        now = self._clock.now()
        held = (equals("lease_id", lease.lease_id), equals("fence", lease.fence))
        for tries in range(1, TRIES + 1):
            change = decide(state)
            extra: dict[str, Value] = {"settled_lease": lease.lease_id}
            seen, before = all_of(*held, *_as_seen(state)), numbered(state, now)
            update = self._writing.update(before, change, seen, extra)
            settled = self._settled(before, change, now)
            try:
                self._do(update, also, settled)
            except ConditionFailedError as refusal:
                if refusal.item is None:
                    return None
                found = read_state(appid, refusal.item)
            except TransactionFailedError as refusal:
                item = refusal.items[0]
                if not refusal.failed[0] or item is None:
                    return None
                found = read_state(appid, item)
            else:
                return settled
            if found.fence == lease.fence and found.settled_lease == lease.lease_id:
                # Our own write, repeated by the client after its answer was lost.
                return settled
            if found.fence != lease.fence or found.lease_id != lease.lease_id:
                return None
            state = found
            if tries < TRIES:
                self._pauses.after(tries)
        return None

    # --- changes from outside the lease ----------------------------------------------------------

    def amend(
        self,
        authorizer_appid: str | None,
        decide: Callable[[TokenState | None], TokenChange | None],
        *,
        also: Sequence[Write] = (),
    ) -> Settled | None:
        """Change an item without its lease; ``decide`` sees what stands there and may decline.

        The events of the change are kept by the same transaction.
        Returns None when ``decide`` declined, or a condition of ``also`` does not hold.

        Raises:
            BusyError: the item changed again and again; nothing was written.
        """
        key, now = self._writing.key(authorizer_appid), self._clock.now()
        for tries in range(1, TRIES + 1):
            if tries > 1:
                self._pauses.after(tries - 1)
            item = self._table.get(key)
            if item is not None and self._forget(key, item):
                item = None
            state = None if item is None else read_state(authorizer_appid, item)
            change = decide(state)
            if change is None:
                return None
            seen = MISSING if state is None else _untouched(state)
            before = numbered(state or TokenState(authorizer_appid, Status.PENDING), now)
            made = {} if state else self._writing.new_item(authorizer_appid)
            update = self._writing.update(before, change, seen, {**made, "status": change.status})
            settled = self._settled(before, change, now)
            try:
                self._do(update, also, settled)
            except ConditionFailedError as refusal:
                if not is_written(update, refusal.item):
                    continue
                # Our own write, repeated by the client after its answer was lost.
            except TransactionFailedError as refusal:
                if not refusal.failed[0]:
                    return None
                if also or not is_written(update, refusal.items[0]):
                    continue
            return settled
        message = "an item changed too often to be amended"
        raise BusyError(message)

    def forget(
        self,
        authorizer_appid: str,
        agree: Callable[[TokenState], None],
        *,
        also: Sequence[Write] = (),
    ) -> TokenState | None:
        """Delete an authorizer as it was when ``agree`` saw it; with ``also``, all or nothing.

        ``agree`` raises where it does not. Returns what was deleted; None: it was not there, and
        ``also`` was done all the same.

        Raises:
            BusyError: the item changed again and again; nothing was deleted.
        """
        key = self._writing.key(authorizer_appid)
        for tries in range(1, TRIES + 1):
            if tries > 1:
                self._pauses.after(tries - 1)
            item = self._table.get(key)
            if item is None or self._forget(key, item):
                if self._is_done_with([Delete(key, condition=MISSING), *also]):
                    return None
                continue
            state = read_state(authorizer_appid, item)
            agree(state)
            # Whoever has come back meanwhile stays: it is looked at once more.
            if self._is_done_with([Delete(key, condition=_untouched(state)), *also]):
                return state
        message = "an item changed too often to be forgotten"
        raise BusyError(message)

    # --- inside ----------------------------------------------------------------------------------

    def _forget(self, key: Key, item: Item) -> bool:
        """Delete an item that is past its end, or say that this is not for us to do.

        So what follows is the same before and after DynamoDB has deleted it, which it does when it
        likes, up to days late: what is known of a cancelled account ends at one time.
        """
        now = self._clock.now()
        if not is_forgotten(item, now):
            return False
        still_over = all_of(
            Compare("delete_after", "<=", now),
            any_of(Absent("lease_until"), Compare("lease_until", "<", now)),
        )
        profile = Key(key.pk, PROFILE)
        try:
            self._table.transact([Delete(key, condition=still_over), Delete(profile)])
        except TransactionFailedError as refusal:
            # Gone already, or somebody has come back to life in it.
            return refusal.items[0] is None
        return True

    def _is_done_with(self, writes: Sequence[Write]) -> bool:
        try:
            self._table.transact(writes)
        except TransactionFailedError:
            return False
        return True

    def _settled(self, before: TokenState, change: TokenChange, now: float) -> Settled:
        told = transitions(before, change, self._component_appid, now=now)
        return Settled(before, change, told)

    def _do(self, update: Update, also: Sequence[Write], settled: Settled) -> None:
        """Do what is to be done at once: what changes, what stands or falls with it, its events."""
        also = (*also, *_of_the_profile(update.key, settled))
        writes = [update, *also, *self._unsent.writes(settled.told)]
        if len(writes) > 1:
            self._table.transact(writes)
        else:
            self._table.write(update)

    def _open(self, state: TokenState, attribute: str) -> str | None:
        item: Item = state.item  # type: ignore[assignment]  # it is the item the table gave
        return self._sealing.open(self._writing.key(state.authorizer_appid), item, attribute)


def _of_the_profile(key: Key, settled: Settled) -> list[Write]:
    """Return the write by which a profile ends when its merchant's tokens do, or does not any more.

    What is known of a merchant is not kept longer than that there was one.
    """
    end = settled.change.delete_after
    if end == unchanged(settled.before).delete_after:
        return []
    profile = Key(key.pk, PROFILE)
    if end is None:
        return [Update(profile, remove=frozenset({"delete_after"}))]
    return [Update(profile, set={"delete_after": end})]


def is_forgotten(item: Item, now: float) -> bool:
    """Say whether an item is past its end, and nobody is at it any more."""
    until = item.get("lease_until")
    leased = isinstance(until, int | float) and until >= now
    return is_past_its_end(item, now) and not leased


def _untouched(state: TokenState) -> Condition:
    """Demand that nobody has done anything to an item since it was read."""
    return all_of(
        equals("fence", state.fence or None),
        equals("generation", state.generation or None),
        equals("status", state.status),
        equals("lease_until", state.lease_until),
        *_as_seen(state),
    )


def _as_seen(state: TokenState) -> tuple[Condition, ...]:
    """Demand that what decisions are made of is as it was when the decision was made."""
    return (
        equals("authorized_at", state.authorized_at),
        equals("unauthorized_at", state.unauthorized_at),
        equals("verifying", True if state.verifying else None),
        equals("sequence", state.sequence or None),
        equals("grant_undated", True if state.grant_undated else None),
        equals("tenant_id", state.tenant_id),
        equals("tenant_by_redirect", True if state.tenant_by_redirect else None),
        equals("unresolved_mark", state.unresolved_mark),
    )
