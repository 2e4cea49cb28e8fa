"""Mutants of what keeps events until the bus has them."""

# ruff: noqa: E501 -- the source of the services stands here as it is there

from __future__ import annotations

from tests.simulation.mutants.mutant import Edit, Mutant

_ITEMS = "wxvault.vault.token_items"
_EVENTS = "wxvault.services.events"
_RESENDING = "wxvault.services.resending"
_DUE = "wxvault.vault.due_items"

MUTANTS = (
    Mutant(
        "event: beside the transaction",
        "an event is kept by the transaction of what it tells",
        (
            Edit(
                _ITEMS,
                """        writes = [update, *also, *self._unsent.writes(settled.told)]
        if len(writes) > 1:
            self._table.transact(writes)
        else:
            self._table.write(update)
""",
                """        if also:
            self._table.transact([update, *also])
        else:
            self._table.write(update)
        for kept in self._unsent.writes(settled.told):
            self._table.write(kept)
""",
            ),
        ),
        scenes=("killed_when_cancelled",),
    ),
    Mutant(
        "event: not kept at all",
        "an event is kept until the bus has it",
        (
            Edit(
                _ITEMS,
                "*self._unsent.writes(settled.told)]",
                "*self._unsent.writes(())]",
            ),
        ),
        scenes=("killed_when_cancelled", "bus_down_when_cancelled"),
    ),
    Mutant(
        "event: forgotten before it is sent",
        "an event is deleted when the bus has it, and not before",
        (
            Edit(
                _EVENTS,
                "            if not self._bus.put(event.detail_type, event.detail):\n",
                "            self._forget(event)\n            if not self._bus.put(event.detail_type, event.detail):\n",
            ),
        ),
        scenes=("bus_down_when_cancelled",),
    ),
    Mutant(
        "event: forgotten by the sweep before it is sent",
        "the sweep deletes an event when the bus has it, and not before",
        (
            Edit(
                _RESENDING,
                "            if self._bus.put(unsent.event.detail_type, unsent.event.detail):\n",
                "            self._forget(unsent)\n            if self._bus.put(unsent.event.detail_type, unsent.event.detail):\n",
            ),
        ),
        scenes=("bus_down_when_cancelled",),
    ),
    Mutant(
        "event: forgotten though it was refused",
        "an event that the bus refuses stays",
        (
            Edit(
                _EVENTS,
                "                # What follows would find the same bus, and arrive before it.\n                return\n",
                "                pass\n",
            ),
        ),
        scenes=("bus_down_when_cancelled",),
    ),
    Mutant(
        "event: never found again",
        "an unsent event is found in the index of what is due",
        (
            Edit(
                _DUE,
                '                    case "O":\n                        yield Due(due_at, unsent=UnsentKey(name, key.sk))\n',
                "",
            ),
        ),
        scenes=("bus_down_when_cancelled",),
    ),
    Mutant(
        "push: told or lost",
        "what is no transition is kept when the bus does not take it",
        (Edit(_EVENTS, "            self._unsent.keep(event)\n", "            pass\n"),),
        scenes=("bus_down_at_a_push",),
    ),
    Mutant(
        "push: not kept is no success",
        "a push that was neither told nor kept gets no success",
        (
            Edit(
                _EVENTS,
                "            raise EventNotSentError(message) from None\n",
                "            del message\n",
            ),
        ),
        test="tests/unit/services/test_intake.py",
    ),
    Mutant(
        "message: in the clear",
        "what is no transition is kept sealed, or not at all",
        (
            Edit(
                "wxvault.vault.unsent_events",
                "self._table.write(self._put(event, self._sealed(event)))",
                "self._table.write(self._put(event, self._sealed_or_clear(event)))",
            ),
        ),
        test="tests/unit/vault/test_unsent_events.py",
    ),
    Mutant(
        "events: out of order",
        "the sweep sends each authorizer's events in the order of their numbers",
        (
            Edit(
                _RESENDING,
                "    return [by_subject[slot.key.subject].pop(0) for slot in slots]\n",
                "    return slots\n",
            ),
        ),
        test="tests/unit/services/test_resending.py",
    ),
    Mutant(
        "events: a bus that is down",
        "after three refusals in a row the bus is left alone",
        (
            Edit(
                _RESENDING,
                """            times.append(unsent.kept_at)
            if refused == _REFUSALS_BORNE:
                break
""",
                "            times.append(unsent.kept_at)\n",
            ),
        ),
        test="tests/unit/services/test_resending.py",
    ),
)
