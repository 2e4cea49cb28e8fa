"""The procedure of docs/restore.md in the deployed stack: the table goes back in time."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sandbox.stack.aws import Credentials
from sandbox.stack.deploy import STACK_NAME
from sandbox.stack.observe import eventually
from sandbox.stack.places import REPOSITORY
from tests.stack.truth import Vault, at_rest, make_due, renew, sha256
from tests.stack.world import World

if TYPE_CHECKING:
    from sandbox.stack.stack import LocalStack

RESTORED = "wxvault-restored"


def make_restore(stack: LocalStack, **options: str) -> str:
    """Run the command as an operator does; what it says."""
    root = Credentials.root()
    given = [f"--{name}={value}" for name, value in options.items()]
    done = subprocess.run(
        [sys.executable, "-m", "tools.restore", f"--stack={STACK_NAME}", *given],
        cwd=REPOSITORY,
        env=os.environ
        | {
            "AWS_ENDPOINT_URL": stack.aws_url,
            "AWS_ACCESS_KEY_ID": root.key,
            "AWS_SECRET_ACCESS_KEY": root.secret,
            "AWS_DEFAULT_REGION": stack.root.region,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def back_up(stack: LocalStack) -> str:
    """Take a backup of the table; its ARN."""
    made = stack.root.dynamodb.create_backup(
        TableName=stack.outputs["TableName"], BackupName="before"
    )
    return made["BackupDetails"]["BackupArn"]


def wipe(stack: LocalStack) -> None:
    """Delete every item."""
    for item in stack.scan_table():
        stack.root.dynamodb.delete_item(
            TableName=stack.outputs["TableName"], Key={"pk": item["pk"], "sk": item["sk"]}
        )


def assert_good(world: World) -> None:
    """What is handed out is WeChat's newest, and the refresh token is WeChat's own."""
    checked = world.stack.wechat.check(world.token())
    assert (checked.verdict, checked.current) == ("honoured", True)
    vault = Vault(world.stack)
    refresh_token = vault.tokens.refresh_token(vault.state(world.appid)) or ""
    at_wechat = world.stack.wechat.merchant(world.appid)["refresh_token_sha256"]
    assert sha256(refresh_token) == at_wechat


def test_items_that_were_lost_come_back_and_are_asked_about(stack: LocalStack) -> None:
    """A backup is restored beside the table, and copied back: each merchant ends as WeChat says."""
    stays, leaves, late = (World.fresh(stack) for _ in range(3))
    stays.authorise()
    leaves.authorise()
    backup = back_up(stack)
    for _ in range(2):
        # WeChat replaces the refresh token: the one in the backup is refused from now on.
        stack.wechat.expire(stays.appid, "refresh_replaced")
        make_due(stack, stays.appid)
        assert renew(stack, stays.appid) == "renewed"
    stack.wechat.cancel(leaves.appid, push="first")
    late.authorise()
    wipe(stack)
    stack.root.dynamodb.restore_table_from_backup(TargetTableName=RESTORED, BackupArn=backup)
    try:
        told = make_restore(stack, source=RESTORED)
        assert "WeChat is asked about" in told
        assert make_restore(stack, source=RESTORED).count("written") == 0, "nothing to do twice"
    finally:
        stack.root.dynamodb.delete_table(TableName=RESTORED)
    # The restored token is withheld: there is none before WeChat was asked, and then a good one.
    answer = stays.look_up()
    if "error" in answer:
        assert answer["error"]["code"] == "renewal_in_progress"
    else:
        assert_good(stays)
    assert at_rest(stays).status == "active"
    assert_good(stays)
    assert at_rest(leaves).status == "revoked"
    assert leaves.look_up()["error"]["code"] == "authorizer_revoked"
    assert late.look_up()["error"]["code"] == "unknown_authorizer"
    late.authorise(func_ids=[1])
    at_rest(late)
    assert_good(late)
    make_due(stack, stays.appid)
    assert renew(stack, stays.appid) == "renewed"
    assert_good(stays)


def test_a_table_that_is_gone_comes_back_under_its_own_name(stack: LocalStack) -> None:
    """The stack finds it again without being deployed; then everybody is asked about in place."""
    world = World.fresh(stack)
    world.authorise()
    client, name = stack.root.dynamodb, stack.outputs["TableName"]
    before = client.describe_table(TableName=name)["Table"]
    backup = back_up(stack)
    stack.wechat.expire(world.appid, "refresh_replaced")
    make_due(stack, world.appid)
    assert renew(stack, world.appid) == "renewed"
    told = Vault(stack).state(world.appid).sequence
    client.update_table(TableName=name, DeletionProtectionEnabled=False)
    client.delete_table(TableName=name)
    client.restore_table_from_backup(TargetTableName=name, BackupArn=backup)
    after = client.describe_table(TableName=name)["Table"]
    indexes = [
        {index["IndexName"] for index in table.get("GlobalSecondaryIndexes", [])}
        for table in (before, after)
    ]
    assert indexes[0] == indexes[1]
    # A restore leaves these out, on AWS as well.
    client.update_time_to_live(
        TableName=name,
        TimeToLiveSpecification={"AttributeName": "delete_after", "Enabled": True},
    )
    client.update_continuous_backups(
        TableName=name,
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
    )
    client.update_table(TableName=name, DeletionProtectionEnabled=True)
    assert "in place" in make_restore(stack)
    after_it = at_rest(world)
    assert (after_it.status, after_it.sequence > told) == ("active", True)
    assert_good(world)


def test_the_command_says_what_it_needs() -> None:
    """Without a stack nothing is touched; the usage is shown."""
    done = subprocess.run(
        [sys.executable, "-m", "tools.restore"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "make restore STACK=name" in done.stderr


@pytest.fixture(scope="module", autouse=True)
def alone(stack: LocalStack) -> None:
    """Merchants of other tests would be asked about as well: they are forgotten before."""
    wipe(stack)


@pytest.fixture(autouse=True)
def tickets(alone: None, stack: LocalStack) -> None:
    """A ticket from before a restore may be gone; WeChat pushes one every ten minutes."""

    def healed() -> bool:
        return "access_token" in stack.invoke("token", {"component": True})

    stack.wechat.push_ticket()
    eventually(healed, what="a component token", seconds=40)
