"""A merchant's confirmation without a browser: what the authorisation pages do, by program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.wechat.authorise_links import (
    AuthorisationRequest,
    check_link,
    check_plugin,
    link_query,
    redirect_url,
)
from sandbox.wechat.state import RefusalError

if TYPE_CHECKING:
    from sandbox.wechat.control_fields import Fields
    from sandbox.wechat.desk import Desk


def confirm(desk: Desk, fields: Fields, *, plugin: bool = False) -> dict[str, Any]:
    """Let a merchant confirm.

    In: ``authorizer_appid``; ``func_ids`` (default: all that are offered); what the merchant came
    with: ``link`` and ``referer`` (checked as the page does), or ``pre_auth_code`` and
    ``redirect_uri`` (not checked), or nothing (an authorisation from no link); ``push`` and
    ``options``. For the plugin the fields of its call instead. Out: ``change``, ``auth_code``,
    ``redirect_url``, ``push_id``.
    """
    appid = fields.text("authorizer_appid")
    asked = _asked(desk, fields, plugin=plugin)
    if asked and all(merchant.appid != appid for merchant in asked.candidates):
        raise RefusalError("account_not_listed", "The page does not list this account")
    code = asked.pre_auth_code if asked else fields.text("pre_auth_code", "")
    func_ids = fields.numbers("func_ids")
    with desk.lock:
        link = desk.state.link(appid)
        if func_ids is None:
            categories = asked.categories if asked else ()
            func_ids = desk.state.offered_sets(link.merchant, categories)
        redirect_uri = fields.text("redirect_uri", asked.redirect_uri if asked else "")
        if code and not redirect_uri and not plugin:
            redirect_uri = desk.state.pre_auth_code(code).redirect_uri
    done = desk.confirm(
        appid,
        func_ids,
        pre_auth_code=code,
        mode=fields.push_mode(),
        options=fields.push_options(),
    )
    confirmation = done.confirmation
    granted = confirmation.code
    expires_in = int(granted.expires_at - confirmation.created_at)
    target = redirect_url(desk.settings, redirect_uri, granted.value, expires_in)
    return {
        "change": confirmation.change,
        "auth_code": granted.value,
        "expires_in": expires_in,
        "redirect_url": target if redirect_uri else None,
        "push_id": done.push.push_id if done.push else None,
    }


def _asked(desk: Desk, fields: Fields, *, plugin: bool) -> AuthorisationRequest | None:
    if plugin:
        return check_plugin(
            desk,
            {
                "component_appid": fields.text("platformAppID", ""),
                "pre_auth_code": fields.text("preAuthCode", ""),
                "auth_type": str(fields.number("authType", 3)),
                "biz_appid": fields.text("bizAppid", ""),
            },
        )
    if fields.has("link"):
        return check_link(desk, link_query(fields.text("link")), fields.text("referer", ""))
    return None
