"""Registering mini programs for a tenant: applying at WeChat, and telling how it stands."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from wxvault.errors import (
    InvalidRequestError,
    RegistrationRunningError,
    UnknownAuthorizerError,
    UnknownSessionError,
    WeChatError,
    WeChatRefusedError,
    WeChatUnknownError,
    WxvaultError,
    from_answer,
)
from wxvault.protocol import registrations as protocol
from wxvault.protocol.return_codes import COMPONENT_TOKEN_REFUSED, REGISTRATION_UNKNOWN
from wxvault.services.onboarding import session_fingerprint
from wxvault.services.onboarding_state import Session
from wxvault.services.registration_requests import Application, read_application, read_question
from wxvault.services.registration_state import FAILED, SUCCEEDED, Applied
from wxvault.services.session_requests import TTL_DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wxvault.clock import Clock
    from wxvault.services.component import ComponentToken
    from wxvault.services.onboarding import Place
    from wxvault.services.state import TokenState

CONFIRM_SECONDS: Final = 25 * 3600
"""WeChat gives a person 24 hours; an hour more for its last word to arrive."""
UNANSWERED: Final = "unanswered"
"""WeChat gave no answer to a ticket: a mini program may have been registered, or not."""

_STYLE, _AUTH_TYPE = "registration", 2
_RUNNING: Final = frozenset({89249})
_TOLD: Final = frozenset({89249, 89250, 89251, 89252})
"""What WeChat answers about an application that is under way: no refusal of the question."""
_UNKNOWN = "there is no such registration"
_MAYBE: Final = (
    "Apply once more with the same data: if WeChat has this application already, it is taken for "
    "that one."
)
_ADDRESS_LOST: Final = (
    "WeChat has this application, but its answer with authorize_url and task_id was lost, and "
    "WeChat gives them only once: the person cannot go on. Apply again when this registration has "
    "failed or expired."
)
_NO_ANSWER: Final = (
    "WeChat gave no answer, so a mini program may have been registered. Look at the official "
    "account's linked mini programs at mp.weixin.qq.com; if there is no new one, open the link "
    "once more."
)


class PersonalTask(Protocol):
    """A person's application at WeChat."""

    @property
    def task_id(self) -> str:
        """Its id."""

    @property
    def authorize_url(self) -> str | None:
        """Where the person goes on."""

    @property
    def status(self) -> int | None:
        """How it stands."""


class Trial(Protocol):
    """The application for a mini program on trial."""

    @property
    def unique_id(self) -> str:
        """What its result repeats."""

    @property
    def authorize_url(self) -> str:
        """Where the person confirms."""


class RegistrationWeChat(Protocol):
    """WeChat's registrations: WeChatRefusedError and WeChatUnknownError may come of each."""

    def register_enterprise(self, component_token: str, fields: Mapping[str, Any], /) -> None:
        """Apply for an enterprise."""

    def find_enterprise(self, component_token: str, fields: Mapping[str, Any], /) -> None:
        """Ask about it; what is under way is a refusal."""

    def register_personal(self, component_token: str, fields: Mapping[str, Any], /) -> PersonalTask:
        """Apply for a person."""

    def find_personal(self, component_token: str, task_id: str, /) -> PersonalTask:
        """Ask about it."""

    def register_trial(self, component_token: str, fields: Mapping[str, Any], /) -> Trial:
        """Apply for a mini program on trial."""


class ApplicationStore(Protocol):
    """Where sessions and applications are kept."""

    def create(self, session: Session) -> None:
        """Write a session."""

    def get(self, session_sha256: str) -> Session | None:
        """Read one, expired or not."""

    def apply(self, session: Session, registration_sha256: str) -> Applied:
        """Write who applies."""

    def application_answered(
        self, session: Session, registration_sha256: str, *, accepted: bool
    ) -> None:
        """Note what WeChat said to it; the refusal of one that was made again changes nothing."""

    def application_unanswered(self, session: Session, registration_sha256: str) -> None:
        """Note that WeChat will not answer it any more."""

    def note_subject(self, session_sha256: str, subject_sha256: str) -> None:
        """Note with what WeChat has to be asked about it."""


class Authorizers(Protocol):
    """The authorizers that are known."""

    def get(self, authorizer_appid: str) -> TokenState | None:
        """Read one."""


@dataclass(frozen=True, slots=True)
class Started:
    """An application that was made, or a link to one; URLs are for the one person."""

    session_id: str = field(repr=False)
    kind: str
    expires_at: float
    launch_url: str | None = field(default=None, repr=False)
    authorize_url: str | None = field(default=None, repr=False)
    task_id: str | None = field(default=None, repr=False)
    unique_id: str | None = field(default=None, repr=False)
    remedy: str | None = None
    """What to do where WeChat has an application, but the person's address was lost."""


