"""WeChat's endpoints for registering mini programs.

Pages: openApi/register-management/fast-registration-ent, fast-registration-ind, fast-regist-beta
and fast-registration-officalaccount.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from wxvault.wechat.answers import Reader, whole_number
from wxvault.wechat.asking import ask
from wxvault.wechat.http import WeChatHttp

if TYPE_CHECKING:
    from collections.abc import Mapping

ENTERPRISE: Final = "/cgi-bin/component/fastregisterweapp"
PERSONAL: Final = "/wxa/component/fastregisterpersonalweapp"
TRIAL: Final = "/wxa/component/fastregisterbetaweapp"
REUSE: Final = "/cgi-bin/account/fastregister"


@dataclass(frozen=True, slots=True)
class PersonalTask:
    """A person's application: where the person goes on, and how it stands (WeChat's number)."""

    task_id: str = field(repr=False)
    authorize_url: str | None = field(repr=False)
    status: int | None


@dataclass(frozen=True, slots=True)
class Trial:
    """An application for a mini program on trial; its result repeats ``unique_id``."""

    unique_id: str = field(repr=False)
    authorize_url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reused:
    """A mini program that was registered with an official account's registration."""

    appid: str
    authorization_code: str = field(repr=False)


class RegistrationApi:
    """WeChat's registrations, asked once per call. Safe to share between threads.

    Every method may raise WeChatRefusedError (an errcode) and WeChatUnknownError (no good answer in
    time: WeChat may have executed the call). Data of persons is masked in what WeChat says.
    """

    def __init__(self, base_url: str, *, http: WeChatHttp | None = None) -> None:
        """Take WeChat's base URL as the settings have checked it."""
        self._http = http if http is not None else WeChatHttp(base_url)

    def register_enterprise(self, component_token: str, fields: Mapping[str, Any]) -> None:
        """Apply for an enterprise (fastregisterweapp, create): its legal representative is told."""
        self._component_call(ENTERPRISE, component_token, fields, action="create")

    def find_enterprise(self, component_token: str, fields: Mapping[str, Any]) -> None:
        """Ask about an application (fastregisterweapp, search); returns when it has succeeded."""
        self._component_call(ENTERPRISE, component_token, fields, action="search")

    def register_personal(self, component_token: str, fields: Mapping[str, Any]) -> PersonalTask:
        """Apply for a person (fastregisterpersonalweapp, create), who then opens the address."""
        return _task(self._component_call(PERSONAL, component_token, fields, action="create"), None)

    def find_personal(self, component_token: str, task_id: str) -> PersonalTask:
        """Ask about a person's application (fastregisterpersonalweapp, query)."""
        asked = {"taskid": task_id}
        return _task(
            self._component_call(PERSONAL, component_token, asked, action="query"), task_id
        )

    def register_trial(self, component_token: str, fields: Mapping[str, Any]) -> Trial:
        """Apply for a mini program on trial (fastregisterbetaweapp)."""
        answer = ask(
            self._http,
            TRIAL,
            fields,
            query={"access_token": component_token},
            secrets=_texts(fields),
        )
        return Trial(answer.secret("unique_id"), answer.secret("authorize_url"))

    def register_reuse(self, access_token: str, ticket: str) -> Reused:
        """Register with an official account's token and ticket (account/fastregister)."""
        answer = ask(
            self._http,
            REUSE,
            {"ticket": ticket},
            query={"access_token": access_token},
            secrets=(ticket,),
        )
        appid = answer.appid("appid")
        if appid is None:
            raise answer.lacks("appid")
        return Reused(appid, answer.secret("authorization_code"))

    def _component_call(
        self, path: str, token: str, fields: Mapping[str, Any], *, action: str
    ) -> Reader:
        query = {"action": action, "component_access_token": token}
        return ask(self._http, path, fields, query=query, secrets=_texts(fields))


def _task(answer: Reader, task_id: str | None) -> PersonalTask:
    given = answer.secret_or_none("taskid") or task_id
    if given is None:
        raise answer.lacks("taskid")
    status = whole_number(answer.mapping().get("status"))
    return PersonalTask(given, answer.secret_or_none("authorize_url"), status)


def _texts(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the texts that were sent, so that WeChat's errmsg does not repeat them in a log."""
    return tuple(value for value in fields.values() if isinstance(value, str))
