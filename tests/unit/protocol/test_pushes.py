"""Pushes as typed values: every kind and every field."""

from __future__ import annotations

import json

import pytest

from tests.unit.protocol.pushkit import (
    APPID,
    AUTHORIZER_APPID,
    CODE,
    ENTERPRISE,
    NEW_APPID,
    PRE_AUTH_CODE,
    REUSED,
    SECRETS,
    TICKET,
    authorized_push,
    bare_document,
    document,
    ticket_push,
)
from wxvault.protocol.pushes import (
    Authorized,
    FastRegistration,
    Ticket,
    Unauthorized,
    Unknown,
    parse_push,
)


def test_ticket() -> None:
    """The ten-minute push becomes a Ticket."""
    assert parse_push(ticket_push()) == Ticket(APPID, 1700000000, TICKET)


@pytest.mark.parametrize(
    ("info_type", "update"), [("authorized", False), ("updateauthorized", True)]
)
def test_authorized(info_type: str, update: bool) -> None:
    """Both authorising pushes become Authorized, told apart by ``update``."""
    push = parse_push(authorized_push(info_type))
    assert push == Authorized(
        component_appid=APPID,
        create_time=1700000100,
        authorizer_appid=AUTHORIZER_APPID,
        authorization_code=CODE,
        authorization_code_expired_time=1700003700,
        pre_auth_code=PRE_AUTH_CODE,
        update=update,
    )
    assert push.info_type == info_type


@pytest.mark.parametrize("value", [None, ""], ids=["absent", "empty"])
def test_authorized_from_no_link(value: str | None) -> None:
    """Old and automatic authorisations come without PreAuthCode, or with an empty one."""
    fields = {} if value is None else {"PreAuthCode": value}
    plaintext = document(
        AppId=APPID,
        CreateTime=1,
        InfoType="authorized",
        AuthorizerAppid=AUTHORIZER_APPID,
        AuthorizationCode=CODE,
        **fields,
    )
    push = parse_push(plaintext)
    assert isinstance(push, Authorized)
    assert push.pre_auth_code is None
    assert push.authorization_code_expired_time is None


def test_unauthorized() -> None:
    """A cancellation becomes Unauthorized."""
    plaintext = document(
        AppId=APPID,
        CreateTime=1700000200,
        InfoType="unauthorized",
        AuthorizerAppid=AUTHORIZER_APPID,
    )
    push = parse_push(plaintext)
    assert push == Unauthorized(APPID, 1700000200, AUTHORIZER_APPID)
    assert push.info_type == "unauthorized"


def test_fast_registration_of_an_enterprise() -> None:
    """The documented form: some values in CDATA, some not, details in ``info``."""
    assert parse_push(ENTERPRISE) == FastRegistration(
        component_appid=APPID,
        create_time=1535442403,
        info_type="notify_third_fasteregister",
        appid=NEW_APPID,
        status=0,
        auth_code=CODE,
        msg="OK",
        info={
            "name": "Example Co",
            "code": "91310000000000000X",
            "code_type": "1",
            "legal_persona_wechat": "wxid_example",
            "legal_persona_name": "张三",
            "component_phone": "",
        },
    )


def test_fast_registration_as_captured() -> None:
    """Another order of elements, all in CDATA, one unknown detail: the same value."""
    push = parse_push(REUSED)
    assert isinstance(push, FastRegistration)
    assert (push.appid, push.status, push.auth_code) == (NEW_APPID, 0, CODE)
    assert push.info == {"name": "例子", "taskid": "4711"}


@pytest.mark.parametrize(
    "info_type", ["notify_third_fastregisterbetaapp", "notify_third_fastverifybetaapp"]
)
def test_trial_registrations(info_type: str) -> None:
    """Trial mini programs and their verification come in the same form; a code may be absent."""
    push = parse_push(
        document(AppId=APPID, CreateTime=5, InfoType=info_type, appid=NEW_APPID, status=0, msg="OK")
    )
    assert isinstance(push, FastRegistration)
    assert (push.info_type, push.appid, push.auth_code) == (info_type, NEW_APPID, None)
    assert push.info == {}


