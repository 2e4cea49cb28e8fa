"""Taking in what merchants' users send: published once, answered in time, lost never silently.

Source: WeChat's page Third-party_Platforms/2.0/api/Before_Develop/message_push.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal

from wxvault.errors import BadEnvelopeError, BusyError
from wxvault.protocol.appid import is_appid
from wxvault.protocol.message_crypto import seal_message
from wxvault.protocol.messages import QUERY_AUTH_CODE, Message, message_identity, parse_message
from wxvault.protocol.release_test import (
    LONGEST_CODE,
    TEST_ACCOUNTS,
    TEST_USER_NAMES,
    ReleaseAccount,
    text_answer,
)
from wxvault.protocol.replies import SUCCESS, ReplyEnds, passive_reply
from wxvault.services.message_ports import Claim
from wxvault.services.state import Status, TokenChange, TokenState, unchanged

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wxvault.protocol.safe_xml import XmlValue
    from wxvault.services.intake import Jobs
    from wxvault.services.message_ports import Count, SeenMessages, UserNames
    from wxvault.services.push_door import OpenedPush, PushDoor
    from wxvault.services.release_test import ReleaseTest
    from wxvault.services.responding import Responding
    from wxvault.services.tools import Tools

LARGEST_MESSAGE: Final = 192 * 1024
"""Bytes of the fields as JSON. An entry of the bus may have 256 KB, with all that is around it."""

_POLL_SECONDS: Final = 0.2
_WAIT_SECONDS: Final = 3.0
_ODD_SECONDS: Final = 60.0
# What says which message it was, and nothing of what is in it.
_PLAIN_FIELDS: Final = ("ToUserName", "FromUserName", "CreateTime", "MsgType", "Event", "MsgId")
_NO_CODE: Final = (
    f"what a test account sends behind {QUERY_AUTH_CODE} is empty, has more than {LONGEST_CODE} "
    "characters, or one that no code has"
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answered:
    """What WeChat is told: ``success``, nothing at all, or a reply, encrypted."""

    body: bytes
    is_reply: bool = False
    is_json: bool = False
    """In which of the two formats a reply is: the message's."""


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whom a message is for: the account of its path, if that is true."""

    authorizer_appid: str
    state: TokenState | None
    account: ReleaseAccount | None = None
    """WeChat's test account, if path and ToUserName both name it."""
    is_test: bool = False
    """Whether one of the two names a test account, whose messages are nobody's business."""
    elsewhere: bool = False
    """ToUserName is not what the account of the path is called."""

    @property
    def tenant_id(self) -> str | None:
        """Whose merchant it is, if anybody knows."""
        return None if self.state is None else self.state.tenant_id


