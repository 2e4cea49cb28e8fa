"""The runner itself: what it corrects holds in the real emulator, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from sandbox.stack.functions import warming_payload
from sandbox.stack.http_client import Signer
from sandbox.stack.ministack import MiniStack
from sandbox.stack.places import REPOSITORY

if TYPE_CHECKING:
    from sandbox.stack.stack import LocalStack
    from tests.stack.world import World


def test_the_emulator_has_nothing_to_complain_about(stack: LocalStack) -> None:
    """Its pollers and dispatchers run; an error of theirs would show nowhere else."""
    assert stack.complaints() == []


def test_iam_routes_refuse_whatever_is_not_the_callers_signature(world: World) -> None:
    """No signature, a foreign one, a changed one, one for another path or service: 403, always."""
    url = f"{world.stack.platform_url}/tokens/{world.appid}"
    signer = world.caller.signer()
    good = signer.headers("GET", url)
    changed = good | {"Authorization": good["Authorization"][:-1] + "x"}
    root = Signer(world.stack.root.credentials, "us-east-1").headers("GET", url)
    other = world.stack.roles.nobody().signer().headers("GET", url)
    for headers in ({}, {"Authorization": "Bearer x"}, changed, root, other):
        answer = world.stack.http("GET", f"/tokens/{world.appid}", headers=headers)
        assert (answer.status, answer.json()) == (403, {"message": "Forbidden"})
    assert world.stack.http("GET", "/tokens/wx0000000000000001", headers=good).status == 403
    # Signed and allowed: the function itself answers, that it does not know the merchant.
    assert world.stack.http("GET", f"/tokens/{world.appid}", headers=good).status == 404


def test_a_trusted_caller_may_not_invoke_renew(world: World) -> None:
    """The stack's policy for callers names token and sessions only; IAM is enforced."""
    renew = world.stack.outputs["RenewFunction"]
    with pytest.raises(ClientError, match="AccessDenied"):
        world.stack.trusted_caller().invoke(renew, {"job": "component"})


def test_the_edge_refuses_a_body_over_ten_megabytes(stack: LocalStack) -> None:
    """413 comes from the edge; just below it, the function's own limit answers."""
    assert stack.http("POST", "/wechat/events", body=b"x" * (10 * 2**20 + 1)).status == 413


def test_the_table_is_protected_as_the_template_says(stack: LocalStack) -> None:
    """What the emulator's CloudFormation drops was put in place."""
    table = stack.outputs["TableName"]
    database = stack.root.dynamodb
    lives = database.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert (lives["TimeToLiveStatus"], lives["AttributeName"]) == ("ENABLED", "delete_after")
    backups = database.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    recovery = backups["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"
    assert database.describe_table(TableName=table)["Table"]["DeletionProtectionEnabled"]


def test_environments_can_be_warmed(stack: LocalStack) -> None:
    """As many as asked for are there before anything is measured."""
    assert stack.warm("token", 4) >= 4


def test_a_killed_environment_is_replaced(stack: LocalStack) -> None:
    """The invocation after the loss of all environments is a cold one, and it is answered."""
    stack.warm("token", 2)
    assert stack.kill_environments("token") >= 2
    answer = stack.invoke("token", {"authorizer_appid": "wx0000000000000000"})
    assert answer["error"]["code"] == "unknown_authorizer"


def test_every_line_of_an_invocation_is_in_the_log(world: World) -> None:
    """What a function printed is complete as soon as it has answered, metrics included."""
    for _ in range(20):
        world.stack.invoke("callback", warming_payload("callback"))
    refused = [metric for metric in world.stack.metrics() if metric.name == "PushRefused"]
    lines = [line for line in world.logs() if line.function == "callback"]
    assert len(refused) >= 20
    assert sum(line.fields().get("message") == "push refused" for line in lines) == 20
    assert sum(line.text.startswith("END ") for line in lines) == 20


STARTER = """
import signal, sys, time
# Who was started in the background of a shell ignores SIGINT, and so do its children.
signal.signal(signal.SIGINT, signal.default_int_handler)
from sandbox.stack.ministack import MiniStack
from sandbox.stack.wechat_process import Component, WeChatProcess
with MiniStack() as emulator:
    wechat = WeChatProcess(Component.fresh(), {})
    wechat.start(emulator.folder)
    print(emulator.pid, emulator.folder, wechat.pid, flush=True)
    time.sleep(600)
"""


def gone(pid: int, folder: Path) -> bool:
    """Whether the process has ended and its folder is deleted."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return not folder.exists()
    return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_however_the_runner_ends_nothing_is_left(number: signal.Signals) -> None:
    """Not even a killed runner leaves processes, ports or folders behind."""
    with subprocess.Popen(
        [sys.executable, "-c", STARTER],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=REPOSITORY,
        start_new_session=True,
    ) as runner:
        assert runner.stdout is not None
        emulator, folder, wechat = runner.stdout.readline().split()
        runner.send_signal(number)
        try:
            runner.wait(timeout=20)
        except subprocess.TimeoutExpired:
            runner.kill()
            raise
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if gone(int(emulator), Path(folder)) and gone(int(wechat), Path(folder)):
            return
        time.sleep(0.05)
    pytest.fail("something is left")


def test_an_error_while_it_is_up_leaves_nothing() -> None:
    """An exception ends the emulator and deletes its folder at once."""

    class BrokenError(Exception):
        pass

    started: list[tuple[int, Path]] = []

    def break_while_it_is_up() -> None:
        with MiniStack() as emulator:
            started.append((emulator.pid or 0, emulator.folder))
            raise BrokenError

    with pytest.raises(BrokenError):
        break_while_it_is_up()
    (pid, folder) = started[0]
    assert gone(pid, folder)
