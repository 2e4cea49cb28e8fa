"""What a platform asks about its merchants, of the deployed function: by HTTP and by invoke."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from sandbox.stack.observe import eventually
from sandbox.stack.rights.measure import acting_as
from tests.stack.accounts import about, ask, backend_of, cancelled
from tests.stack.refusals import assert_clear, assert_no_secret, unchanged_table
from tests.stack.truth import Vault, at_rest, renew
from tests.stack.world import AUTHORIZER_INFO, World
from wxvault.services.state import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.stack.stack import LocalStack

GET_OPTION = "/cgi-bin/component/get_authorizer_option"
SET_OPTION = "/cgi-bin/component/set_authorizer_option"
OLD_GET_OPTION = "/cgi-bin/component/api_get_authorizer_option"
OLD_SET_OPTION = "/cgi-bin/component/api_set_authorizer_option"
FORBIDDEN = {"message": "Forbidden"}
VERBS = ("assign", "forget", "refresh", "options")


@pytest.fixture
def merchant(world: World) -> World:
    """A merchant with a token."""
    world.authorise()
    return world


@pytest.fixture(scope="module")
def crowd(stack: LocalStack) -> list[World]:
    """Five merchants of five tenants, who all have a token."""
    worlds = [World.fresh(stack) for _ in range(5)]
    for world in worlds:
        world.authorise()
    return worlds


# ---- who may ask --------------------------------------------------------------------------------


def test_a_role_for_one_tenant_sees_that_tenant_alone(crowd: list[World]) -> None:
    """Its own list: 200, whatever the query says of others. Every other route and tenant: 403."""
    mine, other = crowd[:2]
    path = f"/tenants/{mine.tenant_id}/authorizers"
    role = mine.stack.roles.caller_of_paths(f"lists-{mine.tenant_id}", [("GET", path)])
    for query in ("", f"?tenant_id={other.tenant_id}", "?limit=100&status=active"):
        answer = role.http("GET", f"{path}{query}")
        assert answer.status == 200, answer.text
        assert answer.header("cache-control") == "no-store"
        assert [one["authorizer_appid"] for one in answer.json()["authorizers"]] == [mine.appid]
    refused = [
        role.http("GET", f"/tenants/{other.tenant_id}/authorizers"),
        role.http("GET", "/authorizers"),
        role.http("GET", f"/authorizers/{mine.appid}"),
        role.http("POST", f"/tenants/{mine.tenant_id}/forget"),
        *(role.http("POST", f"/authorizers/{mine.appid}/{verb}", body={}) for verb in VERBS),
        mine.stack.roles.nobody().http("GET", path),
        mine.stack.http("GET", path),
    ]
    assert [(one.status, one.json()) for one in refused] == [(403, FORBIDDEN)] * len(refused)


def test_a_role_for_one_appid_sees_that_merchant_alone(crowd: list[World]) -> None:
    """Each of the routes of its own appid, and not one of another's, be it named in the body."""
    mine, other = crowd[:2]
    stack, path = mine.stack, f"/authorizers/{mine.appid}"
    role = stack.roles.caller_of_paths(
        f"all-of-{mine.appid}", [("GET", path), *(("POST", f"{path}/{verb}") for verb in VERBS)]
    )
    assert role.http("GET", path).json()["authorizer_appid"] == mine.appid
    body = {"authorizer_appid": other.appid, "option_name": "voice_recognize"}
    told = role.http("POST", f"{path}/options", body=body).json()
    assert told["authorizer_appid"] == mine.appid
    theirs = f"/authorizers/{other.appid}"
    refused = [
        role.http("GET", theirs),
        *(role.http("POST", f"{theirs}/{verb}", body={}) for verb in VERBS),
        role.http("GET", "/authorizers"),
        role.http("GET", f"/tenants/{mine.tenant_id}/authorizers"),
        role.http("POST", f"/tenants/{mine.tenant_id}/forget", body={}),
    ]
    assert [(one.status, one.json()) for one in refused] == [(403, FORBIDDEN)] * len(refused)