@dataclass(frozen=True, slots=True)
class RegistrationStatus:
    """How a registration stands; ``status`` is waiting, succeeded, failed or expired."""

    kind: str
    status: str
    expires_at: float
    authorizer_appid: str | None = None
    wechat_status: int | None = None
    msg: str | None = None
    remedy: str | None = None
    wechat: Mapping[str, int | str] | None = None
    """What WeChat said when it was asked."""


class Registrations:
    """Applies for mini programs, and tells how that stands."""

    def __init__(  # noqa: PLR0913, PLR0917 -- adapters, each named
        self,
        place: Place,
        store: ApplicationStore,
        authorizers: Authorizers,
        wechat: RegistrationWeChat,
        component: ComponentToken,
        clock: Clock,
        new_secret: Callable[[], str],
    ) -> None:
        self._place = place
        self._store = store
        self._authorizers = authorizers
        self._wechat = wechat
        self._component = component
        self._clock = clock
        self._new_secret = new_secret

    def start(self, tenant_id: str, request: Mapping[str, Any]) -> Started:
        """Apply for a mini program.

        Raises:
            InvalidRequestError: a field cannot be accepted; it is named. Nothing was asked for.
            RegistrationRunningError: an application with this data is under way.
            WeChatRefusedError: WeChat refuses it. WeChatUnknownError: nobody knows.
        """
        application = read_application(tenant_id, request, return_urls=self._place.return_urls)
        session_id = self._new_secret()
        session = self._session(tenant_id, session_id, application)
        started = Started(session_id, application.kind, session.expires_at)
        if application.kind == "reuse":
            self._require_own(tenant_id, application.fields["authorizer_appid"])
            self._store.create(session)
            launch_url = f"{self._place.public_base_url}/authorize/{session_id}"
            return replace(started, launch_url=launch_url)
        # Before anything is written: without it WeChat cannot be asked.
        token = self._component.get()
        self._store.create(session)
        if application.kind == "trial":
            return self._trial(session, application, token, started)
        return self._person_or_enterprise(session, application, token, started)

    def status(
        self, tenant_id: str, session_id: str, ask: Mapping[str, Any] | None = None
    ) -> RegistrationStatus:
        """Say how a tenant's registration stands; another tenant's is unknown.

        ``ask``: with what WeChat is to be asked about it (it knows applications by their data).

        Raises:
            UnknownSessionError: there is none. InvalidRequestError: ``ask`` is not of this one.
        """
        session = self._store.get(session_fingerprint(session_id))
        if session is None or session.tenant_id != tenant_id or session.registration is None:
            raise UnknownSessionError(_UNKNOWN)
        wechat = None if ask is None else self._ask(session, ask)
        return replace(standing(session, self._clock.now()), wechat=wechat)

    # --- applying --------------------------------------------------------------------------------

    def _session(self, tenant_id: str, session_id: str, application: Application) -> Session:
        now, reuse = self._clock.now(), application.kind == "reuse"
        seconds = (application.ttl or TTL_DEFAULT) if reuse else CONFIRM_SECONDS
        session = Session(
            session_sha256=session_fingerprint(session_id),
            tenant_id=tenant_id,
            created_at=now,
            expires_at=now + seconds,
            style=_STYLE,
            auth_type=_AUTH_TYPE,
            tenant_name=application.tenant_name,
            return_url=application.return_url,
            state=application.state,
            registration=application.kind,
        )
        fields = application.fields
        if reuse:
            return replace(
                session,
                biz_appid=fields["authorizer_appid"],
                copy_wx_verify=fields["copy_wx_verify"],
            )
        if application.kind == "enterprise":
            names = ("name", "legal_persona_wechat", "legal_persona_name")
            return replace(session, subject_sha256=self._subject(*(fields[name] for name in names)))
        return session

    def _require_own(self, tenant_id: str, appid: str) -> None:
        state = self._authorizers.get(appid)
        if state is None or state.tenant_id != tenant_id:
            raise unknown_to_tenant(appid)

    def _person_or_enterprise(
        self, session: Session, application: Application, token: str, started: Started
    ) -> Started:
        kind, fields = application.kind, application.fields
        registration = protocol.application_sha256(self._place.component_appid, kind, fields)
        applied = self._store.apply(session, registration)
        if applied is Applied.NOT:
            message = "an application with the same data is under way"
            raise RegistrationRunningError(message)
        try:
            if kind == "enterprise":
                self._once_more(token, lambda one: self._wechat.register_enterprise(one, fields))
                task = None
            else:
                task = self._once_more(
                    token, lambda one: self._wechat.register_personal(one, fields)
                )
        except WxvaultError as error:
            if _nobody_knows(error):
                self._store.application_unanswered(session, registration)
                raise _unanswered(error) from None
            running = error.wechat_errcode in _RUNNING and applied is Applied.AGAIN
            self._store.application_answered(session, registration, accepted=running)
            if not running:
                raise
            # WeChat has had it since the time when it gave no answer.
            return replace(started, remedy=_ADDRESS_LOST) if kind == "personal" else started
        self._store.application_answered(session, registration, accepted=True)
        if task is None:
            return started
        self._store.note_subject(session.session_sha256, self._subject(task.task_id))
        return replace(started, task_id=task.task_id, authorize_url=task.authorize_url)

    def _trial(
        self, session: Session, application: Application, token: str, started: Started
    ) -> Started:
        trial = self._once_more(
            token, lambda one: self._wechat.register_trial(one, application.fields)
        )
        # Nobody can confirm it before the caller has its address.
        registration = protocol.application_sha256(
            self._place.component_appid, "trial", {"unique_id": trial.unique_id}
        )
        self._store.apply(session, registration)
        self._store.application_answered(session, registration, accepted=True)
        return replace(started, authorize_url=trial.authorize_url, unique_id=trial.unique_id)

    # --- asking ----------------------------------------------------------------------------------

    def _ask(self, session: Session, ask: Mapping[str, Any]) -> Mapping[str, int | str]:
        kind = session.registration
        question = read_question(kind, ask)
        if kind == "personal" and session.subject_sha256 is None:
            raise InvalidRequestError(
                "ask_wechat", "cannot be done: nobody knows the task_id", remedy=_ADDRESS_LOST
            )
        if self._subject(*question.values()) != session.subject_sha256:
            raise InvalidRequestError(", ".join(question), "is not of this registration")
        token = self._component.get()
        if kind == "personal":
            task = self._once_more(
                token, lambda one: self._wechat.find_personal(one, question["task_id"])
            )
            status = 0 if task.status is None else task.status
            return {"status": status, "meaning": protocol.task_status(status)}
        try:
            self._once_more(token, lambda one: self._wechat.find_enterprise(one, question))
        except WeChatRefusedError as refusal:
            errcode = refusal.wechat_errcode
            if errcode is None or errcode not in _TOLD:
                raise
            return {"status": errcode, "meaning": protocol.search_status(errcode)}
        return {"status": 0, "meaning": protocol.search_status(0)}

    def _subject(self, *values: object) -> str:
        return protocol.subject_sha256(self._place.component_appid, *values)

    def _once_more[T](self, token: str, call: Callable[[str], T]) -> T:
        """Make a call, and once more with another token if WeChat refuses this one."""
        try:
            return call(token)
        except WeChatRefusedError as refusal:
            if refusal.wechat_errcode not in COMPONENT_TOKEN_REFUSED:
                raise
        return call(self._component.after_refusal(token))


