"""Steps of input and output, kinds of faults, and which of them can meet: the matrix that is run.

A step is one request as the use cases know it. A fault happens to one step of one actor.
"""

from __future__ import annotations

from enum import IntEnum, unique
from typing import Final


@unique
class Step(IntEnum):
    """One request to the outside, by its meaning."""

    READ_AUTHORIZER = 1
    READ_COMPONENT = 2
    READ_CODE = 3
    READ_SESSION = 4
    READ_PRE_AUTH = 5
    READ_SEEN = 6
    READ_TICKETS = 7
    READ_DUE = 8
    SCAN = 9
    ACQUIRE = 10
    EXTEND = 11
    COMMIT = 12
    COMMIT_WITH_CODE = 13
    AMEND = 14
    AMEND_WITH_CODE = 15
    COMPONENT_ACQUIRE = 16
    COMPONENT_EXTEND = 17
    COMPONENT_COMMIT = 18
    COMPONENT_AMEND = 19
    RECORD_CODE = 20
    ADD_TO_CODE = 21
    CLAIM = 22
    GIVE_BACK = 23
    POSTPONE = 24
    FAIL_CODE = 25
    CLOSE_CODE = 26
    TICKET = 30
    COMPONENT_MADE = 31
    SESSION = 32
    COUNT_MINT = 33
    PRE_AUTH = 34
    NOTE_IN_SESSION = 35
    PROFILE = 36
    SEEN = 37
    TAKE_SWEEP = 38
    END_SWEEP = 39
    KEEP_EVENT = 40
    OTHER_WRITE = 41
    READ_EVENT = 42
    FORGET_EVENT = 43
    PUT_OFF_EVENT = 44
    COMMIT_TELLING = 45
    AMEND_TELLING = 46
    SEND = 50
    SEND_ALL = 51
    PUT_EVENT = 52
    INVOKE = 53
    SEAL = 54
    OPEN = 55
    APP_SECRET = 56
    CALL_COMPONENT_TOKEN = 60
    CALL_PRE_AUTH_CODE = 61
    CALL_QUERY_AUTH = 62
    CALL_REFRESH = 63
    CALL_AUTHORIZER_INFO = 64
    CALL_AUTHORIZER_LIST = 65

    @property
    def label(self) -> str:
        """Its name as people read it."""
        return self.name.lower().replace("_", " ")


@unique
class Kind(IntEnum):
    """What can happen to a step."""

    CRASH_BEFORE = 1
    """The machine is switched off before the request is sent."""
    CRASH_AFTER = 2
    """The request is carried out; the machine is switched off before anything else."""
    TIMED_OUT = 3
    """The request is carried out, but no answer comes, however often it is repeated."""
    DROPPED = 4
    """The request is never carried out, and no answer comes."""
    LATE = 5
    """The request is carried out after the client stopped waiting for it, at most 13 s after."""
    DUPLICATED = 6
    """The request is carried out twice: the client repeats what was not answered."""
    DELAYED = 7
    """The request is carried out when every lease of that moment has run out."""
    REFUSED = 8
    """The service refuses: throttled, not allowed, out of order."""

    @property
    def label(self) -> str:
        """Its name as people read it."""
        return self.name.lower().replace("_", " ")


READS: Final = frozenset(
    {
        Step.READ_AUTHORIZER,
        Step.READ_COMPONENT,
        Step.READ_CODE,
        Step.READ_SESSION,
        Step.READ_PRE_AUTH,
        Step.READ_SEEN,
        Step.READ_TICKETS,
        Step.READ_DUE,
        Step.READ_EVENT,
        Step.SCAN,
        Step.SEAL,
        Step.OPEN,
        Step.APP_SECRET,
    }
)
CALLS: Final = {
    "component_token": Step.CALL_COMPONENT_TOKEN,
    "pre_auth_code": Step.CALL_PRE_AUTH_CODE,
    "query_auth": Step.CALL_QUERY_AUTH,
    "refresh": Step.CALL_REFRESH,
    "authorizer_info": Step.CALL_AUTHORIZER_INFO,
    "authorizer_list": Step.CALL_AUTHORIZER_LIST,
}
CALL_STEPS: Final = frozenset(CALLS.values())

_UNCHANGED = "a read changes nothing, whenever and however often it is carried out"
_ONCE = "our client sends a call once, and WeChat is assumed to execute it at most once"
_ONE_INVOKE = "the client is set to one attempt"
_NOT_USED = "nothing writes it"

SENSELESS: Final[dict[tuple[Step, Kind], str]] = {
    **{(step, kind): _UNCHANGED for step in READS for kind in (Kind.LATE, Kind.DUPLICATED)},
    **{(step, Kind.DUPLICATED): _ONCE for step in CALL_STEPS},
    (Step.INVOKE, Kind.DUPLICATED): _ONE_INVOKE,
}
"""Cells of the matrix that mean nothing, and why."""

UNUSED: Final = {Step.OTHER_WRITE: _NOT_USED}
"""Steps that nothing comes to, and why; whatever does all the same is counted and shown."""

CELLS: Final = tuple(
    (step, kind)
    for step in Step
    for kind in Kind
    if step not in UNUSED and (step, kind) not in SENSELESS
)
"""What has to be hit."""

KINDS: Final = {
    step: tuple(kind for kind in Kind if (step, kind) not in SENSELESS) for step in Step
}
"""What can happen to each step."""

_DEATHS: Final = frozenset({Kind.CRASH_BEFORE, Kind.CRASH_AFTER, Kind.DELAYED})
_OF_TOKENS: Final = frozenset(
    {
        Step.ACQUIRE,
        Step.EXTEND,
        Step.COMMIT,
        Step.COMMIT_WITH_CODE,
        Step.COMMIT_TELLING,
        Step.AMEND,
        Step.AMEND_WITH_CODE,
        Step.AMEND_TELLING,
        Step.OPEN,
    }
)


def costs_a_renewal(step: Step, kind: Kind, *, asks: bool = True) -> bool:
    """Say whether a fault may be why WeChat is asked once more for the same authorizer.

    Something was issued that nobody has stored: whoever asked for it (``asks``: it is one who may)
    died or came too late, or a write of the tokens, or WeChat's answer, was not heard. What WeChat
    has refused, or was never sent, has issued nothing.
    """
    if step in _OF_TOKENS:
        return True
    if kind in _DEATHS:
        return asks
    return step in CALL_STEPS and kind not in {Kind.REFUSED, Kind.DROPPED}
