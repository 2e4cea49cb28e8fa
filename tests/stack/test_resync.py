"""Resync and adopt in a deployed stack of their own: everybody comes back, and nobody is asked.

The table is robbed with the root user's rights; what is done about it is done by the deployed
functions under their own roles, and by the commands that an operator types.
"""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.stack.observe import eventually
from sandbox.stack.places import REPOSITORY
from sandbox.stack.progress import Progress
from sandbox.stack.published import published
from sandbox.stack.stack import LocalStack
from tests.stack.conftest import OPTIONS
from tests.stack.truth import Vault, at_rest, make_due, sha256
from tests.stack.world import (
    AUTHORIZER_INFO,
    AUTHORIZER_LIST,
    AUTHORIZER_TOKEN,
    PRE_AUTH_CODE,
    QUERY_AUTH,
    World,
)
from wxvault.services.state import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

CROWD = 1000
NOBODY = "wx00000000000000ff"
_THREADS = 8
_SLOW_SECONDS = 5.0


@pytest.fixture(name="own", scope="module")
def _own() -> Iterator[LocalStack]:
    """A stack in which every merchant may be robbed."""
    with LocalStack(OPTIONS, Progress()) as running:
        running.wechat.wait_idle()
        assert "access_token" in running.invoke("token", {"component": True})
        yield running


@pytest.fixture(name="worlds")
def _worlds(own: LocalStack) -> Iterator[list[World]]:
    """Five merchants of five tenants, who are gone again afterwards, here and at WeChat."""
    worlds = [World.fresh(own) for _ in range(5)]
    for world in worlds:
        world.authorise()
    yield worlds
    for merchant in own.wechat.merchants():
        if merchant["authorised"]:
            own.wechat.cancel(merchant["appid"], push="none")
    forget_all(own)


# --- robbing and looking -------------------------------------------------------------------------


def update(stack: LocalStack, appid: str, expression: str, **values: Any) -> None:
    """Change a merchant's item by hand."""
    request: dict[str, Any] = {"UpdateExpression": expression} if expression else {}
    if values:
        request["ExpressionAttributeValues"] = {f":{name}": value for name, value in values.items()}
    stack.root.dynamodb.update_item(
        TableName=stack.outputs["TableName"],
        Key={"pk": {"S": f"A#{stack.component.appid}#{appid}"}, "sk": {"S": "TOKEN"}},
        **request,
    )


def for_each(appids: Iterable[str], work: Callable[[str], object]) -> None:
    """Do something for many, several at a time."""
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(work, appids))


def wipe(stack: LocalStack, appids: Iterable[str]) -> None:
    """Take every refresh token out of the table."""
    for_each(appids, lambda appid: update(stack, appid, "REMOVE refresh_token"))


def forget_all(stack: LocalStack) -> None:
    """Take every merchant out of the table."""
    table = stack.outputs["TableName"]
    keys = [
        {"pk": item["pk"], "sk": item["sk"]}
        for item in stack.scan_table()
        if item["pk"]["S"].startswith("A#")
    ]
    for start in range(0, len(keys), 25):
        requests: list[Any] = [{"DeleteRequest": {"Key": key}} for key in keys[start : start + 25]]
        stack.root.dynamodb.batch_write_item(RequestItems={table: requests})


def asked(stack: LocalStack, since: int) -> dict[str, int]:
    """How often WeChat was asked what, since the log's entry."""
    paths = stack.wechat.counts(since)["paths"]
    names = (AUTHORIZER_LIST, AUTHORIZER_INFO, AUTHORIZER_TOKEN, QUERY_AUTH, PRE_AUTH_CODE)
    return {name.rpartition("/")[2]: paths.get(name, {"calls": 0})["calls"] for name in names}


def all_active(stack: LocalStack, number: int) -> bool:
    """Whether so many are active, with tokens, and nobody else is there."""
    states = list(Vault(stack).directory.all())
    good = [
        state
        for state in states
        if state.status is Status.ACTIVE and state.has_access and not state.verifying
    ]
    return len(good) == len(states) == number


def assert_as_wechat_says(world: World) -> None:
    """Active, with WeChat's newest refresh token, and a token that WeChat honours."""
    state = at_rest(world)
    assert state.status is Status.ACTIVE
    vault = Vault(world.stack)
    refresh_token = vault.tokens.refresh_token(state)
    assert refresh_token is not None
    known = world.stack.wechat.merchant(world.appid)
    assert sha256(refresh_token) == known["refresh_token_sha256"]
    assert world.stack.wechat.check(world.token()).verdict == "honoured"


def resync(stack: LocalStack, **wanted: Any) -> dict[str, Any]:
    """Invoke the function."""
    answer = stack.invoke("resync", wanted)
    assert "error" not in answer, answer
    return dict(answer)


# --- what was lost comes back --------------------------------------------------------------------


