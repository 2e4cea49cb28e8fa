"""What may be asked of *accounts*, by name: each takes the fields of a request and answers it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from wxvault.runtime import account_answers, account_requests
from wxvault.runtime.status_part import status_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wxvault.runtime.wiring import Wiring

    type Action = Callable[[Mapping[str, Any], str], Mapping[str, Any]]


def account_actions(wiring: Wiring) -> dict[str, Action]:
    """Return every action; each takes the request's fields and its id.

    Each raises InvalidRequestError for a field that cannot be accepted, before anything is done.
    """
    accounts, forgetting, options = wiring.accounts, wiring.forgetting, wiring.options

    def page(wanted: Mapping[str, Any], _: str) -> Mapping[str, Any]:
        request = account_requests.ListRequest.read(wanted)
        found, last = accounts.page(request.selection, limit=request.limit, after=request.after)
        return {
            "authorizers": [account_answers.entry(account) for account in found],
            "cursor": account_requests.cursor(request.selection, last),
        }

    def get(wanted: Mapping[str, Any], request_id: str) -> Mapping[str, Any]:
        account_requests.only(wanted, "authorizer_appid", "wanted")
        appid = account_requests.authorizer_of(wanted)
        sets = account_requests.wanted_sets(wanted.get("wanted"))
        return account_answers.description(accounts.describe(appid), sets, request_id)

    def refresh(wanted: Mapping[str, Any], request_id: str) -> Mapping[str, Any]:
        account_requests.only(wanted, "authorizer_appid", "wanted")
        appid = account_requests.authorizer_of(wanted)
        sets = account_requests.wanted_sets(wanted.get("wanted"))
        return account_answers.description(accounts.refresh(appid), sets, request_id)

    def assign(wanted: Mapping[str, Any], _: str) -> Mapping[str, Any]:
        account_requests.only(wanted, "authorizer_appid", "tenant_id")
        appid = account_requests.authorizer_of(wanted)
        tenant_id = account_requests.tenant_to_assign(wanted)
        return account_answers.assigned(accounts.assign(appid, tenant_id))

    def forget(wanted: Mapping[str, Any], _: str) -> Mapping[str, Any]:
        account_requests.only(wanted, "authorizer_appid")
        state = forgetting.forget(account_requests.authorizer_of(wanted))
        return {
            "authorizer_appid": state.authorizer_appid,
            "forgotten": True,
            "status": str(state.status),
            "tenant_id": state.tenant_id,
        }

    def forget_tenant(wanted: Mapping[str, Any], _: str) -> Mapping[str, Any]:
        account_requests.only(wanted, "tenant_id")
        tenant_id = account_requests.tenant_of(wanted)
        return account_answers.tenant_forgotten(forgetting.forget_tenant(tenant_id))

    def either(wanted: Mapping[str, Any], _: str) -> Mapping[str, Any]:
        account_requests.only(wanted, "authorizer_appid", "option_name", "option_value")
        appid = account_requests.authorizer_of(wanted)
        name = wanted.get("option_name")
        if "option_value" in wanted:
            was_set = options.set(appid, name, wanted["option_value"])
            return account_answers.options(appid, [was_set])
        return account_answers.options(appid, options.get(appid, name))

    # Built when it is asked for: what it needs beside the rest costs every start of a function.
    look = cache(lambda: status_of(wiring))

    def status(wanted: Mapping[str, Any], _: str) -> Mapping[str, Any]:
        account_requests.only(wanted)
        return look()()

    return {
        "list": page,
        "get": get,
        "assign": assign,
        "forget": forget,
        "forget_tenant": forget_tenant,
        "refresh": refresh,
        "options": either,
        "status": status,
    }