class Messages:
    """Takes messages in. Every one may come twice, late, and to several environments at once."""

    def __init__(  # noqa: PLR0913, PLR0917 -- adapters, each named
        self,
        tools: Tools,
        door: PushDoor,
        seen: SeenMessages,
        user_names: UserNames,
        renew_jobs: Jobs,
        release_test: ReleaseTest,
        responding: Responding,
        random_bytes: Callable[[int], bytes],
        count: Count,
    ) -> None:
        self._tools = tools
        self._door = door
        self._seen = seen
        self._user_names = user_names
        self._renew_jobs = renew_jobs
        self._release_test = release_test
        self._responding = responding
        self._random_bytes = random_bytes
        self._tally = Tally(count)

    def receive(
        self,
        authorizer_appid: str,
        body: bytes,
        query: Mapping[str, str],
        *,
        received_at: float | None = None,
    ) -> Answered:
        """Open a message, publish it, and return what WeChat is answered; then it is durable.

        ``authorizer_appid`` is what stands in the path, ``received_at`` when the request came in.

        Raises:
            MessageError, RequestTooLargeError: it was refused, and nothing of it was believed.
            BusyError, EventNotSentError, SealingKeyError, TableUnavailableError: it could not be
                kept; WeChat sends it again.
        """
        push = self._door.open(body, query)
        now = self._tools.clock.now()
        message = self._read(authorizer_appid, push)
        if message is None:
            return Answered(SUCCESS)
        to = self._addressee(authorizer_appid, message)
        identity = message_identity(authorizer_appid, message)
        first = self._take_once(identity, lambda: self._take(to, message, identity))
        if first:
            self._door.accept(message.event or message.msg_type)
        if to.account is not None:
            return self._answer_test(message, push, query)
        if not first or not is_held(to.state) or to.elsewhere or message.holds_code:
            return Answered(SUCCESS)
        if received_at is None or abs(now - received_at) > _ODD_SECONDS:
            received_at = now
        reply = self._responding.reply(
            authorizer_appid,
            to.tenant_id,
            message,
            received_at=received_at,
            as_json=push.opened.is_json,
        )
        return Answered(SUCCESS) if reply is None else self._sealed(reply, push, query)

    # --- reading ---------------------------------------------------------------------------------

    def _read(self, authorizer_appid: str, push: OpenedPush) -> Message | None:
        """Return the message; None: it cannot be read, and would not get better by repetition."""
        if not is_appid(authorizer_appid):
            # Only WeChat can have sent it, so the address in its console is wrong.
            problem = "the path has no appid: 消息与事件接收URL must hold $APPID$ as it stands"
            self._tally.unreadable("", problem)
            return None
        try:
            message = parse_message(push.opened.plaintext)
        except BadEnvelopeError as error:
            self._tally.unreadable(authorizer_appid, error.message)
            return None
        if "InfoType" in message.fields:
            # Tickets and codes are for the table: published, they would be everybody's.
            problem = "it is a push for 授权事件接收URL, which must be another address"
            self._tally.unreadable(authorizer_appid, problem)
            return None
        return message

    def _addressee(self, authorizer_appid: str, message: Message) -> Addressee:
        """Find out whom a message is for.

        The path is not signed, ToUserName is: where it is known what the account of the path is
        called, both must name the same one.
        """
        state, name = self._tools.tokens.get(authorizer_appid), message.to_user_name
        account = TEST_ACCOUNTS.get(authorizer_appid)
        if account is not None:
            if name == account.user_name:
                return Addressee(authorizer_appid, state, account, is_test=True)
            return Addressee(authorizer_appid, state, is_test=True, elsewhere=True)
        if name in TEST_USER_NAMES:
            return Addressee(authorizer_appid, state, is_test=True, elsewhere=True)
        known = self._user_names.user_name(authorizer_appid) if state is not None and name else ""
        return Addressee(authorizer_appid, state, elsewhere=known not in {"", name})

    # --- publishing ------------------------------------------------------------------------------

    def _take_once(self, identity: str, effect: Callable[[], None]) -> bool:
        """Have the effect come to be, unless it is there; False: it was there already.

        Raises:
            BusyError: somebody else was at it for too long; WeChat sends the message again.
        """
        tools = self._tools
        claim_id = tools.new_id()
        deadline = tools.clock.now() + _WAIT_SECONDS
        while True:
            claim = self._seen.claim(identity, claim_id, now=tools.clock.now())
            if claim is Claim.SEEN:
                return False
            if claim is Claim.OURS:
                break
            if tools.clock.now() >= deadline:
                message = "the same message is being taken by somebody else"
                raise BusyError(message)
            tools.clock.sleep(_POLL_SECONDS)
        try:
            effect()
        except Exception:
            self._give_back(identity, claim_id)
            raise
        # Seen only after its effect: a crash in between repeats it, with the same event_id.
        self._seen.mark_seen(identity, now=tools.clock.now())
        return True

    def _give_back(self, identity: str, claim_id: str) -> None:
        try:
            self._seen.give_back(identity, claim_id)
        except Exception as error:  # noqa: BLE001 -- the claim ends by itself in a few seconds
            _log.warning("claim not given back", extra={"problem": type(error).__name__})

    def _take(self, to: Addressee, message: Message, identity: str) -> None:
        if to.account is not None and not self._release_test.keep_code(to.account, message):
            self._tally.unreadable(to.authorizer_appid, _NO_CODE)
        if to.elsewhere:
            self._tally.addressed_elsewhere(to.authorizer_appid)
        if not (to.is_test or is_held(to.state)):
            self._tally.unknown_authorizer(to.authorizer_appid)
            self._nominate(to)
        told = to_be_told(message, is_test=to.is_test)
        bus_works = self._tools.events.announce(
            "message.received",
            identity,
            {
                "authorizer_appid": to.authorizer_appid,
                "tenant_id": to.tenant_id,
                "create_time": message.create_time,
                "msg_type": message.msg_type,
                "event": message.event or None,
                "message": told.fields,
                "withheld": told.withheld,
                "omitted": told.omitted,
                "addressed_elsewhere": to.elsewhere,
            },
        )
        if to.account is not None:
            self._release_test.tell(to.account, message, identity, bus_works=bus_works)

    def _nominate(self, to: Addressee) -> None:
        """A merchant that is not held here sends messages: have WeChat say whether it is ours.

        Once: what WeChat has answered, or will, stands in the table.
        """
        if to.state is not None:
            return
        authorizer_appid, now = to.authorizer_appid, self._tools.clock.now()
        settled = self._tools.tokens.amend(authorizer_appid, lambda state: nominated(state, now))
        if settled is None:
            return
        self._tools.events.tell(settled)
        try:
            self._renew_jobs.send({"job": "authorizer", "authorizer_appid": authorizer_appid})
        except Exception as error:  # noqa: BLE001 -- it is due in the table: the sweep finds it
            _log.warning("job not sent", extra={"problem": type(error).__name__})

    # --- answering -------------------------------------------------------------------------------

    def _answer_test(
        self, message: Message, push: OpenedPush, query: Mapping[str, str]
    ) -> Answered:
        if message.holds_code:
            # WeChat wants an empty answer here; what follows comes by the queue.
            return Answered(b"")
        answer = text_answer(message)
        if answer is None or not message.from_user_name:
            return Answered(SUCCESS)
        now = int(self._tools.clock.now())
        ends = ReplyEnds(message.from_user_name, message.to_user_name, now)
        reply = {"type": "text", "content": answer}
        text = passive_reply(reply, ends, as_json=push.opened.is_json)
        return self._sealed(text, push, query)

    def _sealed(self, reply: bytes, push: OpenedPush, query: Mapping[str, str]) -> Answered:
        """Encrypt a reply with the Token and key that opened the message."""
        body = seal_message(
            push.keys,
            reply,
            timestamp=str(int(self._tools.clock.now())),
            nonce=query.get("nonce", ""),
            random16=self._random_bytes(16),
            opened=push.opened,
        )
        return Answered(body, is_reply=True, is_json=push.opened.is_json)


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts and logs what is odd about messages, so that nothing is lost silently."""

    count: Count

    def unreadable(self, authorizer_appid: str, problem: str) -> None:
        """Say that a message was opened and cannot be read."""
        self.count("MessageUnreadable")
        about = {"authorizer_appid": authorizer_appid, "problem": problem}
        _log.warning("message unreadable", extra=about)

    def addressed_elsewhere(self, authorizer_appid: str) -> None:
        """Say that a message is for another account than its path."""
        self.count("MessageAddressedElsewhere")
        about = {"authorizer_appid": authorizer_appid}
        _log.warning("message is addressed to another account than its path says", extra=about)

    def unknown_authorizer(self, authorizer_appid: str) -> None:
        """Say that a message is for a merchant that is not held here."""
        self.count("MessageUnknownAuthorizer")
        about = {"authorizer_appid": authorizer_appid}
        _log.warning("message for an unknown authorizer", extra=about)


def is_held(state: TokenState | None) -> bool:
    """Say whether a merchant is held here, or about to be.

    Nominated, it is only asked about; revoked, it is gone, or WeChat has said that it is not ours.
    Either may just have been granted anew, by a push.
    """
    if state is None:
        return False
    if state.status not in {Status.PENDING, Status.REVOKED}:
        return True
    granted = (state.authorized_at or 0) > (state.unauthorized_at or 0)
    return granted and (state.status is Status.PENDING or state.verifying)


def nominated(state: TokenState | None, now: float) -> TokenChange | None:
    """Have WeChat asked about an authorizer of whom nothing is known; None: something is."""
    if state is not None:
        return None
    return replace(unchanged(TokenState(None, Status.PENDING)), verifying=True, due_at=now)


@dataclass(frozen=True, slots=True)
class Told:
    """What subscribers are told of a message, and why it is not all."""

    fields: Mapping[str, XmlValue] = field(repr=False)
    withheld: Literal["secret", "too_large"] | None = None
    """``secret``: WeChat's test accounts and codes are nobody's business. ``too_large``: the bus
    takes no more than 256 KB.
    """
    omitted: Sequence[str] = ()
    """Names of the fields that were too large."""


def to_be_told(message: Message, *, is_test: bool) -> Told:
    """Return what may be told of a message, and fits."""
    fields: Mapping[str, XmlValue] = message.fields
    withheld: Literal["secret", "too_large"] | None = None
    if is_test or message.holds_code:
        fields = {name: fields[name] for name in _PLAIN_FIELDS if name in fields}
        withheld = "secret"
    size = {name: _size(name, value) for name, value in fields.items()}
    omitted: list[str] = []
    while sum(size.values()) > LARGEST_MESSAGE:
        largest = max(size, key=lambda name: size[name])
        omitted.append(largest[:128])
        del size[largest]
    return Told(
        {name: fields[name] for name in size},
        withheld or ("too_large" if omitted else None),
        omitted[:100],
    )


def _size(name: str, value: XmlValue) -> int:
    return len(json.dumps({name: value}, ensure_ascii=False).encode())