def unknown_to_tenant(appid: str) -> UnknownAuthorizerError:
    """Return the same error, word for word, of another tenant's account as of one nobody knows."""
    return UnknownAuthorizerError(f"{appid} is not an authorizer of this tenant")


def standing(session: Session, now: float) -> RegistrationStatus:
    """Say how a registration stands by what is known here."""
    kind = session.registration or ""
    known = RegistrationStatus(
        kind,
        "waiting",
        session.expires_at,
        authorizer_appid=session.registered_appid or min(session.authorizers, default=None),
        wechat_status=session.outcome_status,
        msg=session.outcome_msg,
    )
    if session.authorizers or session.outcome == SUCCEEDED:
        return replace(known, status=SUCCEEDED)
    if session.outcome == FAILED:
        return replace(known, status=FAILED, remedy=_remedy(session))
    if session.expires_at <= now:
        return replace(known, status="expired")
    lost = kind == "personal" and session.subject_sha256 is None
    return replace(known, remedy=_ADDRESS_LOST) if lost else known


def _nobody_knows(error: WxvaultError) -> bool:
    """Say whether WeChat may have an application, whatever it has answered."""
    refused = isinstance(error, WeChatRefusedError)
    inside = refused and error.wechat_errcode in REGISTRATION_UNKNOWN
    return inside or isinstance(error, WeChatUnknownError)


def _unanswered(error: WxvaultError) -> WeChatUnknownError:
    return WeChatUnknownError(
        error.message,
        path=error.path if isinstance(error, WeChatError) else "",
        remedy=_MAYBE,
        wechat_errcode=error.wechat_errcode,
    )


def _remedy(session: Session) -> str:
    if session.outcome_reason == UNANSWERED:
        return _NO_ANSWER
    if session.outcome_status is None:
        return from_answer({"code": session.outcome_reason}).remedy
    if session.registration == "reuse":
        return protocol.reuse_remedy(session.outcome_status)
    return protocol.status_remedy(session.outcome_status)
