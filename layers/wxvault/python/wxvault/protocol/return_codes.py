"""WeChat's return codes: what each means for a third-party platform and what to do about it.

``errmsg`` is for people: its text changes, so nothing is ever decided by it.
Page: Third-party_Platforms/2.0/api/Before_Develop (return codes of each call).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Action(StrEnum):
    """What to do about a return code."""

    RETRY = "retry"
    """Ask again, with back-off."""
    REFRESH_TOKEN = "refresh_token"
    """Renew the access token once, then ask again."""
    REAUTHORIZE = "reauthorize"
    """Only the merchant can help, by authorising once more."""
    OPERATOR = "operator"
    """The platform's or the account's configuration has to be changed."""
    NO = "no"
    """Nothing to repeat: success, or a mistake in the request."""


@dataclass(frozen=True, slots=True)
class ReturnCode:
    """One return code: WeChat's English text, the action, and a sentence for people."""

    code: int
    text: str
    action: Action
    remedy: str
    known: bool = True


COMPONENT_TOKEN_REFUSED: Final = frozenset({40001, 40014, 42001, 42006})
"""On component paths: the component token is wrong, superseded or expired."""
AUTHORIZER_TOKEN_REFUSED: Final = frozenset({40001, 40014, 42001})
"""On all other paths: the authorizer's access token is wrong, superseded or expired."""
TICKET_REFUSED: Final = frozenset({40091, 61005, 61006})
"""The component_verify_ticket is unknown or older than twelve hours."""
PATH_REFUSED: Final = frozenset({40066, 41001, 41021, 48001, 61014})
"""The path is not there (any more), or takes another kind of token."""
CODE_REFUSED: Final = frozenset({61009, 61010})
"""The authorization code is wrong, used or expired."""
REFRESH_TOKEN_REFUSED: Final = frozenset({61023})
"""The authorizer's refresh token is not the one WeChat knows."""
NOT_AUTHORIZED: Final = frozenset({61003})
"""The merchant has cancelled, or never authorised."""
APPID_REFUSED: Final = frozenset({40013})
"""WeChat knows no account with this appid, or none that this platform may ask about."""
ADDRESS_REFUSED: Final = frozenset({40090, 40164, 45035, 61004})
"""The caller's address is on no list of allowed addresses."""
APP_SECRET_REFUSED: Final = frozenset({40125})
"""The component's AppSecret is wrong."""
QUOTA_EXHAUSTED: Final = frozenset({45009})
"""No call of this kind is left for today."""
MINUTE_QUOTA_EXHAUSTED: Final = frozenset({45011})
"""Ask again after a minute."""

BUSY: Final = frozenset({-1, -1000})
"""WeChat is busy: ask again after a pause."""
REGISTRATION_UNKNOWN: Final = BUSY | {89247}
"""An error inside WeChat: nobody knows whether a registration has begun."""
PERMISSION_MISSING: Final = frozenset({61007})
"""The merchant has not granted the permission set of this call."""

RID_REFUSED: Final = frozenset({76001, 76002, 76003, 76004})
"""The request id is unknown, malformed, another account's or too old."""

MINUTE_QUOTA_WAIT_SECONDS: Final = 60


def lookup(code: int) -> ReturnCode:
    """Return what is known about ``code``; for a code nobody knows ``known`` is False."""
    found = _BY_CODE.get(code)
    if found is not None:
        return found
    if code // 1000 == _SHAKE_NEARBY_THOUSANDS:
        return ReturnCode(
            code, "shake nearby", Action.NO, "An answer of the iBeacon interfaces: see their page."
        )
    return ReturnCode(
        code,
        "",
        Action.NO,
        f"Look up {code} among WeChat's global return codes; it is not known here.",
        known=False,
    )


def remedy(code: int, errmsg: str | None = None) -> str:
    """Return a sentence that tells a person what to do about ``code``.

    For a refused address it names the address, which only ``errmsg`` tells.
    """
    address = address_to_whitelist(errmsg) if code in ADDRESS_REFUSED else None
    if address is None:
        return lookup(code).remedy
    if code in _ACCOUNT_ADDRESS_REFUSED:
        return f"Add {address} to the IP list (IP白名单) of the account itself."
    return (
        f"Add {address} to the platform's IP list (白名单IP地址列表) in WeChat's console and "
        "publish the change."
    )


