"""Two plain APIs of an account, to prove that an authorizer's token works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sandbox.wechat.account_sets import granted
from sandbox.wechat.calls import Endpoint, Request, TokenNeed
from sandbox.wechat.component_api import OK

if TYPE_CHECKING:
    from collections.abc import Mapping

BASIC_INFO: Final = "/cgi-bin/account/getaccountbasicinfo"
CUSTOM_SEND: Final = "/cgi-bin/message/custom/send"

_BASIC_INFO_SETS: Final = frozenset({3, 30})
_MESSAGE_SETS: Final = frozenset({1, 19})


def account_endpoints() -> dict[str, Endpoint]:
    """Return the endpoints by path. The component's IP list does not guard them."""
    return {
        BASIC_INFO: Endpoint(
            _basic_info,
            token=TokenNeed.AUTHORIZER,
            methods=frozenset({"GET", "POST"}),
            checks_address=False,
        ),
        CUSTOM_SEND: Endpoint(
            _custom_send,
            required={"touser": 40003, "msgtype": 47001},
            token=TokenNeed.AUTHORIZER,
            checks_address=False,
        ),
    }


def _basic_info(request: Request) -> Mapping[str, Any]:
    merchant = granted(request, _BASIC_INFO_SETS).merchant
    return {
        **OK,
        "appid": merchant.appid,
        "account_type": 3 if merchant.kind == "mp" else 2,
        "principal_type": 1,
        "principal_name": merchant.principal_name,
        "realname_status": 1,
    }


def _custom_send(request: Request) -> Mapping[str, Any]:
    link = granted(request, _MESSAGE_SETS)
    text = request.body.get("text")
    request.state.sent.append(
        {
            "authorizer_appid": link.merchant.appid,
            "touser": request.body["touser"],
            "msgtype": request.body["msgtype"],
            "content": text.get("content") if isinstance(text, dict) else None,
        }
    )
    return OK