def test_the_example_policy_allows_one_tenant(stack: LocalStack) -> None:
    """As it stands it is for a tenant of nobody: an empty list, and every other is forbidden."""
    caller = acting_as(stack, "single-tenant caller")
    answer = caller.http("GET", "/tenants/your-tenant/authorizers")
    assert (answer.status, answer.json()) == (200, {"authorizers": [], "cursor": None})
    assert caller.http("GET", "/tenants/another-tenant/authorizers").status == 403


def test_who_may_not_invoke_learns_nothing(crowd: list[World]) -> None:
    """Direct invoke is for trusted callers."""
    with pytest.raises(ClientError, match="AccessDenied"):
        crowd[0].caller.invoke(crowd[0].stack.functions["accounts"].alias, {"action": "list"})


# ---- lists --------------------------------------------------------------------------------------


def walk(
    page: Callable[[str | None], dict[str, Any]], between: Callable[[int], object]
) -> list[str]:
    """Read a list to its end; between two pages something happens."""
    found: list[str] = []
    cursor: str | None = None
    for number in range(50):
        answer = page(cursor)
        found += [one["authorizer_appid"] for one in answer["authorizers"]]
        cursor = answer["cursor"]
        if cursor is None:
            return found
        between(number)
    raise AssertionError(found)


def test_lists_while_things_change(crowd: list[World]) -> None:
    """Page by page of one: those who stay in a list come once, whoever comes, moves and goes."""
    stack, tenant = crowd[0].stack, f"{crowd[0].tenant_id}-town"
    backend = backend_of(stack)
    for one in crowd:
        assert about(one, "assign", tenant_id=tenant)["tenant_id"] == tenant
    in_order = sorted(one.appid for one in crowd)
    by_appid = {one.appid: one for one in crowd}
    first, last = by_appid[in_order[0]], by_appid[in_order[-1]]

    def by_tenant(cursor: str | None) -> dict[str, Any]:
        query = f"?limit=1{f'&cursor={cursor}' if cursor else ''}"
        answer = backend.http("GET", f"/tenants/{tenant}/authorizers{query}")
        assert answer.status == 200, answer.text
        return dict(answer.json())

    def changes(number: int) -> None:
        # Somebody who was shown already moves away and back; the last one leaves in the end.
        about(first, "assign", tenant_id=None if number % 2 else tenant)
        if number == 1:
            about(last, "assign", tenant_id=None)

    assert walk(by_tenant, changes) == in_order[:-1]

    def unassigned(cursor: str | None) -> dict[str, Any]:
        return ask(first, "list", unassigned=True, limit=2, status="active", cursor=cursor)

    def by_status(cursor: str | None) -> dict[str, Any]:
        return ask(first, "list", limit=2, status="active", cursor=cursor)

    assert last.appid in walk(unassigned, lambda _: None)
    active = walk(by_status, lambda _: None)
    assert set(in_order) <= set(active)
    assert active == sorted(set(active))
    lost = walk(lambda cursor: ask(first, "list", status="lost", cursor=cursor), lambda _: None)
    assert not set(in_order) & set(lost)


def test_a_list_says_how_each_stands(merchant: World) -> None:
    """Tenant, status and what is known of the profile: at first nothing, after a look its name."""

    def entry() -> dict[str, Any]:
        (found,) = ask(merchant, "list", tenant_id=merchant.tenant_id)["authorizers"]
        return dict(found)

    before = entry()
    assert (before["status"], before["tenant_id"]) == ("active", merchant.tenant_id)
    assert (before["nick_name"], before["kind"]) == (None, None)
    assert (before["verifying"], before["api_ability"], before["attempts"]) == (False, True, 0)
    assert before["due_at"] > time.time()
    about(merchant, "get")
    after = entry()
    assert (after["nick_name"], after["kind"]) == (
        merchant.merchant["nick_name"],
        "official_account",
    )


