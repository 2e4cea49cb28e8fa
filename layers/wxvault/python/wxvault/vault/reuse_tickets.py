"""REUSE items: an official account's ticket for a registration, sealed, used once.

received → claimed → done or failed. A claim that has run out is never taken again: whoever held it
may have registered a mini program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wxvault.services.numbers import CODE_DUE_SECONDS, LEASE_SECONDS
from wxvault.services.registration_state import ReuseTicket, TicketStatus
from wxvault.vault.attributes import number, text, whole
from wxvault.vault.expressions import (
    MISSING,
    Compare,
    ConditionFailedError,
    Item,
    Put,
    Update,
    Value,
    all_of,
    any_of,
    equals,
    is_past_its_end,
)
from wxvault.vault.keys import due_shard, fingerprint, reuse_ticket_key
from wxvault.vault.sealing import SEALED_KEY, Compartment

if TYPE_CHECKING:
    from wxvault.clock import Clock
    from wxvault.vault.expressions import Key
    from wxvault.vault.sealing import Sealing
    from wxvault.vault.table import Table

_KEPT_SECONDS = 7 * 24 * 3600
_TICKET = "ticket"
_DUE = frozenset({"due_at", "due_shard"})


class ReuseTickets:
    """The tickets of one component's official accounts."""

    def __init__(self, table: Table, sealing: Sealing, component_appid: str, clock: Clock) -> None:
        self._table = table
        self._sealing = sealing
        self._component_appid = component_appid
        self._clock = clock

    def get(self, ticket_sha256: str) -> ReuseTicket | None:
        """Read a ticket, strongly consistent; one that is past its end is not there."""
        item = self._table.get(self._key(ticket_sha256))
        if item is None or is_past_its_end(item, self._clock.now()):
            return None
        return _read(ticket_sha256, item)

    def record(self, ticket: str, session_sha256: str, *, now: float) -> tuple[ReuseTicket, bool]:
        """Write a ticket down before anything else is done; returns it, and whether it is news.

        A ticket that is known stays with the session that brought it first.
        """
        ticket_sha256 = fingerprint(ticket)
        key = self._key(ticket_sha256)
        fresh: dict[str, Value] = {
            "status": str(TicketStatus.RECEIVED),
            "session_sha256": session_sha256,
            **self._due(ticket_sha256, now + CODE_DUE_SECONDS),
            "delete_after": int(now + _KEPT_SECONDS),
        }
        fresh |= self._sealing.seal(key, {_TICKET: ticket})
        try:
            new = any_of(MISSING, Compare("delete_after", "<=", now))
            self._table.write(Put(key, fresh, condition=new))
        except ConditionFailedError as refusal:
            known = refusal.item or {}
            # Our own write, repeated by the client: no two seals are alike.
            return _read(ticket_sha256, known), known.get(_TICKET) == fresh[_TICKET]
        return _read(ticket_sha256, fresh), True

    def open(self, ticket: ReuseTicket) -> str | None:
        """Open the ticket itself; None once it is done or failed.

        Raises:
            SealBrokenError, SealingKeyError: it cannot be opened.
        """
        item: Item = ticket.item  # type: ignore[assignment]  # it is the item the table gave
        return self._sealing.open(self._key(ticket.ticket_sha256), item, _TICKET)

    def claim(self, ticket_sha256: str, claim_id: str, *, now: float) -> bool:
        """Claim a ticket for its one call; False: somebody else has it, had it, or it is over.

        Raises:
            SealingKeyError: what WeChat would answer could not be sealed.
        """
        self._sealing.prepare(Compartment.ARRIVALS)
        update = Update(
            self._key(ticket_sha256),
            condition=equals("status", TicketStatus.RECEIVED),
            set={
                "status": str(TicketStatus.CLAIMED),
                "claim_id": claim_id,
                "claim_until": now + LEASE_SECONDS,
                **self._due(ticket_sha256, now + LEASE_SECONDS + 1),
            },
        )
        try:
            self._table.write(update)
        except ConditionFailedError as refusal:
            return (refusal.item or {}).get("claim_id") == claim_id
        return True

    def give_back(self, ticket: ReuseTicket, claim_id: str, *, due_at: float) -> None:
        """Let a claim go under which WeChat has registered nothing, to be taken again later."""
        self._change(
            ticket.ticket_sha256,
            claim_id,
            {
                "status": str(TicketStatus.RECEIVED),
                "returns": ticket.returns + 1,
                **self._due(ticket.ticket_sha256, due_at),
            },
            frozenset({"claim_id", "claim_until"}),
        )

    def end(self, ticket: ReuseTicket, claim_id: str | None, status: TicketStatus) -> None:
        """Bring a ticket to its end; nothing if somebody else has it. It does not stay."""
        gone = frozenset({"claim_until", _TICKET, SEALED_KEY}) | _DUE
        self._change(ticket.ticket_sha256, claim_id, {"status": str(status)}, gone)

    def _change(
        self,
        ticket_sha256: str,
        claim_id: str | None,
        told: dict[str, Value],
        gone: frozenset[str],
    ) -> None:
        before = TicketStatus.RECEIVED if claim_id is None else TicketStatus.CLAIMED
        update = Update(
            self._key(ticket_sha256),
            condition=all_of(equals("status", before), equals("claim_id", claim_id)),
            set=told,
            remove=gone,
        )
        try:
            self._table.write(update)
        except ConditionFailedError:
            return

    def _due(self, ticket_sha256: str, due_at: float) -> dict[str, Value]:
        shard = due_shard(self._component_appid, self._key(ticket_sha256).pk)
        return {"due_at": due_at, "due_shard": shard}

    def _key(self, ticket_sha256: str) -> Key:
        return reuse_ticket_key(self._component_appid, ticket_sha256)


def _read(ticket_sha256: str, item: Item) -> ReuseTicket:
    return ReuseTicket(
        ticket_sha256=ticket_sha256,
        status=TicketStatus(text(item.get("status")) or TicketStatus.FAILED),
        session_sha256=text(item.get("session_sha256")) or "",
        claim_id=text(item.get("claim_id")),
        claim_until=number(item.get("claim_until")),
        due_at=number(item.get("due_at")),
        returns=whole(item.get("returns")) or 0,
        item=item,
    )
