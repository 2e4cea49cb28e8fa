"""Sessions: from the request for a link, over the launch page, to the landing of the browser."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from wxvault.errors import (
    InvalidRequestError,
    LandingLimitError,
    MintLimitError,
    SessionExpiredError,
    UnknownSessionError,
    WeChatRefusedError,
)
from wxvault.protocol.links import (
    LinkOptions,
    choose_style,
    page_link,
    plugin_parameters,
    registration_link,
)
from wxvault.protocol.return_codes import COMPONENT_TOKEN_REFUSED
from wxvault.services.numbers import POLL_SECONDS
from wxvault.services.onboarding_state import Arrival, Code, CodeStatus, Session
from wxvault.services.session_requests import read_request
from wxvault.services.tools import token_sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from wxvault.clock import Clock
    from wxvault.services.component import ComponentToken
    from wxvault.services.ports import WeChat

LANDING_SECONDS = 6.0
STATUSES = ("waiting", "confirmed", "done", "expired")
"""How a session can stand."""
FAILED = "failed"
"""What only a browser is told: its own code was refused, while the session goes on."""

_UNKNOWN = "there is no such authorisation session"
_SESSION_ID = re.compile(r"[A-Za-z0-9_-]{43}")
_CODE = re.compile(r"[A-Za-z0-9@_.:=+/-]{16,512}")


class SessionStore(Protocol):
    """Where sessions are kept."""

    def create(self, session: Session) -> None:
        """Write a new one."""

    def get(self, session_sha256: str) -> Session | None:
        """Read one, expired or not."""

    def count_mint(self, session_sha256: str, *, now: float, mint_id: str | None = None) -> bool:
        """Count a pre-auth code; False: too many, or too fast."""

    def count_landing(self, session_sha256: str) -> bool:
        """Count a code that the landing is shown; False: too many."""

    def remember_mint(
        self, session: Session, pre_auth_code: str, cookie_sha256: str | None, *, now: float
    ) -> None:
        """Write which session minted a code."""

    def note_launch(self, session_sha256: str, cookie_sha256: str) -> None:
        """Note the cookie of a browser in which a link was launched that needs no code."""

    def confirm(self, session_sha256: str) -> None:
        """Note that a code has arrived."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where this deployment and WeChat are."""

    component_appid: str
    public_base_url: str
    pc_page_base: str
    h5_page_base: str
    return_urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Created:
    """A new session; its id is a bearer's right to authorise for the tenant."""

    session_id: str = field(repr=False)
    expires_at: float
    launch_url: str | None = field(repr=False)
    plugin: Mapping[str, str | int] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Launch:
    """A minted link: where to go on to, and the cookie to set."""

    session: Session
    onward_url: str = field(repr=False)
    cookie: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """What became of a session."""

    status: str
    """One of `STATUSES`, or `FAILED`."""
    authorizers: tuple[str, ...]


def session_fingerprint(session_id: object) -> str:
    """Return the fingerprint under which a session is stored.

    Raises:
        UnknownSessionError: it has not the form of a session id.
    """
    if not isinstance(session_id, str) or not _SESSION_ID.fullmatch(session_id):
        raise UnknownSessionError(_UNKNOWN)
    return token_sha256(session_id)


def status_of(session: Session, now: float) -> SessionStatus:
    """Say what became of a session."""
    if session.authorizers:
        status = "done"
    elif session.outcome == "failed":
        status = FAILED
    elif session.expires_at <= now:
        status = "expired"
    elif session.confirmed:
        status = "confirmed"
    else:
        status = "waiting"
    return SessionStatus(status, tuple(sorted(session.authorizers)))