def settle_in(world: World, tenant: str, count: int) -> list[str]:
    """Have merchants of a tenant stand in the table who cancelled some time ago."""
    component = world.stack.component.appid
    appids = [f"wx{secrets.token_hex(8)}" for _ in range(count)]
    for first in range(0, count, 25):
        items = [
            {
                "pk": {"S": f"A#{component}#{appid}"},
                "sk": {"S": "TOKEN"},
                "authorizer_appid": {"S": appid},
                "status": {"S": "revoked"},
                "tenant_id": {"S": tenant},
                "tenant_key": {"S": f"{component}#{tenant}"},
                "tenant_sort": {"S": f"revoked#{appid}"},
            }
            for appid in appids[first : first + 25]
        ]
        puts: Any = [{"PutRequest": {"Item": item}} for item in items]
        world.stack.root.dynamodb.batch_write_item(
            RequestItems={world.stack.outputs["TableName"]: puts}
        )
    return sorted(appids)


def test_a_thousand_are_listed_and_forgotten(world: World) -> None:
    """Ten pages of a hundred, each one once; forgotten in as many requests as it takes."""
    tenant = f"{world.tenant_id}-city"
    appids = settle_in(world, tenant, 1000)
    asked, pages = world.stack.wechat.last_seq(), []

    def page(cursor: str | None) -> dict[str, Any]:
        pages.append(cursor)
        return ask(world, "list", tenant_id=tenant, limit=100, cursor=cursor)

    assert walk(page, lambda _: None) == appids
    assert len(pages) == 10
    gone: list[str] = []
    for _ in range(20):
        done = ask(world, "forget_tenant", tenant_id=tenant)
        gone += done["forgotten"]
        if done["done"]:
            break
    assert sorted(gone) == appids
    assert ask(world, "list", tenant_id=tenant) == {"authorizers": [], "cursor": None}
    assert world.stack.wechat.count(AUTHORIZER_INFO, since=asked, what="calls") == 0


# ---- profiles -----------------------------------------------------------------------------------


def test_a_profile_is_asked_for_once(merchant: World) -> None:
    """The first look is one call of WeChat's; the next ones, by whichever way, are none."""
    path = f"/authorizers/{merchant.appid}"
    found = [about(merchant, "get"), backend_of(merchant.stack).http("GET", path).json()]
    assert found[0] == found[1]
    assert merchant.count(AUTHORIZER_INFO) == 1
    told = found[0]
    assert told["profile"]["nick_name"] == merchant.merchant["nick_name"]
    assert told["profile"]["user_name"] == merchant.merchant["user_name"]
    assert told["profile"]["service_type"] == {
        "number": 2,
        "en": "service account",
        "zh": "服务号",
    }
    assert told["profile"]["account_status"]["zh"] == "正常"
    assert told["permission_sets"]["granted"]
    assert_no_secret(merchant.stack, str(told))
    assert about(merchant, "refresh")["profile"]["read_at"] > told["profile"]["read_at"]
    assert merchant.count(AUTHORIZER_INFO) == 2


@pytest.mark.parametrize(
    ("kind", "values", "name"),
    [
        ("mp", {}, "mini_program"),
        ("mp", {"service_type": 4}, "mini_game"),
        ("channels", {}, "channels"),
        ("talent", {}, "sales_assistant"),
    ],
)
def test_kinds_of_accounts(stack: LocalStack, kind: str, values: dict[str, Any], name: str) -> None:
    """Told by what WeChat's answer has in it."""
    fresh = World.fresh(stack)
    world = World(
        stack,
        fresh.tenant_id,
        stack.wechat.add_merchant(kind=kind, **values),
        fresh.since,
        fresh.calls_since,
    )
    auth_type = {"channels": 5, "talent": 8}.get(kind, 3)
    trip = world.launched(style="pc", auth_type=auth_type)
    trip.land(trip.confirm(world.appid, push="first"))
    world.wait_done(trip)
    assert about(world, "get")["profile"]["kind"]["name"] == name


