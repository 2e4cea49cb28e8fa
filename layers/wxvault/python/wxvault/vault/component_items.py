"""The component's own items but its token: tickets, last push, leases and notes, seen pushes."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from wxvault.errors import SealBrokenError
from wxvault.protocol.pushes import COMPONENT_VERIFY_TICKET
from wxvault.services.numbers import TICKETS_TRIED
from wxvault.services.onboarding_state import Ticket
from wxvault.vault.attributes import text
from wxvault.vault.expressions import (
    MISSING,
    Absent,
    Compare,
    ConditionFailedError,
    Delete,
    Key,
    Put,
    Update,
    any_of,
    equals,
    is_past_its_end,
)
from wxvault.vault.keys import (
    component_key,
    due_shard,
    last_message_key,
    last_push_key,
    resync_key,
    seen_push_key,
    sweep_key,
    ticket_key,
    ticket_prefix,
)

if TYPE_CHECKING:
    from wxvault.vault.expressions import Item
    from wxvault.vault.sealing import Sealing
    from wxvault.vault.table import Table

_TICKET_KEPT_SECONDS = 13 * 3600
_SEEN_LEAST_SECONDS = 24 * 3600
_SEEN_MOST_SECONDS = 14 * 24 * 3600
_TICKET = "component_verify_ticket"
_TICKETS_READ = 100
"""More than WeChat pushes in the twelve hours for which it honours one."""
_NEXT_TICKET = (
    "Wait for WeChat's next ticket, within ten minutes; find out who has written to the table."
)


def seen_seconds(push_max_age: float) -> float:
    """Return how long a push stays known that was seen, if pushes are taken up to an age.

    A timestamp may be that far ahead as well, so that it is taken for twice as long. With 0 pushes
    are taken at any age; no memory lasts for that, and this one lasts two weeks.
    """
    if not push_max_age:
        return _SEEN_MOST_SECONDS
    return max(_SEEN_LEAST_SECONDS, 2 * push_max_age)


class ComponentItems:
    """What the table keeps of the component itself."""

    def __init__(
        self,
        table: Table,
        sealing: Sealing,
        component_appid: str,
        *,
        seen_kept: float = _SEEN_LEAST_SECONDS,
    ) -> None:
        self._seen_kept = seen_kept
        self._table = table
        self._sealing = sealing
        self._component_appid = component_appid

    def add_ticket(self, component_verify_ticket: str, create_time: int, *, now: float) -> bool:
        """Append a ticket and make sure there is a component token to renew with it.

        Returns whether the component token's item was made by this, so that it should be renewed.
        """
        key = ticket_key(self._component_appid, create_time, component_verify_ticket)
        sealed = self._sealing.seal(key, {_TICKET: component_verify_ticket})
        ticket = Put(
            key,
            {
                **sealed,
                "create_time": create_time,
                "received_at": now,
                "delete_after": int(now + _TICKET_KEPT_SECONDS),
            },
            condition=MISSING,
        )
        # A ticket that is pushed again is not younger for that.
        with contextlib.suppress(ConditionFailedError):
            self._table.write(ticket)
        token = component_key(self._component_appid)
        try:
            self._table.write(
                Put(
                    token,
                    {
                        "status": "active",
                        "due_at": now,
                        "due_shard": due_shard(self._component_appid, token.pk),
                    },
                    condition=MISSING,
                )
            )
        except ConditionFailedError:
            return False
        return True

    def newest_tickets(self, limit: int) -> list[Ticket]:
        """Read the newest tickets, newest first; those that cannot be opened are left out.

        Raises:
            SealBrokenError: there are some, but none that can be opened.
        """
        tickets, broken = self._opened(limit, limit)
        if broken is not None and len(tickets) < limit:
            # Whatever stands in front of them, older ones are good for twelve hours as well.
            tickets, broken = self._opened(limit, _TICKETS_READ)
        if broken is not None and not tickets:
            message = f"no ticket can be opened ({broken.message})"
            raise SealBrokenError(message, remedy=_NEXT_TICKET)
        return tickets

    def newest_ticket_at(self) -> float | None:
        """Return when the newest ticket was received, be it that it cannot be opened."""
        found = self._table.newest(f"C#{self._component_appid}", "TICKET#", TICKETS_TRIED)
        times = [item.get("received_at") for item in found]
        return max((float(time) for time in times if isinstance(time, int | float)), default=None)

    def _opened(self, wanted: int, read: int) -> tuple[list[Ticket], SealBrokenError | None]:
        tickets: list[Ticket] = []
        broken = None
        for item in self._table.newest(f"C#{self._component_appid}", "TICKET#", read):
            try:
                ticket = self._open(item)
            except SealBrokenError as error:
                broken = error
                continue
            tickets.append(ticket)
            if len(tickets) == wanted:
                break
        return tickets, broken

    def _open(self, item: Item) -> Ticket:
        create_time, received_at = item.get("create_time"), item.get("received_at")
        place = str(item["sk"])
        if (
            not isinstance(create_time, int)
            or not isinstance(received_at, int | float)
            or not place.startswith(ticket_prefix(create_time))
        ):
            message = f"{_TICKET}: its times are not its own"
            raise SealBrokenError(message)
        opened = self._sealing.open(Key(str(item["pk"]), place), item, _TICKET)
        if opened is None:
            message = f"{_TICKET}: it is not there"
            raise SealBrokenError(message)
        return Ticket(opened, create_time, received_at)

    def note_push(self, verdict: str, *, now: float, info_type: str | None = None) -> None:
        """Write what became of the last push, for whoever wants to know whether pushes arrive."""
        self._note(last_push_key(self._component_appid), verdict, now, info_type)

    def note_message(self, verdict: str, *, now: float, info_type: str | None = None) -> None:
        """Write what became of the last message: one that arrives says nothing of tickets."""
        self._note(last_message_key(self._component_appid), verdict, now, info_type)

    def _note(self, key: Key, verdict: str, now: float, info_type: str | None) -> None:
        kind = "accepted" if verdict == "accepted" else "refused"
        told: dict[str, str | float] = {f"{kind}_at": now, f"{kind}_verdict": verdict}
        if info_type is not None:
            told["info_type"] = info_type
        if info_type == COMPONENT_VERIFY_TICKET:
            told["ticket_at"] = now
        self._table.write(Update(key, set=dict(told)))

    def take_sweep(self, lease_id: str, *, now: float, seconds: float) -> bool:
        """Take the sweep's lease; False: another sweep is running."""
        update = Update(
            sweep_key(self._component_appid),
            condition=any_of(Absent("lease_until"), Compare("lease_until", "<", now)),
            set={"lease_id": lease_id, "lease_until": now + seconds},
        )
        try:
            self._table.write(update)
        except ConditionFailedError as refusal:
            return (refusal.item or {}).get("lease_id") == lease_id
        return True

    def end_sweep(self, lease_id: str) -> None:
        """Give the sweep's lease back."""
        update = Update(
            sweep_key(self._component_appid),
            condition=equals("lease_id", lease_id),
            remove=frozenset({"lease_id", "lease_until"}),
        )
        try:
            self._table.write(update)
        except ConditionFailedError:
            return

    def take_resync(self) -> str | None:
        """Return after whom the next resync goes on, and forget it; None: from the beginning."""
        old = self._table.write(Delete(resync_key(self._component_appid)))
        return None if old is None else text(old.get("after"))

    def leave_resync(self, after: str) -> None:
        """Note after whom the next resync goes on."""
        self._table.write(Put(resync_key(self._component_appid), {"after": after}))

    def was_seen(self, identity_sha256: str, *, now: float) -> bool:
        """Say whether the effect of this push is already there."""
        item = self._table.get(seen_push_key(self._component_appid, identity_sha256))
        return item is not None and not is_past_its_end(item, now)

    def mark_seen(self, identity_sha256: str, *, now: float) -> None:
        """Note, after its effect, that a push was seen."""
        self._table.write(
            Put(
                seen_push_key(self._component_appid, identity_sha256),
                {"delete_after": int(now + self._seen_kept)},
            )
        )