def test_lost_refresh_tokens_come_back(own: LocalStack, worlds: list[World]) -> None:
    """Every refresh token wiped: the dry run says what is done, it is done, nobody is asked."""
    wipe(own, [world.appid for world in worlds])
    since = own.wechat.last_seq()
    planned = resync(own, dry_run=True)
    assert planned["counts"] == {"restore": 5}
    assert all(not Vault(own).state(world.appid).has_refresh for world in worlds)
    done = resync(own, dry_run=False)
    assert done == planned | {"dry_run": False}
    for world in worlds:
        assert_as_wechat_says(world)
        assert Vault(own).state(world.appid).tenant_id == world.tenant_id
    assert asked(own, since) == {
        "api_get_authorizer_list": 2,
        "api_get_authorizer_info": 0,
        "api_authorizer_token": 5,
        "api_query_auth": 0,
        "api_create_preauthcode": 0,
    }
    assert resync(own)["counts"] == {"unchanged": 5}


def test_nothing_older_wins_while_merchants_come_and_go(
    own: LocalStack, worlds: list[World]
) -> None:
    """The list is on its way for seconds; meanwhile one authorises again, one cancels, one renews.

    WeChat gives a new refresh token with every renewal here, so the list's are old by then.
    """
    own.wechat.configure(rotate_on_refresh=True, rotate_on_update=True)
    again, gone, renewed, *others = worlds
    try:
        wipe(own, [world.appid for world in (gone, renewed, *others)])
        make_due(own, renewed.appid)
        own.wechat.add_fault("slow", AUTHORIZER_LIST, seconds=_SLOW_SECONDS, executed=True)
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(resync, own, dry_run=False)
            # The fault is used up when the call comes in, and the answer is made up then.
            eventually(lambda: not own.wechat.faults(), what="the list is under way")
            own.wechat.cancel(gone.appid)
            again.authorise()
            own.invoke("renew", {"job": "authorizer", "authorizer_appid": renewed.appid})
            done = running.result()
        changed = {one["authorizer_appid"]: one["action"] for one in done["changes"]}
        assert changed.keys() <= {world.appid for world in others} | {again.appid}
        assert {changed[world.appid] for world in others} == {"restore"}
        for world in (again, renewed, *others):
            assert_as_wechat_says(world)
        assert at_rest(gone).status is Status.REVOKED
        assert gone.look_up()["error"]["code"] == "authorizer_revoked"
        assert resync(own)["changes"] == []
    finally:
        own.wechat.clear_faults()
        own.wechat.configure(rotate_on_refresh=False, rotate_on_update=False)


def test_a_platform_moves_in_with_one_command(
    own: LocalStack, worlds: list[World], tmp_path: Path
) -> None:
    """The table is empty: `make resync` tells who is missing, `make adopt` has them all active.

    A merchant whose code nobody ever exchanged is named, with what is to be done about it.
    """
    never = World.fresh(own)
    own.wechat.confirm(never.appid, push="none")
    forget_all(own)
    since = own.wechat.last_seq()
    # Somebody has asked for it by hand before: it is known here, and still nothing is waited for.
    assert resync(own, dry_run=False, authorizer_appid=never.appid)["counts"] == {"found": 1}
    with published(own, tmp_path):
        told = command(tmp_path)
        assert told.returncode == 0, told.stderr
        assert "This was a dry run" in told.stdout
        assert all(world.appid in told.stdout for world in worlds)
        adopted = command(tmp_path, "--adopt")
    assert adopted.returncode == 1, adopted.stderr
    assert "5 of 6 merchants that WeChat lists are active" in adopted.stdout
    assert never.appid in adopted.stdout.splitlines()[-2]
    assert "authorise once more" in adopted.stdout.splitlines()[-1]
    for world in worlds:
        assert_as_wechat_says(world)
        assert Vault(own).state(world.appid).tenant_id is None
    told_once = asked(own, since)
    assert told_once["api_get_authorizer_info"] == 5 + 1
    assert told_once["api_authorizer_token"] == 5
    assert told_once["api_query_auth"] == told_once["api_create_preauthcode"] == 0
    assert not any(secret.value in told.stdout + adopted.stdout for secret in own.wechat.secrets())


