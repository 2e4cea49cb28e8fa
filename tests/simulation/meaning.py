"""What a request to the table means: the step that it is, told by its key and what it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.faults import Step
from wxvault.vault.expressions import Put, Update

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wxvault.vault.expressions import Key, Write

_READS = {
    "CODE": Step.READ_CODE,
    "SESSION": Step.READ_SESSION,
    "PREAUTH": Step.READ_PRE_AUTH,
    "SEEN": Step.READ_SEEN,
}
_WRITES = {
    "PREAUTH": Step.PRE_AUTH,
    "PROFILE": Step.PROFILE,
    "SEEN": Step.SEEN,
}


def read_step(key: Key) -> Step:
    """Tell what is read."""
    if key.sk == "TOKEN":
        return Step.READ_COMPONENT if key.pk[0] == "C" else Step.READ_AUTHORIZER
    if key.pk[0] == "O":
        return Step.READ_EVENT
    return _READS.get(key.sk, Step.OTHER_WRITE)


def write_step(write: Write) -> Step:
    """Tell what is written."""
    key = write.key
    tell = _BY_KIND.get(key.sk)
    if tell is not None:
        return tell(write)
    if key.sk.startswith("TICKET#"):
        return Step.TICKET
    return _event_step(write) if key.pk[0] == "O" else _WRITES.get(key.sk, Step.OTHER_WRITE)


def transaction_step(writes: Sequence[Write]) -> Step:
    """Tell what is written at once: tokens, the code that they came for, and what is told."""
    step = write_step(writes[0])
    if any(write.key.sk == "CODE" for write in writes[1:]):
        return Step.COMMIT_WITH_CODE if step is Step.COMMIT else Step.AMEND_WITH_CODE
    return _TELLING.get(step, step)


_TELLING = {Step.COMMIT: Step.COMMIT_TELLING, Step.AMEND: Step.AMEND_TELLING}


def _event_step(write: Write) -> Step:
    match write:
        case Put():
            return Step.KEEP_EVENT
        case Update():
            return Step.PUT_OFF_EVENT
        case _:
            return Step.FORGET_EVENT


def _token_step(write: Write) -> Step:
    component = write.key.pk[0] == "C"
    if not isinstance(write, Update):
        return Step.COMPONENT_MADE if component else Step.OTHER_WRITE
    if "unresolved_since" in write.set_if_absent:
        return Step.COMPONENT_ACQUIRE if component else Step.ACQUIRE
    if "settled_lease" in write.set:
        return Step.COMPONENT_COMMIT if component else Step.COMMIT
    if len(write.set) == 1 and "lease_until" in write.set:
        return Step.COMPONENT_EXTEND if component else Step.EXTEND
    return Step.COMPONENT_AMEND if component else Step.AMEND


def _code_step(write: Write) -> Step:
    if not isinstance(write, Update):
        return Step.RECORD_CODE
    match write.set.get("status"):
        case "claimed":
            return Step.CLAIM
        case "received":
            return Step.GIVE_BACK
        case "failed":
            return Step.FAIL_CODE
        case _ if "due_at" in write.remove:
            return Step.CLOSE_CODE
        case _:
            return Step.ADD_TO_CODE if write.set_if_absent else Step.POSTPONE


def _session_step(write: Write) -> Step:
    if isinstance(write, Put):
        return Step.SESSION
    counted = isinstance(write, Update) and "codes_minted" in write.add
    return Step.COUNT_MINT if counted else Step.NOTE_IN_SESSION


def _sweep_step(write: Write) -> Step:
    taken = isinstance(write, Update) and "lease_id" in write.set
    return Step.TAKE_SWEEP if taken else Step.END_SWEEP


_BY_KIND = {
    "TOKEN": _token_step,
    "CODE": _code_step,
    "SESSION": _session_step,
    "SWEEP": _sweep_step,
}