def address_to_whitelist(errmsg: str | None) -> str | None:
    """Return the caller's address that ``errmsg`` names, or None.

    WeChat writes ``requestIP: 203.0.113.7`` or ``invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7``.
    """
    found = _ADDRESS.search(errmsg or "")
    return None if found is None else plain_address(found[1].rstrip(".:"))


def plain_address(text: object) -> str | None:
    """Return an IP address in its usual form, IPv4 where it is one; None if it is no address."""
    if not isinstance(text, str):
        return None
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(address)


_ADDRESS: Final = re.compile(
    r"(?:requestip\s*:|invalid\s+ip\b|client\s*ip\s*:)\s*([0-9a-f.:]{2,45})", re.IGNORECASE
)
_ACCOUNT_ADDRESS_REFUSED: Final = frozenset({40164})
_SHAKE_NEARBY_THOUSANDS: Final = 9001

_TOKEN: Final = (
    "Nothing to do: the token is renewed by itself. If it stays, two systems are fetching tokens "
    "for the same platform: switch one off."
)
_REQUEST: Final = "Correct the request: WeChat will not accept it as it is."
_PLATFORM_IP: Final = (
    "Add the address the functions call from (the stack's egress address) to the platform's IP "
    "list (白名单IP地址列表) in WeChat's console and publish the change."
)
_TICKET: Final = (
    "Nothing to do: the next ticket comes within ten minutes. If none comes, WeChat is asked to "
    "start its pushes (api_start_push_ticket)."
)
_PENALTY: Final = "See the account's notices in WeChat's console: it is limited or penalised."
_AUTHORIZE: Final = "Ask the merchant to authorise once more."
_GRANT: Final = (
    "Ask the merchant to authorise once more and to grant the permission set of this interface."
)
_REGISTRATION: Final = "Correct the details of the fast registration and apply once more."
_NOT_REUSABLE: Final = (
    "Register in another way: WeChat lets only verified accounts of companies, media, governments "
    "and the like reuse their registration."
)
_REUSE_LIMIT: Final = (
    "Wait for the next month (an official account can register five a month), or register in "
    "another way."
)
_OPEN_ACCOUNT: Final = "Look at the account's binding to an open-platform account (open/get) first."
_CONFIRMATION: Final = "Look at the state of the permission set's confirmation first."
_OWNER_CONSENT: Final = (
    "Ask the account's admin to confirm the call from this address in WeChat, or call from an "
    "address on the account's list."
)

_R, _T, _A, _O, _N = (
    Action.RETRY,
    Action.REFRESH_TOKEN,
    Action.REAUTHORIZE,
    Action.OPERATOR,
    Action.NO,
)

