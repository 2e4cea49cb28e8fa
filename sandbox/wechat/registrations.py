"""What this WeChat remembers of registrations: applications that are under way, and tickets."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from sandbox.wechat.return_codes import WeChatError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sandbox.wechat.ledger import SecretLedger
    from sandbox.wechat.values import Minter

Kind = Literal["enterprise", "personal", "trial"]
DAY: Final = 86_400
_A_DAY: Final = 5
_TRIAL_NAME: Final = range(4, 31)
_CODES: Final = {
    1: re.compile(r"[0-9A-Z]{18}"),
    2: re.compile(r"[0-9A-Z]{8}-[0-9A-Z]"),
    3: re.compile(r"[0-9A-Z]{15}"),
}
_WECHAT_ID: Final = re.compile(r"[A-Za-z0-9_-]{2,64}")

# How a person's task stands, by WeChat's numbers.
MADE, LAPSED, REFUSED, CREATED = 0, 1, 2, 12


@dataclass(slots=True)
class Application:
    """One application. ``fields`` is what the platform sent, data of persons."""

    task_id: str
    kind: Kind
    fields: Mapping[str, Any] = field(repr=False)
    created_at: float
    create_token: str = field(default="", repr=False)
    task_status: int = MADE

    @property
    def is_open(self) -> bool:
        """Nobody has confirmed or refused it."""
        return self.task_status == MADE

    def info(self) -> dict[str, Any]:
        """Return what its result repeats."""
        if self.kind == "trial":
            return {"unique_id": self.create_token, "name": self.fields["name"]}
        return dict(self.fields)


@dataclass(slots=True)
class ReuseTicket:
    """The ticket an official account's administrator has confirmed; good for one call."""

    value: str = field(repr=False)
    official_account: str
    copy_wx_verify: bool
    used: bool = False


class RegistrationBook:
    """Applications and tickets. The caller holds the lock."""

    def __init__(self, minter: Minter, ledger: SecretLedger) -> None:
        self._minter = minter
        self._ledger = ledger
        self._applications: dict[str, Application] = {}
        self._tickets: dict[str, ReuseTicket] = {}
        self._names: dict[str, str] = {}

    def all(self) -> list[Application]:
        """Return every application, oldest first."""
        return list(self._applications.values())

    def get(self, task_id: str) -> Application | None:
        """Return the application with this task id or token."""
        return next(
            (one for one in self.all() if task_id and task_id in {one.task_id, one.create_token}),
            None,
        )

    def enterprise(self, fields: Mapping[str, Any], now: float) -> Application:
        """Apply for an enterprise. Raises 89253, 89248, 89255, 86004, 61070, 89249, 91030."""
        kept = _texts(
            fields,
            ("name", "code", "legal_persona_wechat", "legal_persona_name"),
            ("component_phone",),
        )
        code_type = fields.get("code_type")
        if isinstance(code_type, bool) or not isinstance(code_type, int):
            raise WeChatError(89253)
        if code_type not in _CODES:
            raise WeChatError(89248)
        if not _CODES[code_type].fullmatch(kept["code"]):
            raise WeChatError(89255)
        self._check_person(kept["legal_persona_wechat"], kept["legal_persona_name"])
        kept = {
            "name": kept.pop("name"),
            "code": kept.pop("code"),
            "code_type": code_type,
            **kept,
        }
        return self._apply("enterprise", kept, kept["legal_persona_wechat"], now)

    def search(self, fields: Mapping[str, Any], now: float) -> None:
        """Look an enterprise's application up. Raises 89253, 89250 (unknown), 89251 (waits)."""
        names = ("name", "legal_persona_wechat", "legal_persona_name")
        asked = _texts(fields, names)
        found = [
            one
            for one in self._of_the_day("enterprise", now)
            if all(one.fields[name] == asked[name] for name in names)
        ]
        if not found or found[-1].task_status not in {MADE, CREATED}:
            raise WeChatError(89250)
        if found[-1].is_open:
            raise WeChatError(89251)

    def personal(self, fields: Mapping[str, Any], now: float) -> Application:
        """Apply for a person. Raises 89253, 86004, 61070, 89249, 91030."""
        kept = _texts(fields, ("idname", "wxuser"), ("component_phone",))
        self._check_person(kept["wxuser"], kept["idname"])
        return self._apply("personal", kept, kept["wxuser"], now)

    def query(self, fields: Mapping[str, Any], now: float) -> Application:
        """Look a person's application up. Raises 89253, 89250."""
        found = self.get(_texts(fields, ("taskid",))["taskid"])
        if found is None or found.kind != "personal":
            raise WeChatError(89250)
        if found.is_open and now >= found.created_at + DAY:
            found.task_status = LAPSED
        return found

    def trial(self, fields: Mapping[str, Any], now: float) -> Application:
        """Apply for a mini program on trial. Raises 40097 (name), 40003 (openid)."""
        name, openid = fields.get("name"), fields.get("openid")
        if not isinstance(name, str) or len(name) not in _TRIAL_NAME:
            raise WeChatError(40097)
        if not isinstance(openid, str) or len(openid) < 20:  # noqa: PLR2004 - WeChat's have 28
            raise WeChatError(40003)
        return self._apply("trial", {"name": name, "openid": openid}, "", now)

    def ticket(self, official_account: str, now: float, *, copy_wx_verify: bool) -> ReuseTicket:
        """Return the ticket of an administrator's confirmation."""
        ticket = ReuseTicket(self._minter.reuse_ticket(), official_account, copy_wx_verify)
        self._tickets[ticket.value] = ticket
        self._ledger.record(
            "reuse_ticket", ticket.value, now=now, authorizer_appid=official_account
        )
        return ticket

    def use_ticket(self, value: str, official_account: str) -> ReuseTicket:
        """Use a ticket up. Raises 61058 for any that is not this account's or was used."""
        ticket = self._tickets.get(value)
        if ticket is None or ticket.used or ticket.official_account != official_account:
            raise WeChatError(61058)
        ticket.used = True
        return ticket

    def _check_person(self, wechat: str, name: str) -> None:
        """Whoever uses a WeChat id first is its owner: another name does not fit it later."""
        if not _WECHAT_ID.fullmatch(wechat):
            raise WeChatError(86004)
        if self._names.setdefault(wechat, name) != name:
            raise WeChatError(61070)

    def _apply(self, kind: Kind, fields: Mapping[str, Any], wechat: str, now: float) -> Application:
        today = list(self._of_the_day(kind, now))
        subject = {name: value for name, value in fields.items() if name != "component_phone"}
        if kind != "trial":
            for one in today:
                same = {n: v for n, v in one.fields.items() if n != "component_phone"} == subject
                if same and one.is_open:
                    raise WeChatError(89249)
            if sum(wechat in one.fields.values() for one in today) >= _A_DAY:
                raise WeChatError(91030)
        application = Application(
            self._minter.task_id(), kind, fields, now, self._minter.create_token()
        )
        self._applications[application.task_id] = application
        return application

    def _of_the_day(self, kind: Kind, now: float) -> Iterator[Application]:
        for one in self._applications.values():
            if one.kind == kind and now < one.created_at + DAY:
                yield one


def _texts(
    fields: Mapping[str, Any], names: tuple[str, ...], also: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return the texts of these names. Raises 89253 when one of ``names`` is missing."""
    found = {name: fields.get(name) for name in (*names, *also)}
    for name in names:
        if not isinstance(found[name], str) or not str(found[name]).strip():
            raise WeChatError(89253)
    return {name: value for name, value in found.items() if isinstance(value, str)}
