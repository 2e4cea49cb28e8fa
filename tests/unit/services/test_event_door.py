"""The door of the event URL: who comes in, who is turned away, and what is written of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.house import COMPONENT
from tests.unit.protocol.pushkit import (
    AES_KEYS,
    NONCE,
    TICKET,
    TOKENS,
    document,
    envelope,
    push,
)
from tests.unit.services.kit import NOW
from wxvault.errors import (
    AppidMismatchError,
    BadEnvelopeError,
    BadSignatureError,
    MessageError,
    PushTooOldError,
    RequestTooLargeError,
    TableUnavailableError,
)
from wxvault.protocol.message_crypto import message_signature
from wxvault.protocol.message_keys import MessageKeys
from wxvault.protocol.pushes import Push, Ticket, Unauthorized
from wxvault.services.event_door import EventDoor

STRANGER = "wx00000000000000ff"


def keys(token: str = TOKENS[0], aes_key: str = AES_KEYS[0]) -> MessageKeys:
    """Return keys with one Token and one EncodingAESKey."""
    return MessageKeys(COMPONENT, (token,), (aes_key,))


@dataclass
class Secret:
    """The push secret, which may have been changed since it was read."""

    value: MessageKeys = field(default_factory=keys)
    waiting: list[MessageKeys] = field(default_factory=list)
    asked: int = 0

    def get(self) -> MessageKeys:
        """Return it."""
        return self.value

    def changed(self) -> bool:
        """Read it again."""
        self.asked += 1
        if not self.waiting:
            return False
        self.value = self.waiting.pop(0)
        return True


@dataclass
class Hall:
    """A door with everything around it, each in a list."""

    max_age: float = 3600
    clock: FakeClock = field(default_factory=FakeClock)
    secret: Secret = field(default_factory=Secret)
    taken: list[Push] = field(default_factory=list)
    notes: list[tuple[str, float, str | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Hang the door in."""
        self.door = self.new_environment()

    def new_environment(self) -> EventDoor:
        """Return the door of another environment."""
        return EventDoor(
            COMPONENT, self.secret, self, self.taken.append, self.clock, max_age=self.max_age
        )

    def note_push(self, verdict: str, *, now: float, info_type: str | None = None) -> None:
        """Take a verdict down."""
        self.notes.append((verdict, now, info_type))

    def receive(
        self, sent: tuple[bytes, dict[str, str]] | None = None, door: EventDoor | None = None
    ) -> Push:
        """Receive a push: a good one of now, if no other is given."""
        body, query = ticket(self.clock) if sent is None else sent
        return (door or self.door).receive(body, query)

    def verdicts(self) -> list[str]:
        """Return what was written."""
        return [verdict for verdict, _, _ in self.notes]


def signed(
    plaintext: bytes,
    *,
    timestamp: float | str = NOW,
    token: str = TOKENS[0],
    aes_key: str = AES_KEYS[0],
    appid: str = COMPONENT,
) -> tuple[bytes, dict[str, str]]:
    """Return body and query of an honest push."""
    encrypted = push(plaintext, appid=appid, aes_key=aes_key)
    when = timestamp if isinstance(timestamp, str) else str(int(timestamp))
    signature = message_signature(token, when, NONCE, encrypted)
    query = {"timestamp": when, "nonce": NONCE, "msg_signature": signature}
    return envelope(encrypted, appid), query


def ticket_text(appid: str = COMPONENT) -> bytes:
    """Return the plain text of a ticket."""
    return document(
        AppId=appid,
        CreateTime=int(NOW),
        InfoType="component_verify_ticket",
        ComponentVerifyTicket=TICKET,
    )


def ticket(clock: FakeClock) -> tuple[bytes, dict[str, str]]:
    """Return a good push of now."""
    return signed(ticket_text(), timestamp=clock.now())


def forged() -> tuple[bytes, dict[str, str]]:
    """Return a push that somebody signed with another Token."""
    return signed(ticket_text(), token="guess")


# --- in ------------------------------------------------------------------------------------------