_TABLE: Final[tuple[tuple[int, str, Action, str], ...]] = (
    (-1000, "system error", _R, "Nothing to do: WeChat is busy, it is tried again."),
    (-1, "system error", _R, "Nothing to do: WeChat is busy, it is tried again."),
    (0, "ok", _N, "Nothing to do: the call succeeded."),
    (40001, "invalid credential, access_token is invalid or not latest", _T, _TOKEN),
    (40002, "invalid grant_type", _N, _REQUEST),
    (40003, "invalid openid", _N, "Send the openid of a user of this very account."),
    (
        40013,
        "invalid appid",
        _O,
        "Compare the appid with WeChat's console: the token is another's.",
    ),
    (40014, "invalid access_token", _T, _TOKEN),
    (40029, "invalid code", _N, "Let the user log in again: the code is wrong or expired."),
    (40030, "invalid refresh_token", _N, "Let the user log in again: the OAuth token is invalid."),
    (40035, "invalid args", _N, _REQUEST),
    (40090, "invalid request source (bad client ip)", _O, _PLATFORM_IP),
    (40091, "invalid component ticket", _R, _TICKET),
    (40094, "invalid component credential", _O, "Send the component's own appid with its token."),
    (40097, "invalid args", _N, _REQUEST),
    (
        40125,
        "invalid appsecret",
        _O,
        "Put the platform's present AppSecret into the app secret: it is wrong or was reset.",
    ),
    (40163, "code been used", _N, "Let the user log in again: a code counts once."),
    (
        40164,
        "invalid ip, not in whitelist",
        _O,
        "Add the calling address to the IP list (IP白名单) of the account itself.",
    ),
    (40170, "args count exceed count limit", _N, "Ask for at most 500 entries at a time."),
    (41001, "access_token missing", _N, "Send the access token in the query."),
    (41002, "appid missing", _N, _REQUEST),
    (41003, "refresh_token missing", _N, _REQUEST),
    (41004, "appsecret missing", _N, _REQUEST),
    (41008, "missing code", _N, _REQUEST),
    (41018, "missing component_appid", _N, "Send component_appid in a JSON body WeChat can read."),
    (41019, "missing platform_secret", _N, _REQUEST),
    (41020, "missing platform_ticket", _N, _REQUEST),
    (41021, "missing component_access_token", _N, "Send the component token in the query."),
    (42001, "access_token expired", _T, _TOKEN),
    (42002, "refresh_token expired", _N, "Let the user log in again: the OAuth token has expired."),
    (42003, "code expired", _N, "Let the user log in again: the code has expired."),
    (42006, "component_access_token expired", _T, _TOKEN),
    (
        42007,
        "access_token and refresh_token exception",
        _A,
        "Ask the merchant to authorise once more: a changed WeChat password ended the tokens.",
    ),
    (43001, "require GET method", _N, "Send a GET request."),
    (43002, "require POST method", _N, "Send a POST request."),
    (43003, "require https", _N, "Call over https."),
    (44002, "empty post data", _N, "Send a JSON body, {} if there is nothing to say."),
    (
        45009,
        "reach max api daily quota limit",
        _O,
        "Wait for midnight in Beijing, or reset the quota in WeChat's console (ten times a month).",
    ),
    (
        45011,
        "api minute-quota reach limit, must slower, retry next minute",
        _R,
        "Nothing to do: it is tried again after a minute. If it stays, call less often.",
    ),
    (45035, "access clientip is not registered, not in ip-white-list", _O, _PLATFORM_IP),
    (47001, "data format error", _N, "Send well-formed JSON with every required field."),
    (
        48001,
        "api unauthorized",
        _N,
        "The account itself lacks this interface: it may have to be verified by WeChat first.",
    ),
    (48002, "user block receive message", _N, "The user has blocked messages; do not repeat it."),
    (48004, "api forbidden for irregularities", _O, _PENALTY),
    (
        48006,
        "forbid to clear quota because of reaching the limit",
        _N,
        "Wait for the next month: the resets of this month are used up.",
    ),
    (50001, "user unauthorized", _N, "The account may not use this interface."),
    (50002, "user limited", _O, _PENALTY),
    (50004, "user not allow to use accesstoken, maybe for punishment", _O, _PENALTY),
    (61000, "invalid component type", _N, _REQUEST),
    (61001, "component type and component appid is not match", _N, _REQUEST),
    (61002, "the third appid is not open KF", _N, _REQUEST),
    (
        61003,
        "component is not authorized by this account",
        _A,
        "The merchant has cancelled or never authorised: send them a new authorisation link.",
    ),
    (61004, "access clientip is not registered", _O, _PLATFORM_IP),
    (61005, "component ticket is expired", _R, _TICKET),
    (61006, "component ticket is invalid", _R, _TICKET),
    (61007, "api is unauthorized to component", _A, _GRANT),
    (61008, "component req key is duplicated", _N, _REQUEST),
    (
        61009,
        "code is invalid",
        _N,
        "If the account is authorised already, nothing; else ask the merchant to authorise again.",
    ),
    (61010, "code is expired", _A, _AUTHORIZE),
    (61011, "invalid component", _O, "Compare ComponentAppid with the appid in WeChat's console."),
    (61012, "invalid option name", _N, "Use location_report, voice_recognize or customer_service."),
    (61013, "invalid option value", _N, "Send a value this option has, as a string."),
    (61014, "must use component token for component api", _T, "Call with the component token."),
    (
        61015,
        "must use biz account token for not component api",
        _N,
        "Call with the authorizer's access token, not with the component token.",
    ),
    (
        61016,
        "function category of API need be confirmed by component",
        _O,
        "Confirm the permission set in WeChat's console.",
    ),
    (61017, "function category is not authorized", _A, _GRANT),
    (61018, "function category is already confirmed", _N, _CONFIRMATION),
    (61019, "function category need not be confirmed", _N, _CONFIRMATION),
    (61020, "err parameter", _N, _CONFIRMATION),
    (61021, "can't confirm function category", _N, _CONFIRMATION),
    (61022, "can't resubmit function category", _N, _CONFIRMATION),
    (
        61023,
        "refresh_token is invalid",
        _A,
        "Nothing to do: WeChat is asked for the present one. Failing that: authorise once more.",
    ),
    (
        61024,
        "must use api(api_component_token) to get token for component acct",
        _N,
        "Fetch the component token with api_component_token, not with cgi-bin/token.",
    ),
    (61025, "read-only option", _N, "This option can be read but not set."),
    (61026, "register access deny", _N, _REGISTRATION),
    (61027, "register limit exceed", _N, _REGISTRATION),
    (61028, "component is unpublished", _O, "Publish the platform (全网发布) in WeChat's console."),
    (
        61029,
        "component need republish with base category",
        _O,
        "Publish the platform (全网发布) once more with the basic permission sets.",
    ),
    (
        61030,
        "component cancel authorization not allowed",
        _N,
        "Only the merchant can cancel, at mp.weixin.qq.com.",
    ),
    (61051, "account's type may not register by it", _N, _NOT_REUSABLE),
    (61052, "official account is not verified", _N, _NOT_REUSABLE),
    (61053, "subject has reached its limit of registrations", _N, _REUSE_LIMIT),
    (61054, "subject is blocked", _O, _PENALTY),
    (61055, "official account has reached its limit of this month", _N, _REUSE_LIMIT),
    (
        61056,
        "this kind of subject must take over the verification",
        _N,
        "Register with copy_wx_verify: for governments, media and others it has to be true.",
    ),
    (
        61057,
        "official account has a registration under way",
        _N,
        "Wait until the registration that is under way has ended.",
    ),
    (
        61058,
        "ticket is invalid",
        _N,
        "If the official account has no new linked mini program, open the link once more.",
    ),
    (
        61060,
        "invalid redirect uri",
        _O,
        "Compare PublicBaseUrl with 授权发起页域名 in the console.",
    ),
    (61061, "oversea account may not register by it", _N, _NOT_REUSABLE),
    (61070, "name, idcard, wechat name not in accordance", _N, _REGISTRATION),
    (76001, "rid not found", _N, "Compare the rid: WeChat knows none like it."),
    (76002, "rid is malformed", _N, "Send the rid as it stands in errmsg."),
    (76003, "rid or cgi_path of another account", _N, "Ask with the token of the same account."),
    (76004, "rid is expired", _N, "Ask within seven days."),
    (76021, "cgi_path not found", _N, "Send the path with its leading '/' and without a host."),
    (76022, "could not use this cgi_path, no permission", _N, "Ask with the API's own token."),
    (86000, "should be called only from third party", _N, _REQUEST),
    (86004, "invalid wechat", _N, "Correct the WeChat id of the legal representative."),
    (89000, "account has bound open", _N, _OPEN_ACCOUNT),
    (89001, "not same contractor", _N, "Bind only accounts of the same legal entity."),
    (89002, "open not exists", _N, "Bind the account to an open-platform account first."),
    (89003, "open is not created by api", _N, _OPEN_ACCOUNT),
    (89004, "open has bound too many accounts", _N, _OPEN_ACCOUNT),
    (89036, "open is not created by api or not verified", _N, _OPEN_ACCOUNT),
    (89247, "internal error of fast registration", _R, "Apply once more in a few minutes."),
    (89248, "fast registration: invalid code type", _N, _REGISTRATION),
    (89249, "fast registration: task is running", _N, "Wait for its result, at most 24 hours."),
    (89250, "fast registration: task is not found", _R, "Compare the data, or apply once more."),
    (89251, "fast registration: waiting for face check", _N, "Wait for the legal representative."),
    (89252, "fast registration: front checking", _N, "Wait for the check, then look again."),
    (89253, "fast registration: lack of parameters", _N, _REGISTRATION),
    (
        89254,
        "fast registration: platform lacks permission sets",
        _N,
        "Add the missing permission sets to the platform in WeChat's console.",
    ),
    (89255, "fast registration: code is invalid", _N, _REGISTRATION),
    (89503, "call from this ip needs the admin's confirmation", _O, _OWNER_CONSENT),
    (89504, "call from this ip awaits the admin's confirmation", _O, _OWNER_CONSENT),
    (89505, "call from this ip awaits the admin's confirmation", _O, _OWNER_CONSENT),
    (89506, "call from this ip refused twice, try after 24 hours", _O, _OWNER_CONSENT),
    (89507, "call from this ip refused, try after 1 hour", _O, _OWNER_CONSENT),
    (
        91030,
        "reach wxid freq limit",
        _N,
        "Wait until tomorrow: one WeChat id can start five registrations a day.",
    ),
)

_BY_CODE: Final = {row[0]: ReturnCode(*row) for row in _TABLE}
KNOWN_CODES: Final = tuple(_BY_CODE)
"""Every code of the table, in its order."""
