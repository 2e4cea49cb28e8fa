"""Pushes to the component's event URL, as typed values.

Field names are WeChat's, in snake case. ``component_appid`` is the AppId inside the encrypted text.
Pages: Third-party_Platforms/2.0/api/Before_Develop/component_verify_ticket and authorize_event;
openApi/register-management/fast-registration-ent.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from wxvault.errors import AppidMismatchError, BadEnvelopeError
from wxvault.protocol.appid import is_appid
from wxvault.protocol.safe_xml import XmlValue, read_document, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

STAGE: Final = "push"
"""The ``stage`` of every BadEnvelopeError raised here."""

REMEDY: Final = (
    "The push was signed and encrypted for this platform but has a form this version does not "
    "know. Look for a newer version, or report the named field."
)

AUTHORIZED: Final = "authorized"
UPDATE_AUTHORIZED: Final = "updateauthorized"
UNAUTHORIZED: Final = "unauthorized"
COMPONENT_VERIFY_TICKET: Final = "component_verify_ticket"
FAST_REGISTRATIONS: Final = frozenset(
    {
        "notify_third_fasteregister",  # spelt like this by WeChat
        "notify_third_fastregisterbetaapp",
        "notify_third_fastverifybetaapp",
    }
)


@dataclass(frozen=True, slots=True)
class Ticket:
    """``component_verify_ticket``: pushed every ten minutes, valid for twelve hours."""

    component_appid: str
    create_time: int
    component_verify_ticket: str = field(repr=False)

    @property
    def info_type(self) -> str:
        """WeChat's name of this kind of push."""
        return COMPONENT_VERIFY_TICKET


@dataclass(frozen=True, slots=True)
class Authorized:
    """``authorized``, or ``updateauthorized`` when ``update`` is set.

    ``authorization_code_expired_time`` is unix time in seconds. ``pre_auth_code`` is the code of
    the link that was used, and absent for authorisations that came from no link.
    """

    component_appid: str
    create_time: int
    authorizer_appid: str
    authorization_code: str = field(repr=False)
    authorization_code_expired_time: int | None
    pre_auth_code: str | None = field(repr=False)
    update: bool

    @property
    def info_type(self) -> str:
        """WeChat's name of this kind of push."""
        return UPDATE_AUTHORIZED if self.update else AUTHORIZED


@dataclass(frozen=True, slots=True)
class Unauthorized:
    """``unauthorized``: the merchant has cancelled."""

    component_appid: str
    create_time: int
    authorizer_appid: str

    @property
    def info_type(self) -> str:
        """WeChat's name of this kind of push."""
        return UNAUTHORIZED


@dataclass(frozen=True, slots=True)
class FastRegistration:
    """The result of a fast registration; ``info_type`` says of which kind.

    ``status`` 0 is success: then ``appid`` is the new mini program's, and ``auth_code``, if any, is
    exchanged like an authorization code. Other values are failures. ``info`` echoes the
    application, with names and telephone numbers of persons.
    """

    component_appid: str
    create_time: int
    info_type: str
    appid: str | None
    status: int
    auth_code: str | None = field(repr=False)
    msg: str
    info: Mapping[str, XmlValue] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unknown:
    """Any other push. ``fields`` holds all of it under WeChat's own names, secrets included."""

    component_appid: str
    create_time: int
    info_type: str
    fields: Mapping[str, XmlValue] = field(repr=False)


type Push = Ticket | Authorized | Unauthorized | FastRegistration | Unknown


def parse_push(plaintext: bytes) -> Push:
    """Parse the decrypted text of a push to the event URL.

    Raises BadEnvelopeError with stage ``push``; its message names the field that is missing,
    repeated or malformed and never quotes a value. Whether the push is for this component is asked
    with ``require_component``.
    """
    fields = _Fields(read_document(plaintext, stage=STAGE, remedy=REMEDY))
    info_type = fields.info_type()
    component_appid = fields.appid("AppId")
    create_time = fields.seconds("CreateTime")
    if info_type == COMPONENT_VERIFY_TICKET:
        return Ticket(component_appid, create_time, fields.secret("ComponentVerifyTicket"))
    if info_type in (AUTHORIZED, UPDATE_AUTHORIZED):
        return Authorized(
            component_appid=component_appid,
            create_time=create_time,
            authorizer_appid=fields.appid("AuthorizerAppid"),
            authorization_code=fields.secret("AuthorizationCode"),
            authorization_code_expired_time=fields.optional_seconds("AuthorizationCodeExpiredTime"),
            pre_auth_code=fields.optional_secret("PreAuthCode"),
            update=info_type == UPDATE_AUTHORIZED,
        )
    if info_type == UNAUTHORIZED:
        return Unauthorized(component_appid, create_time, fields.appid("AuthorizerAppid"))
    if info_type in FAST_REGISTRATIONS:
        return _fast_registration(component_appid, create_time, info_type, fields)
    return Unknown(component_appid, create_time, info_type, fields.all)