def test_a_good_push_is_taken_and_noted() -> None:
    """It is taken in first, then it is written that pushes arrive."""
    hall = Hall()
    assert hall.receive() == Ticket(COMPONENT, int(NOW), TICKET)
    assert hall.taken == [Ticket(COMPONENT, int(NOW), TICKET)]
    assert hall.notes == [("accepted", NOW, "component_verify_ticket")]


def test_what_is_not_durable_is_not_noted() -> None:
    """When taking it in fails, WeChat is to send it again, and nobody says that it was accepted."""
    hall = Hall()

    def fail(_: Push) -> None:
        raise ConnectionError

    door = EventDoor(COMPONENT, hall.secret, hall, fail, hall.clock, max_age=3600)
    with pytest.raises(ConnectionError):
        hall.receive(door=door)
    assert hall.notes == []


@pytest.mark.parametrize("good", [True, False])
def test_a_verdict_that_cannot_be_noted_changes_no_answer(*, good: bool) -> None:
    """What is durable is a success, and what is forged is refused, whatever the table says then."""
    hall = Hall()

    def down(*_: object, **__: object) -> None:
        raise TableUnavailableError("DynamoDB: InternalServerError")

    hall.note_push = down  # type: ignore[method-assign]
    if good:
        assert hall.receive() == hall.taken[0]
    else:
        with pytest.raises(BadSignatureError):
            hall.receive(forged())


def test_every_kind_of_push_is_named() -> None:
    """The record says which kind it was."""
    hall = Hall()
    text = document(
        AppId=COMPONENT, CreateTime=1, InfoType="unauthorized", AuthorizerAppid=STRANGER
    )
    assert hall.receive(signed(text)) == Unauthorized(COMPONENT, 1, STRANGER)
    assert hall.notes[0][2] == "unauthorized"


def test_every_accepted_push_is_noted() -> None:
    """Only refusals are rare: of what was accepted each is written."""
    hall = Hall()
    for _ in range(3):
        hall.receive()
    assert hall.verdicts() == ["accepted"] * 3


# --- out -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "error", "verdict"),
    [
        (forged(), BadSignatureError, "bad_signature"),
        (signed(ticket_text(), aes_key=AES_KEYS[1]), BadEnvelopeError, "bad_envelope"),
        (signed(ticket_text(STRANGER), appid=STRANGER), AppidMismatchError, "appid_mismatch"),
        (signed(ticket_text(STRANGER)), AppidMismatchError, "appid_mismatch"),
        (signed(b"<xml>"), BadEnvelopeError, "bad_envelope"),
        ((b"rubbish", {}), MessageError, "bad_envelope"),
        ((b"x" * (256 * 1024 + 1), {}), RequestTooLargeError, "request_too_large"),
    ],
    ids=[
        "another Token",
        "another key",
        "another component's envelope",
        "another component inside",
        "no push inside",
        "rubbish",
        "too large",
    ],
)
def test_turned_away(
    sent: tuple[bytes, dict[str, str]], error: type[Exception], verdict: str
) -> None:
    """Nothing of what is refused is taken in, and the reason is written."""
    hall = Hall()
    with pytest.raises(error):
        hall.receive(sent)
    assert hall.taken == []
    assert hall.notes == [(verdict, NOW, None)]


def test_refusals_are_noted_once_in_thirty_seconds() -> None:
    """Anybody can send rubbish: it costs one write in 30 s, and not that of an accepted push."""
    hall = Hall()
    for pause in (0.0, 10.0, 19.9, 0.1):
        hall.clock.time += pause
        with pytest.raises(BadSignatureError):
            hall.receive(forged())
        hall.receive()
    assert [now for verdict, now, _ in hall.notes if verdict != "accepted"] == [NOW, NOW + 30]
    assert hall.verdicts().count("accepted") == 4


def test_each_environment_notes_for_itself() -> None:
    """The pause is kept in memory, so that turning somebody away reads nothing."""
    hall = Hall()
    for door in (hall.new_environment(), hall.new_environment()):
        with pytest.raises(BadSignatureError):
            hall.receive(forged(), door)
    assert hall.verdicts() == ["bad_signature"] * 2


