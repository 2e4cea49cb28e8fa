"""What the tests of registrations share: applications, and the pushes of their results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.house import COMPONENT
from wxvault.protocol.pushes import FastRegistration
from wxvault.protocol.registrations import REPEATED
from wxvault.services.onboarding import session_fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fakes.house import House
    from wxvault.services.onboarding_state import Session
    from wxvault.services.registration import RegistrationStatus, Started

TENANT, OTHER_TENANT = "acme", "globex"
NEW = "wx00000000000000d1"
ENTERPRISE: Mapping[str, Any] = {
    "kind": "enterprise",
    "name": "示例茶馆（上海）有限公司",
    "code": "91310000000000000X",
    "code_type": 1,
    "legal_persona_wechat": "sample_wxid",
    "legal_persona_name": "张三",
    "component_phone": "021-55550000",
}
PERSONAL: Mapping[str, Any] = {"kind": "personal", "idname": "李四", "wxuser": "li_si"}
TRIAL: Mapping[str, Any] = {
    "kind": "trial",
    "name": "小麦烤鸡",
    "openid": "oK8Yg5YaUM-axuE_vVZmV_oIZxxx",
}
APPLICATIONS = {"enterprise": ENTERPRISE, "personal": PERSONAL, "trial": TRIAL}
INFO_TYPES = {
    "enterprise": "notify_third_fasteregister",
    "personal": "notify_third_fasteregister",
    "trial": "notify_third_fastregisterbetaapp",
}


def start(
    house: House, request: Mapping[str, Any] = ENTERPRISE, *, tenant_id: str = TENANT
) -> Started:
    """Apply for a mini program."""
    return house.registrations.start(tenant_id, request)


def result(
    house: House,
    started: Started,
    request: Mapping[str, Any] = ENTERPRISE,
    *,
    status: int = 0,
    code: str | None = None,
    create_time: int | None = None,
) -> FastRegistration:
    """Return the push of what came of an application."""
    kind = str(request["kind"])
    known = {**request, "unique_id": started.unique_id}
    return FastRegistration(
        component_appid=COMPONENT,
        create_time=int(house.clock.now()) if create_time is None else create_time,
        info_type=INFO_TYPES[kind],
        appid=NEW if status == 0 else None,
        status=status,
        auth_code=code,
        msg="OK" if status == 0 else "not confirmed",
        # WeChat writes every value as text.
        info={name: str(known[name]) for name in REPEATED[kind]},
    )


def status_of(
    house: House, started: Started, *, tenant_id: str = TENANT, ask: Mapping[str, Any] | None = None
) -> RegistrationStatus:
    """Ask how a registration stands."""
    return house.registrations.status(tenant_id, started.session_id, ask)


def session_of(house: House, started: Started) -> Session:
    """Return the session of a registration."""
    session = house.sessions.get(session_fingerprint(started.session_id))
    assert session is not None
    return session