class Minter:
    """Mints pre-auth codes: one per press of a button, never kept for anybody else."""

    def __init__(
        self,
        place: Place,
        sessions: SessionStore,
        wechat: WeChat,
        component: ComponentToken,
        clock: Clock,
    ) -> None:
        self._place = place
        self._sessions = sessions
        self._wechat = wechat
        self._component = component
        self._clock = clock

    def mint(self, session: Session, cookie: str | None) -> str:
        """Mint a code for a session and remember whose it is.

        Raises:
            MintLimitError: 20 codes, or the last one less than three seconds ago.
            WxvaultError: there is no component token, or WeChat refuses.
        """
        cookie_sha256 = None if cookie is None else token_sha256(cookie)
        # The plugin has no cookie, and mints just once, when its session is made.
        mint_id = cookie_sha256 or session.session_sha256
        now = self._clock.now()
        if not self._sessions.count_mint(session.session_sha256, now=now, mint_id=mint_id):
            message = "no further link can be made for this session now"
            raise MintLimitError(message)
        code = self._ask()
        self._sessions.remember_mint(session, code, cookie_sha256, now=self._clock.now())
        return code

    def _ask(self) -> str:
        appid = self._place.component_appid
        token = self._component.get()
        try:
            return self._wechat.pre_auth_code(appid, token).code
        except WeChatRefusedError as refusal:
            if refusal.wechat_errcode not in COMPONENT_TOKEN_REFUSED:
                raise
        return self._wechat.pre_auth_code(appid, self._component.after_refusal(token)).code


class Onboarding:
    """Creates sessions and launches them."""

    def __init__(
        self,
        place: Place,
        sessions: SessionStore,
        minter: Minter,
        clock: Clock,
        new_secret: Callable[[], str],
    ) -> None:
        self._place = place
        self._sessions = sessions
        self._minter = minter
        self._clock = clock
        self._new_secret = new_secret

    def create(self, tenant_id: str, request: Mapping[str, Any]) -> Created:
        """Create a session for a tenant; for the plugin a code is minted at once.

        Raises:
            InvalidRequestError: a field cannot be accepted; it is named.
        """
        session_id = self._new_secret()
        session = read_request(
            tenant_id,
            request,
            session_sha256=session_fingerprint(session_id),
            now=self._clock.now(),
            return_urls=self._place.return_urls,
        )
        self._sessions.create(session)
        if session.style == "plugin":
            plugin = plugin_parameters(
                _options(session),
                component_appid=self._place.component_appid,
                pre_auth_code=self._minter.mint(session, None),
            )
            return Created(session_id, session.expires_at, None, plugin)
        launch_url = f"{self._place.public_base_url}/authorize/{session_id}"
        return Created(session_id, session.expires_at, launch_url)

    def status(self, tenant_id: str, session_id: str) -> SessionStatus:
        """Say what became of a tenant's session; another tenant's is unknown.

        Raises:
            UnknownSessionError: there is none.
        """
        session = self._sessions.get(session_fingerprint(session_id))
        foreign = session is None or session.tenant_id != tenant_id
        if session is None or foreign or session.registration is not None:
            # Word for word what is said of an id that never was: nobody learns that there is one.
            raise UnknownSessionError(_UNKNOWN)
        return status_of(session, self._clock.now())

    def open_session(self, session_id: str) -> Session:
        """Return a session that can still be launched.

        Raises:
            UnknownSessionError, SessionExpiredError: it cannot.
        """
        session = self._sessions.get(session_fingerprint(session_id))
        if session is None or session.style == "plugin":
            raise UnknownSessionError(_UNKNOWN)
        if session.registration not in {None, "reuse"}:
            raise UnknownSessionError(_UNKNOWN)
        if session.expires_at <= self._clock.now():
            message = "the authorisation session has expired"
            raise SessionExpiredError(message)
        return session

    def launch(self, session_id: str, user_agent: str) -> Launch:
        """Mint one code and return the link that leads on to WeChat.

        Raises:
            UnknownSessionError, SessionExpiredError, MintLimitError: it cannot be launched.
        """
        session = self.open_session(session_id)
        cookie = self._new_secret()
        if session.registration is not None:
            return self._launch_registration(session, session_id, cookie)
        code = self._minter.mint(session, cookie)
        style = choose_style(user_agent) if session.style == "auto" else session.style
        onward_url = page_link(
            style,
            _options(session),
            component_appid=self._place.component_appid,
            pre_auth_code=code,
            redirect_uri=f"{self._place.public_base_url}/authorized/{session_id}",
            pc_page_base=self._place.pc_page_base,
            h5_page_base=self._place.h5_page_base,
        )
        return Launch(session, onward_url, cookie)

    def _launch_registration(self, session: Session, session_id: str, cookie: str) -> Launch:
        cookie_sha256, now = token_sha256(cookie), self._clock.now()
        counted = self._sessions.count_mint(session.session_sha256, now=now, mint_id=cookie_sha256)
        if not counted:
            message = "this link cannot be launched once more now"
            raise MintLimitError(message)
        self._sessions.note_launch(session.session_sha256, cookie_sha256)
        onward_url = registration_link(
            official_account_appid=session.biz_appid or "",
            component_appid=self._place.component_appid,
            copy_wx_verify=session.copy_wx_verify,
            redirect_uri=f"{self._place.public_base_url}/registered/{session_id}",
            base=self._place.pc_page_base,
        )
        return Launch(session, onward_url, cookie)