def command(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Run what `make resync` and `make adopt` run."""
    return subprocess.run(
        [sys.executable, "-m", "tools.resync", "--running", str(folder), *more],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


def test_one_merchant_by_hand(own: LocalStack, worlds: list[World]) -> None:
    """Known or not, WeChat is asked about just this one."""
    world = worlds[0]
    since = own.wechat.last_seq()
    own.wechat.expire(world.appid, "refresh_replaced")
    done = resync(own, dry_run=False, authorizer_appid=world.appid)
    assert done["counts"] == {"verify": 1}
    assert_as_wechat_says(world)
    assert asked(own, since)["api_get_authorizer_list"] == 0


def test_a_nomination_ends_with_wechats_answer(own: LocalStack, worlds: list[World]) -> None:
    """A code nobody exchanged, and an appid that is nobody's: asked once, told why, forgotten."""
    assert worlds
    never = World.fresh(own)
    own.wechat.confirm(never.appid, push="none")
    for appid, reason in ((never.appid, "never_exchanged"), (NOBODY, "invalid_appid")):
        since = own.wechat.last_seq()
        if appid == NOBODY:
            own.wechat.add_fault("errcode", AUTHORIZER_INFO, authorizer_appid=appid, errcode=40013)
        resync(own, dry_run=False, authorizer_appid=appid)

        def told(appid: str = appid) -> object:
            said = own.invoke("accounts", {"action": "get", "authorizer_appid": appid})
            return said["pending_reason"]

        assert eventually(told, what=f"{reason} of {appid}") == reason
        assert asked(own, since)["api_get_authorizer_info"] == 1
        gone = own.invoke("accounts", {"action": "forget", "authorizer_appid": appid})
        assert "error" not in gone, gone


@pytest.mark.parametrize(
    "wanted", [{"dry_run": "no"}, {"apply": True}, {"authorizer_appid": "gh_1"}, {"after": 7}]
)
def test_what_nobody_can_mean_changes_nothing(own: LocalStack, wanted: dict[str, Any]) -> None:
    """A clear error, before WeChat is asked."""
    since = own.wechat.last_seq()
    error = own.invoke("resync", wanted)["error"]
    assert (error["code"], bool(error["remedy"])) == ("invalid_request", True)
    assert asked(own, since)["api_get_authorizer_list"] == 0


# --- a thousand ----------------------------------------------------------------------------------


def test_a_thousand_merchants_cost_what_they_must(own: LocalStack) -> None:
    """Adopted, robbed, renewed, listed, refreshed: 1 call per 500, repair, renewal and refresh."""
    appids = own.wechat.crowd(CROWD)
    since = own.wechat.last_seq()
    planned = resync(own, dry_run=True)
    assert planned["counts"] == {"found": CROWD}
    done = resync(own, dry_run=False)
    assert done == planned | {"dry_run": False}
    wait_for_all(own)
    assert asked(own, since) == calls(lists=4, repairs=CROWD, renewals=CROWD)

    wipe(own, appids)
    since = own.wechat.last_seq()
    assert resync(own, dry_run=False)["counts"] == {"restore": CROWD}
    eventually(
        lambda: asked(own, since)["api_authorizer_token"] >= CROWD,
        what="everybody is renewed",
        seconds=600,
        sleep=lambda _: time.sleep(2),
    )
    wait_for_all(own)
    assert asked(own, since) == calls(lists=2, repairs=0, renewals=CROWD)

    for_each(appids, lambda appid: make_due(own, appid))
    since = own.wechat.last_seq()
    assert own.sweep()["authorizers"] == CROWD
    eventually(
        lambda: asked(own, since)["api_authorizer_token"] >= CROWD,
        what="everybody is renewed again",
        seconds=600,
        sleep=lambda _: time.sleep(2),
    )
    wait_for_all(own)
    assert asked(own, since) == calls(lists=0, repairs=0, renewals=CROWD)
    assert resync(own)["counts"] == {"unchanged": CROWD}

    since = own.wechat.last_seq()
    assert listed(own) == sorted(appids)
    for_each(appids, lambda appid: account(own, action="refresh", authorizer_appid=appid))
    assert asked(own, since) == calls(lists=0, repairs=CROWD, renewals=0)


def account(stack: LocalStack, **wanted: Any) -> dict[str, Any]:
    """Ask *accounts*."""
    answer = stack.invoke("accounts", wanted)
    assert "error" not in answer, answer
    return dict(answer)


def listed(stack: LocalStack) -> list[str]:
    """Who is active, page by page, as a platform's backend lists them."""
    appids: list[str] = []
    more: dict[str, Any] = {}
    while True:
        page = account(stack, action="list", status="active", limit=100, **more)
        appids += [one["authorizer_appid"] for one in page["authorizers"]]
        if page["cursor"] is None:
            return appids
        more = {"cursor": page["cursor"]}


def calls(*, lists: int, repairs: int, renewals: int) -> dict[str, int]:
    """Return what WeChat must have been asked, and nothing besides."""
    return {
        "api_get_authorizer_list": lists,
        "api_get_authorizer_info": repairs,
        "api_authorizer_token": renewals,
        "api_query_auth": 0,
        "api_create_preauthcode": 0,
    }


def wait_for_all(stack: LocalStack) -> None:
    """Wait until everybody of the crowd is active."""
    eventually(
        lambda: all_active(stack, CROWD),
        what="all are active",
        seconds=600,
        sleep=lambda _: time.sleep(2),
    )