@pytest.mark.parametrize("appid", ["", "0", "none"])
def test_failed_registration_needs_no_account(appid: str) -> None:
    """A status other than 0 is a failure; what stands for an appid then is dropped."""
    push = parse_push(
        document(
            AppId=APPID,
            CreateTime=5,
            InfoType="notify_third_fasteregister",
            appid=appid,
            status=-1,
            auth_code="",
            msg="企业与法人姓名不一致",
            info="",
        )
    )
    assert push == FastRegistration(
        component_appid=APPID,
        create_time=5,
        info_type="notify_third_fasteregister",
        appid=None,
        status=-1,
        auth_code=None,
        msg="企业与法人姓名不一致",
        info={},
    )


def test_unknown_keeps_everything() -> None:
    """A kind nobody knows keeps all its fields, groups and repetitions under WeChat's names."""
    plaintext = (
        f"<xml><AppId>{APPID}</AppId><CreateTime>7</CreateTime>"
        "<InfoType>notify_3rd_wxa_auth</InfoType><taskid>t</taskid><empty/>text"
        "<dispatch_info><provider>p</provider><contact>c</contact>text</dispatch_info>"
        "<order>1</order><order>2</order><order><id>3</id></order></xml>"
    ).encode()
    push = parse_push(plaintext)
    assert isinstance(push, Unknown)
    assert (push.component_appid, push.create_time, push.info_type) == (
        APPID,
        7,
        "notify_3rd_wxa_auth",
    )
    assert push.fields == {
        "AppId": APPID,
        "CreateTime": "7",
        "InfoType": "notify_3rd_wxa_auth",
        "taskid": "t",
        "empty": "",
        "dispatch_info": {"provider": "p", "contact": "c"},
        "order": ["1", "2", {"id": "3"}],
    }
    json.dumps(push.fields)


def test_cdata_makes_no_difference() -> None:
    """The documents show values without CDATA, the wire has it: both give the same value."""
    fields: dict[str, str | int] = {
        "AppId": APPID,
        "CreateTime": 1700000000,
        "InfoType": "component_verify_ticket",
        "ComponentVerifyTicket": TICKET,
    }
    assert parse_push(bare_document(**fields)) == parse_push(document(**fields))


def test_white_space_around_values_is_dropped() -> None:
    """Line breaks inside elements and in front of the document do not matter."""
    plaintext = ticket_push().replace(b"<CreateTime>1700000000", b"<CreateTime>\n 1700000000\n ")
    assert parse_push(b"\n" + plaintext + b"\n") == parse_push(ticket_push())


def test_declared_encoding_does_not_count() -> None:
    """WeChat writes UTF-8; a declaration that says otherwise is not believed."""
    plaintext = document(AppId=APPID, CreateTime=1, InfoType="new", text="你好")
    push = parse_push(b'<?xml version="1.0" encoding="iso-8859-1"?>' + plaintext)
    assert isinstance(push, Unknown)
    assert push.fields["text"] == "你好"


def test_document_type_in_a_value_is_only_text() -> None:
    """What a merchant wrote about document types is no document type."""
    push = parse_push(
        document(AppId=APPID, CreateTime=1, InfoType="new", text='<!DOCTYPE x [<!ENTITY y "z">]>')
    )
    assert isinstance(push, Unknown)
    assert push.fields["text"] == '<!DOCTYPE x [<!ENTITY y "z">]>'


# --- nothing leaks -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "plaintext",
    [ticket_push(), authorized_push(), ENTERPRISE, ENTERPRISE.replace(b"third", b"new")],
    ids=["ticket", "authorized", "registration", "unknown"],
)
def test_repr_shows_no_secret(plaintext: bytes) -> None:
    """Neither tickets nor codes nor persons appear when a push is printed."""
    shown = f"{parse_push(plaintext)!r}"
    assert APPID in shown
    assert not [secret for secret in (*SECRETS, "张三", "wxid_example") if secret in shown]