class LandingCodes(Protocol):
    """Where the landing writes codes down."""

    def record(self, authorization_code: str, arrival: Arrival, *, now: float) -> tuple[Code, bool]:
        """Write a code down."""

    def get(self, code_sha256: str) -> Code | None:
        """Read a code."""


class Landing:
    """Takes the browser in that WeChat sends back. It never asks WeChat anything."""

    def __init__(
        self,
        sessions: SessionStore,
        codes: LandingCodes,
        send_job: Callable[[Mapping[str, Any]], None],
        clock: Clock,
    ) -> None:
        self._sessions = sessions
        self._codes = codes
        self._send_job = send_job
        self._clock = clock

    def session(self, session_id: str) -> Session:
        """Return a session, expired or not: its merchant may have taken long at WeChat.

        Raises:
            UnknownSessionError: there is none.
        """
        session = self._sessions.get(session_fingerprint(session_id))
        if session is None:
            raise UnknownSessionError(_UNKNOWN)
        return session

    def arrive(self, session: Session, auth_code: str, cookies: Iterable[str]) -> CodeStatus:
        """Write the code down, have it exchanged, and wait up to six seconds for that.

        It counts for the session only if the browser shows the cookie that its launch page set.

        Raises:
            InvalidRequestError: ``auth_code`` has not the form of a code.
            LandingLimitError: the session has brought 60 codes already; this one is not known.
            UnknownSessionError: it is a registration, which no code is brought for.
        """
        if session.registration is not None:
            raise UnknownSessionError(_UNKNOWN)
        if not _CODE.fullmatch(auth_code):
            raise InvalidRequestError("auth_code", "has not the form of an authorization code")
        # Each may cost a call to WeChat, and whoever has the link can show any number of them.
        known = self._codes.get(token_sha256(auth_code)) is not None
        if not known and not self._sessions.count_landing(session.session_sha256):
            message = "this session has brought too many authorization codes"
            raise LandingLimitError(message)
        own = shows_launch_cookie(session, cookies)
        code, news = self._codes.record(
            auth_code,
            Arrival(session_sha256=session.session_sha256 if own else None),
            now=self._clock.now(),
        )
        if own:
            self._sessions.confirm(session.session_sha256)
        if news and code.status in (CodeStatus.RECEIVED, CodeStatus.CLAIMED):
            self._send_job({"code_sha256": code.code_sha256})
        deadline = self._clock.now() + LANDING_SECONDS
        while code.status in (CodeStatus.RECEIVED, CodeStatus.CLAIMED):
            if self._clock.now() >= deadline:
                break
            self._clock.sleep(POLL_SECONDS)
            code = self._codes.get(code.code_sha256) or code
        return code.status


def _options(session: Session) -> LinkOptions:
    return LinkOptions(session.auth_type, session.biz_appid, session.category_id_list)


def shows_launch_cookie(session: Session, cookies: Iterable[str]) -> bool:
    """Say whether a browser is one in which this session's launch page was opened."""
    shown = [token_sha256(cookie) for cookie in cookies]
    return any(hmac.compare_digest(known, one) for known in session.launch_cookies for one in shown)
