"""The endpoints by which a platform registers mini programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sandbox.wechat.calls import Endpoint, Request, TokenNeed
from sandbox.wechat.component_api import OK
from sandbox.wechat.merchants import Merchant
from sandbox.wechat.return_codes import WeChatError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.wechat.registrations import RegistrationBook
    from sandbox.wechat.state import Confirmation, WeChat

ENTERPRISE: Final = "/cgi-bin/component/fastregisterweapp"
PERSONAL: Final = "/wxa/component/fastregisterpersonalweapp"
TRIAL: Final = "/wxa/component/fastregisterbetaweapp"
REUSE: Final = "/cgi-bin/account/fastregister"
CONFIRM_PATH: Final = "/wxawap/fastregistertpbeta"

REUSE_SET: Final = 27
_VERIFIED: Final = 0


def registration_endpoints(
    page_base: Callable[[], str], registered: Callable[[Confirmation], None]
) -> dict[str, Endpoint]:
    """Return the endpoints by path.

    ``page_base`` is where persons confirm; ``registered`` is told of a mini program that was
    registered with an official account's ticket.
    """

    def address(create_token: str) -> str:
        return f"{page_base()}{CONFIRM_PATH}?action=show&create_token={create_token}"

    def enterprise(request: Request) -> Mapping[str, Any]:
        book, now = _book(request), request.state.clock.now()
        if request.query.get("action") == "search":
            book.search(request.body, now)
            return OK
        _require_released(request)
        book.enterprise(request.body, now)
        return OK

    def personal(request: Request) -> Mapping[str, Any]:
        book, now = _book(request), request.state.clock.now()
        if request.query.get("action") == "query":
            found = book.query(request.body, now)
        else:
            _require_released(request)
            found = book.personal(request.body, now)
        return {
            **OK,
            "taskid": found.task_id,
            "authorize_url": address(found.create_token),
            "status": found.task_status,
        }

    def trial(request: Request) -> Mapping[str, Any]:
        _require_released(request)
        made = _book(request).trial(request.body, request.state.clock.now())
        return {
            **OK,
            "unique_id": made.create_token,
            "authorize_url": address(made.create_token),
        }

    def reuse(request: Request) -> Mapping[str, Any]:
        confirmation = _reuse(request.state, request)
        registered(confirmation)
        return {
            **OK,
            "appid": confirmation.authorizer_appid,
            "authorization_code": confirmation.code.value,
            "is_wx_verify_succ": "true",
            "is_link_succ": "true",
        }

    return {
        ENTERPRISE: Endpoint(enterprise),
        PERSONAL: Endpoint(personal),
        TRIAL: Endpoint(trial),
        REUSE: Endpoint(
            reuse,
            required={"ticket": 61058},
            token=TokenNeed.AUTHORIZER,
            checks_address=False,
        ),
    }


def _book(request: Request) -> RegistrationBook:
    if request.query.get("action", "create") not in {"create", "search", "query"}:
        raise WeChatError(40097)
    return request.state.registrations


def _require_released(request: Request) -> None:
    if not request.state.settings.released:
        raise WeChatError(61028)


def _reuse(state: WeChat, request: Request) -> Confirmation:
    """Register a mini program. Raises 61003, 61007, 61051, 61052, 61058."""
    link = state.authorised_link(request.owner.authorizer_appid if request.owner else None)
    account = link.merchant
    if REUSE_SET not in link.func_ids:
        raise WeChatError(61007)
    if account.kind != "oa":
        raise WeChatError(61051)
    if account.verify_type != _VERIFIED:
        raise WeChatError(61052)
    ticket = state.registrations.use_ticket(str(request.body["ticket"]), account.appid)
    registered = Merchant.from_json(
        {
            "kind": "mp",
            "principal_name": account.principal_name,
            "nick_name": f"{account.nick_name} 小程序",
            "verify_type": account.verify_type if ticket.copy_wx_verify else -1,
        },
        state.minter,
    )
    state.add_merchant(registered)
    return state.confirm(registered.appid, state.offered_sets(registered))