def test_permission_sets_by_name(world: World) -> None:
    """What the merchant takes back is missing, what comes is new, what is wanted is said."""
    trip = world.launched(style="pc")
    trip.land(trip.confirm(world.appid, push="first", func_ids=[1, 7]))
    world.wait_done(trip)
    assert about(world, "get", wanted=[1])["permission_sets"]["missing"] == []
    again = world.stack.wechat.confirm(world.appid, func_ids=[1, 11], push="first")
    at_rest(world, [again.auth_code])
    sets = about(world, "get", wanted="1,15")["permission_sets"]
    assert [one["number"] for one in sets["granted"]] == [1, 11]
    assert [(one["number"], one["zh"]) for one in sets["new"]] == [(11, "素材管理")]
    assert [(one["number"], one["wanted"], one["granted_before"]) for one in sets["missing"]] == [
        (7, False, True),
        (15, True, False),
    ]


def test_what_wechat_tells_otherwise_is_looked_into(merchant: World) -> None:
    """61003 withholds the token until WeChat was asked again, under the lease; then it is back."""
    stack = merchant.stack
    stack.wechat.add_fault(
        "errcode", AUTHORIZER_INFO, authorizer_appid=merchant.appid, errcode=61003
    )
    error = about(merchant, "refresh")["error"]
    assert (error["code"], error["wechat_errcode"]) == ("wechat_refused", 61003)
    assert Vault(stack).state(merchant.appid).verifying
    assert stack.wechat.check(merchant.token()).honoured
    assert at_rest(merchant).status is Status.ACTIVE
    stack.wechat.cancel(merchant.appid, push="none")
    assert about(merchant, "refresh")["error"]["wechat_errcode"] == 61003
    assert renew(stack, merchant.appid) == "revoked"
    assert about(merchant, "get")["status"] == "revoked"


def test_a_profile_that_wechat_does_not_tell(merchant: World) -> None:
    """All that is known here is told all the same, with WeChat's reason beside it."""
    merchant.stack.wechat.add_fault(
        "errcode", AUTHORIZER_INFO, authorizer_appid=merchant.appid, errcode=-1
    )
    told = about(merchant, "get")
    assert (told["status"], told["profile"]) == ("active", None)
    assert told["profile_problem"]["wechat_errcode"] == -1
    assert about(merchant, "get")["profile"] is not None


# ---- assigning and forgetting -------------------------------------------------------------------


def test_assign_is_told_once(merchant: World) -> None:
    """To another tenant, the same again, and to nobody: two events, in sequence; tokens stay."""
    token = merchant.token()
    path = f"/authorizers/{merchant.appid}/assign"
    for _ in range(2):
        answer = backend_of(merchant.stack).http("POST", path, body={"tenant_id": "elsewhere"})
        assert answer.status == 200, answer.text
    assert answer.json()["changed"] is False
    assert about(merchant, "assign", tenant_id=None)["from_tenant_id"] == "elsewhere"

    def told() -> list[tuple[Any, ...]] | None:
        found = [one for one in merchant.events() if one.kind == "authorizer.assigned"]
        if len(found) < 2:
            return None
        return [(one.detail["from_tenant_id"], one.detail["to_tenant_id"]) for one in found]

    moves = eventually(told, what="both events")
    assert moves == [(merchant.tenant_id, "elsewhere"), ("elsewhere", None)]
    numbers = [one.detail["sequence"] for one in merchant.events()]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert merchant.token() == token


def test_an_active_merchant_is_not_forgotten(merchant: World) -> None:
    """409 with a way out, and nothing has changed."""
    path = f"/authorizers/{merchant.appid}/forget"
    # What follows from the code that brought the merchant may still be under way.
    with unchanged_table(merchant.stack, besides=lambda key: key[1] == "CODE"):
        answer = backend_of(merchant.stack).http("POST", path, body={})
        error = assert_clear(merchant.stack, answer, 409, "not_forgettable")
    assert "cancel" in error["remedy"]


