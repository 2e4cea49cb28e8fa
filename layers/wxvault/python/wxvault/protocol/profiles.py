"""The profile of an authorizer (``authorizer_info``): what is kept of it, and its numbers in words.

WeChat adds fields and numbers whenever it likes: whatever has another form is left out, and a
number that nobody knows is shown as a number.
Page: openApi/authorization-management/api_getauthorizerinfo.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wxvault.protocol.permission_sets import AccountKind

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Words:
    """A number of WeChat's and what it means, in both languages; unknown: the number itself."""

    number: int
    en: str
    zh: str
    known: bool = True


@dataclass(frozen=True, slots=True)
class Profile:
    """What WeChat tells of an account. Numbers are WeChat's own; None: it did not tell."""

    kind: AccountKind
    nick_name: str = ""
    principal_name: str = ""
    """The legal entity; 个人 for a person."""
    user_name: str = ""
    """The original id, ``gh_…``."""
    alias: str = ""
    """The WeChat id of an official account, where it has one."""
    head_img: str = ""
    qrcode_url: str = ""
    signature: str = ""
    service_type: int | None = None
    verify_type: int | None = None
    account_status: int | None = None
    register_type: int | None = None


TEXTS: Final = (
    "nick_name",
    "principal_name",
    "user_name",
    "alias",
    "head_img",
    "qrcode_url",
    "signature",
)
NUMBERS: Final = ("service_type", "verify_type", "account_status", "register_type")

_TEXT_LIMIT: Final = 1024
_TOO_LARGE: Final = 10**10
_DIGITS: Final = re.compile(r"-?[0-9]{1,10}", re.ASCII)
_MINI_GAME: Final = 4

# An object of this name is there for accounts of this kind alone.
_MARKS: Final = (
    ("MiniProgramInfo", AccountKind.MINI_PROGRAM),
    ("channels_info", AccountKind.CHANNELS),
    ("store_info", AccountKind.SHOP),
    ("talent_info", AccountKind.SALES_ASSISTANT),
    ("supplier_info", AccountKind.SUPPLIER),
)

KIND_WORDS: Final[Mapping[AccountKind, tuple[str, str]]] = {
    AccountKind.OFFICIAL_ACCOUNT: ("official account", "公众号"),
    AccountKind.MINI_PROGRAM: ("mini program", "小程序"),
    AccountKind.MINI_GAME: ("mini game", "小游戏"),
    AccountKind.CHANNELS: ("channels account", "视频号"),
    AccountKind.SHOP: ("shop", "微信小店"),
    AccountKind.SALES_ASSISTANT: ("sales assistant", "带货助手"),
    AccountKind.SUPPLIER: ("supplier", "供货商"),
}

_OA_SERVICE: Final = {
    0: ("subscription account", "订阅号"),
    1: ("subscription account (upgraded from an old one)", "由历史老账号升级后的订阅号"),
    2: ("service account", "服务号"),
}
_MP_SERVICE: Final = {
    0: ("ordinary mini program", "普通小程序"),
    2: ("store mini program", "门店小程序"),
    3: ("store mini program", "门店小程序"),
    4: ("mini game", "小游戏"),
    10: ("mini shop", "小商店"),
    12: ("trial mini program", "试用小程序"),
}
_VERIFY: Final = {
    -1: ("not verified", "未认证"),
    0: ("verified by WeChat", "微信认证"),
    1: ("verified by Sina Weibo", "新浪微博认证"),
    2: ("verified by Tencent Weibo", "腾讯微博认证"),
    3: ("qualification verified, name not yet", "已资质认证通过但还未通过名称认证"),
    4: (
        "qualification verified, name not yet; verified by Sina Weibo",
        "已资质认证通过、还未通过名称认证，但通过了新浪微博认证",
    ),
    5: (
        "qualification verified, name not yet; verified by Tencent Weibo",
        "已资质认证通过、还未通过名称认证，但通过了腾讯微博认证",
    ),
}
_STATUS: Final = {
    1: ("normal", "正常"),
    14: ("closed", "已注销"),
    16: ("banned", "已封禁"),
    18: ("warned", "已告警"),
    19: ("frozen", "已冻结"),
}
_REGISTER: Final = {
    0: ("ordinary registration", "普通方式注册"),
    2: ("registered by reusing an official account", "通过复用公众号创建"),
    6: ("registered by the legal representative's face scan", "通过法人扫脸创建"),
    13: ("trial mini program", "通过创建试用小程序"),
    15: ("registered in the alliance console", "通过联盟控制台注册"),
    16: ("registered for a person", "通过创建个人小程序"),
    17: ("registered for a person who trades", "通过创建个人交易小程序"),
    19: ("trial mini program, since made formal", "通过试用小程序转正"),
    22: ("registered by reusing a merchant number", "通过复用商户号创建"),
    23: ("merchant number's mini program, since made formal", "复用商户号转正"),
}


def from_wechat(info: Mapping[str, object]) -> Profile:
    """Read WeChat's ``authorizer_info``; what has no sound form is as if it were not there."""
    service_type = _id(info.get("service_type_info"))
    return Profile(
        kind=_kind(info, service_type),
        service_type=service_type,
        verify_type=_id(info.get("verify_type_info")),
        account_status=_number(info.get("account_status")),
        register_type=_number(info.get("register_type")),
        **{name: _text(info.get(name)) for name in TEXTS},
    )


def service_words(kind: AccountKind, number: int) -> Words:
    """Return what a ``service_type`` means for an account of this kind."""
    if kind is AccountKind.OFFICIAL_ACCOUNT:
        return _words(_OA_SERVICE, number)
    if kind in {AccountKind.MINI_PROGRAM, AccountKind.MINI_GAME}:
        return _words(_MP_SERVICE, number)
    return _words({}, number)


def verify_words(number: int) -> Words:
    """Return what a ``verify_type`` means."""
    return _words(_VERIFY, number)


def status_words(number: int) -> Words:
    """Return what an ``account_status`` means."""
    return _words(_STATUS, number)


def register_words(number: int) -> Words:
    """Return what a ``register_type`` means."""
    return _words(_REGISTER, number)


def _words(table: Mapping[int, tuple[str, str]], number: int) -> Words:
    found = table.get(number)
    if found is None:
        return Words(number, str(number), str(number), known=False)
    return Words(number, *found)


def _kind(info: Mapping[str, object], service_type: int | None) -> AccountKind:
    """Tell the kind by the objects that are there: no field names it."""
    for name, kind in _MARKS:
        if isinstance(info.get(name), dict):
            if kind is AccountKind.MINI_PROGRAM and service_type == _MINI_GAME:
                return AccountKind.MINI_GAME
            return kind
    return AccountKind.OFFICIAL_ACCOUNT


def _id(value: object) -> int | None:
    return _number(value.get("id")) if isinstance(value, dict) else None


def _number(value: object) -> int | None:
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= _TOO_LARGE:
        return None
    return value


def _text(value: object) -> str:
    """Return a text without control characters that has a form in UTF-8, cut to size."""
    if not isinstance(value, str):
        return ""
    sound = value[:_TEXT_LIMIT].encode("utf-8", "replace").decode("utf-8")
    return "".join(character for character in sound if character.isprintable()).strip()