def require_component(push: Push, component_appid: str) -> None:
    """Raise AppidMismatchError when ``push`` is for another component than ``component_appid``."""
    if push.component_appid != component_appid:
        message = f"the push is for {push.component_appid}, this is {component_appid}"
        raise AppidMismatchError(message)


def push_identity(push: Push) -> str:
    """Return 64 hexadecimal digits that are equal for two deliveries of the same push only.

    Authorising pushes are known by InfoType, AuthorizerAppid, CreateTime and code. WeChat gives the
    other kinds nothing of that sort, so all of their content counts: two results within one second
    must not pass for one.
    """
    match push:
        case Ticket():
            parts: list[object] = ["", push.component_verify_ticket]
        case Authorized():
            parts = [push.authorizer_appid, push.authorization_code]
        case Unauthorized():
            parts = [push.authorizer_appid, ""]
        case FastRegistration():
            parts = [push.appid, push.auth_code, push.status, push.msg, push.info]
        case Unknown():
            parts = ["", "", push.fields]
    identity = [push.component_appid, push.info_type, push.create_time, *parts]
    # JSON keeps the parts apart: no two lists have the same text.
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode("ascii")).hexdigest()


def _fast_registration(
    component_appid: str, create_time: int, info_type: str, fields: _Fields
) -> FastRegistration:
    status = fields.status("status")
    appid = fields.optional("appid")
    if status == 0:
        appid = fields.appid("appid")
    elif not is_appid(appid):
        appid = None  # a failure names no account that could be used
    return FastRegistration(
        component_appid=component_appid,
        create_time=create_time,
        info_type=info_type,
        appid=appid,
        status=status,
        auth_code=fields.optional_secret("auth_code"),
        msg=fields.optional("msg") or "",
        info=fields.group("info"),
    )


# Ten digits last until the year 2286; thirteen would be milliseconds, which nothing here expects.
_SECONDS: Final = re.compile(r"[0-9]{1,10}", re.ASCII)
_STATUS: Final = re.compile(r"-?[0-9]{1,10}", re.ASCII)
# It goes into the log, the table and events, twice over. WeChat's longest have 33 letters.
_INFO_TYPE: Final = re.compile(r"[!-~]{1,128}", re.ASCII)
_SECRET: Final = re.compile(r"[!-~]{1,1024}", re.ASCII)


class _Fields:
    """Reads fields of a push; every refusal names the field."""

    __slots__ = ("all",)

    def __init__(self, fields: dict[str, XmlValue]) -> None:
        self.all = fields

    def optional(self, name: str) -> str | None:
        return text_of(self.all, name, stage=STAGE, remedy=REMEDY) or None

    def required(self, name: str) -> str:
        value = self.optional(name)
        if value is None:
            raise BadEnvelopeError(STAGE, f"{name} is missing", remedy=REMEDY)
        return value

    def appid(self, name: str) -> str:
        value = self.required(name)
        if not is_appid(value):
            raise BadEnvelopeError(STAGE, f"{name} is not an appid", remedy=REMEDY)
        return value

    def info_type(self) -> str:
        value = self.required("InfoType")
        if _INFO_TYPE.fullmatch(value) is None:
            problem = "InfoType is not 1 to 128 characters of printable ASCII"
            raise BadEnvelopeError(STAGE, problem, remedy=REMEDY)
        return value

    def seconds(self, name: str) -> int:
        return self._integer(name, self.required(name), _SECONDS, "unix time in seconds")

    def optional_seconds(self, name: str) -> int | None:
        return None if self.optional(name) is None else self.seconds(name)

    def status(self, name: str) -> int:
        return self._integer(name, self.required(name), _STATUS, "an integer")

    def secret(self, name: str) -> str:
        value = self.required(name)
        if _SECRET.fullmatch(value) is None:
            raise BadEnvelopeError(
                STAGE, f"{name} is not 1 to 1024 characters of printable ASCII", remedy=REMEDY
            )
        return value

    def optional_secret(self, name: str) -> str | None:
        return None if self.optional(name) is None else self.secret(name)

    def group(self, name: str) -> dict[str, XmlValue]:
        value = self.all.get(name)
        if isinstance(value, dict):
            return value
        self.optional(name)  # a repeated one is refused; an empty one, or text, is an empty group
        return {}

    @staticmethod
    def _integer(name: str, value: str, shape: re.Pattern[str], kind: str) -> int:
        if shape.fullmatch(value) is None:
            raise BadEnvelopeError(STAGE, f"{name} is not {kind}", remedy=REMEDY)
        return int(value)