# --- the secret ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [signed(ticket_text(), token=TOKENS[1]), signed(ticket_text(), aes_key=AES_KEYS[1])],
    ids=["Token", "EncodingAESKey"],
)
def test_a_changed_secret_is_tried_once(sent: tuple[bytes, dict[str, str]]) -> None:
    """Somebody just changed Token or key in both places: the push that shows it is taken."""
    hall = Hall()
    hall.secret.waiting = [
        MessageKeys(COMPONENT, TOKENS[:2], AES_KEYS[:2]),
        keys("never", AES_KEYS[2]),
    ]
    hall.receive(sent)
    assert hall.secret.asked == 1
    assert hall.verdicts() == ["accepted"]


def test_a_changed_secret_is_not_tried_twice() -> None:
    """The new one does not fit either: refused, and the secret is not read a second time."""
    hall = Hall()
    hall.secret.waiting = [keys("never", AES_KEYS[2]), keys(TOKENS[1])]
    with pytest.raises(BadSignatureError):
        hall.receive(signed(ticket_text(), token=TOKENS[1]))
    assert hall.secret.asked == 1


def test_an_unchanged_secret_is_the_end() -> None:
    """The secret is as it was: refused with the first reason."""
    hall = Hall()
    with pytest.raises(BadSignatureError):
        hall.receive(forged())
    assert hall.secret.asked == 1


@pytest.mark.parametrize(
    "sent",
    [
        signed(ticket_text(STRANGER), appid=STRANGER),
        signed(ticket_text(STRANGER)),
        signed(ticket_text(), timestamp=NOW - 4000),
        (b"x" * (256 * 1024 + 1), {"msg_signature": "0" * 40}),
    ],
    ids=["for another component", "another component inside", "too old", "too large"],
)
def test_what_no_key_can_help_costs_no_reading(sent: tuple[bytes, dict[str, str]]) -> None:
    """The secret is read again only where it may be the reason."""
    hall = Hall()
    with pytest.raises((MessageError, RequestTooLargeError)):
        hall.receive(sent)
    assert hall.secret.asked == 0


# --- age -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "good"), [(0, True), (3600, True), (3601, False), (-3600, True), (-3601, False)]
)
def test_a_push_has_its_age(age: float, good: bool) -> None:
    """A timestamp further away than an hour, in whichever direction, is refused."""
    hall = Hall()
    sent = signed(ticket_text(), timestamp=NOW - age)
    if good:
        hall.receive(sent)
        return
    with pytest.raises(PushTooOldError):
        hall.receive(sent)
    assert hall.verdicts() == ["push_too_old"]
    assert hall.taken == []


def test_the_age_is_that_of_the_delivery() -> None:
    """WeChat's own CreateTime may be long ago: a late push is a push."""
    hall = Hall()
    text = document(
        AppId=COMPONENT, CreateTime=1, InfoType="unauthorized", AuthorizerAppid=STRANGER
    )
    hall.receive(signed(text))
    assert len(hall.taken) == 1


def test_no_age_limit() -> None:
    """PushMaxAgeSeconds 0 accepts pushes of any age."""
    hall = Hall(max_age=0)
    hall.receive(signed(ticket_text(), timestamp=1))
    assert hall.verdicts() == ["accepted"]


@pytest.mark.parametrize("timestamp", ["", "yesterday", "-1", "1.5", "٣", "9" * 400, "9" * 5000])
def test_a_timestamp_that_is_none(timestamp: str) -> None:
    """Signed or not, what is no time is too old, unless age does not matter."""
    sent = signed(ticket_text(), timestamp=timestamp)
    with pytest.raises(PushTooOldError):
        Hall().receive(sent)
    hall = Hall(max_age=0)
    hall.receive(sent)
    assert hall.verdicts() == ["accepted"]


@pytest.mark.parametrize("missing", ["timestamp", "nonce", "msg_signature"])
def test_an_absent_parameter_is_a_bad_signature(missing: str) -> None:
    """Without one of the three nothing is signed."""
    hall = Hall()
    body, query = ticket(hall.clock)
    del query[missing]
    with pytest.raises(BadSignatureError):
        hall.receive((body, query))
    assert hall.taken == []