def test_who_is_gone_is_forgotten_and_may_come_back(merchant: World) -> None:
    """Nothing is left; a new authorisation begins anew."""
    about(merchant, "get")
    cancelled(merchant)
    assert about(merchant, "forget")["forgotten"] is True
    left = [
        item for item in merchant.stack.scan_table() if item["pk"]["S"].endswith(merchant.appid)
    ]
    assert left == []
    assert about(merchant, "get")["error"]["code"] == "unknown_authorizer"
    time.sleep(1.1)
    merchant.authorise()
    assert about(merchant, "get")["tenant_id"] == merchant.tenant_id
    assert merchant.stack.wechat.check(merchant.token()).honoured


def test_a_tenant_is_forgotten(stack: LocalStack) -> None:
    """Who is gone is deleted, who is active belongs to nobody, and nobody else is touched."""
    active, gone, other = (World.fresh(stack) for _ in range(3))
    for world in (active, gone, other):
        world.authorise()
    tenant = gone.tenant_id
    about(active, "assign", tenant_id=tenant)
    cancelled(gone)
    path = f"/tenants/{tenant}/forget"
    done = backend_of(stack).http("POST", path, body={}).json()
    assert done == {
        "tenant_id": tenant,
        "forgotten": [gone.appid],
        "unassigned": [active.appid],
        "waiting": [],
        "done": True,
    }
    assert about(active, "get")["tenant_id"] is None
    assert about(other, "get")["tenant_id"] == other.tenant_id
    assert ask(other, "list", tenant_id=tenant) == {"authorizers": [], "cursor": None}


# ---- options ------------------------------------------------------------------------------------


def test_options_by_the_current_paths(merchant: World) -> None:
    """Read, set, read again: one call each, with the merchant's own token."""
    path = f"/authorizers/{merchant.appid}/options"
    set_to = {"option_name": "location_report", "option_value": "2"}
    answer = backend_of(merchant.stack).http("POST", path, body=set_to)
    assert answer.json()["options"] == {
        "location_report": {
            "value": "2",
            "en": "every five seconds",
            "zh": "每5s上报",
            "path": "current",
        }
    }
    told = about(merchant, "options")["options"]
    assert told["location_report"]["value"] == "2"
    assert set(told) == {"location_report", "voice_recognize", "customer_service"}
    assert (merchant.count(SET_OPTION), merchant.count(GET_OPTION)) == (1, 3)
    assert (merchant.count(OLD_SET_OPTION), merchant.count(OLD_GET_OPTION)) == (0, 0)


def test_options_by_the_old_paths(merchant: World) -> None:
    """Where the current ones take no such token: the component's, at the old ones."""
    for path in (GET_OPTION, SET_OPTION):
        merchant.stack.wechat.add_fault(
            "errcode", path, authorizer_appid=merchant.appid, errcode=61014
        )
    told = about(merchant, "options", option_name="voice_recognize", option_value=1)
    assert told["options"]["voice_recognize"]["path"] == "old"
    told = about(merchant, "options", option_name="voice_recognize")
    assert told["options"]["voice_recognize"] == {
        "value": "1",
        "en": "on",
        "zh": "开启",
        "path": "old",
    }
    assert (merchant.count(OLD_SET_OPTION), merchant.count(OLD_GET_OPTION)) == (1, 1)


@pytest.mark.parametrize("errcode", [61012, 61013, 61025, 61007])
def test_what_wechat_refuses_of_an_option(merchant: World, errcode: int) -> None:
    """Its code and a remedy; no other path is tried."""
    merchant.stack.wechat.add_fault(
        "errcode", SET_OPTION, authorizer_appid=merchant.appid, errcode=errcode
    )
    error = about(merchant, "options", option_name="voice_recognize", option_value="1")["error"]
    assert (error["code"], error["wechat_errcode"]) == ("wechat_refused", errcode)
    assert error["remedy"]
    assert merchant.count(OLD_SET_OPTION, what="calls") == 0
