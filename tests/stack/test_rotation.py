"""Every secret is changed while pushes, look-ups and renewals run: nothing lost, no restart.

The steps are those of docs/rotation.md, without its five minutes of waiting: environments find out
by themselves.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.stack.observe import eventually
from sandbox.wechat.values import Minter
from tests.stack.truth import Vault, assert_truth, make_due, renew
from tests.stack.world import COMPONENT_TOKEN, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.stack.stack import LocalStack

PUSH, APP = "wxvault/push", "wxvault/app"
FORCED_READ_SECONDS = 31
"""An environment reads a secret anew out of turn at most once in 30 s."""


@dataclass(slots=True)
class Traffic:
    """What a platform goes through all day, and what came of each bit of it."""

    world: World
    pushes: list[tuple[float, int]] = field(default_factory=list)
    """When it was taken, and at which attempt (0: never)."""
    found: list[str] = field(default_factory=list)
    """Look-ups: "" or what was wrong."""
    renewals: list[str] = field(default_factory=list)
    trouble: list[BaseException] = field(default_factory=list)

    def push(self) -> None:
        """WeChat pushes a ticket, up to three times."""
        report = self.world.stack.wechat.push_ticket()
        done = report.state == "delivered"
        self.pushes.append((time.monotonic(), len(report.attempts) if done else 0))

    def look_up(self) -> None:
        """A service asks for a token; it must be one that WeChat honours."""
        answer = self.world.look_up()
        if "error" in answer:
            self.found.append(answer["error"]["code"])
        else:
            honoured = self.world.stack.wechat.check(answer["access_token"]).honoured
            self.found.append("" if honoured else "dead token")

    def renew(self) -> None:
        """The merchant's token is due."""
        make_due(self.world.stack, self.world.appid)
        self.renewals.append(renew(self.world.stack, self.world.appid))

    @property
    def longest_gap(self) -> float:
        """Seconds between two pushes that were taken, at most."""
        times = [at for at, attempt in self.pushes if attempt]
        return max(after - before for before, after in itertools.pairwise(times))

    def figures(self) -> str:
        """What is worth telling."""
        lost = sum(1 for _, attempt in self.pushes if not attempt)
        again = sum(1 for _, attempt in self.pushes if attempt > 1)
        failed = [found for found in self.found if found]
        other = [outcome for outcome in self.renewals if outcome != "renewed"]
        return (
            f"pushes {len(self.pushes)}, lost {lost}, taken at a later attempt {again}, longest "
            f"gap {self.longest_gap:.1f} s; look-ups {len(self.found)}, failed {len(failed)}; "
            f"renewals {len(self.renewals)}, not renewed {len(other)}"
        )


@contextmanager
def running(world: World) -> Iterator[Traffic]:
    """Have traffic inside."""
    traffic, over = Traffic(world), threading.Event()

    def again_and_again(act: Callable[[], None], pause: float) -> None:
        try:
            while not over.wait(pause):
                act()
        except Exception as error:  # noqa: BLE001 -- shown to whoever asserts
            traffic.trouble.append(error)

    threads = [
        threading.Thread(target=again_and_again, args=one)
        for one in ((traffic.push, 0.15), (traffic.look_up, 0.1), (traffic.renew, 1.0))
    ]
    for thread in threads:
        thread.start()
    try:
        # Some of everything before anything is changed.
        eventually(lambda: len(traffic.renewals) >= 2, what="traffic", seconds=30)
        yield traffic
        time.sleep(2)
    finally:
        over.set()
        for thread in threads:
            thread.join()


def write(stack: LocalStack, name: str, **content: Any) -> None:
    """Put a new value into a secret, as an operator does."""
    stack.root.secrets.put_secret_value(SecretId=name, SecretString=json.dumps(content))


@pytest.fixture
def as_before(stack: LocalStack) -> Iterator[None]:
    """Afterwards, WeChat and the secrets are as they were, and no environment knows better."""
    yield
    own = stack.component
    stack.wechat.configure(
        token=own.token,
        encoding_aes_key=own.encoding_aes_key,
        component_appsecret=own.appsecret,
        previous_token="",
        previous_encoding_aes_key="",
    )
    for name, value in ((PUSH, own.push_secret()), (APP, own.app_secret())):
        stack.root.secrets.put_secret_value(SecretId=name, SecretString=value)
    for name in ("callback", "renew"):
        stack.kill_environments(name)


@pytest.mark.usefixtures("as_before")
def test_token_and_key_change_while_pushes_run(world: World) -> None:
    """One after the other: no push is lost, none even needs a second attempt."""
    stack, minter = world.stack, Minter()
    confirmation = world.authorise()
    own = stack.component
    token, key = minter.push_token(), minter.encoding_aes_key()
    environments = set(_environments(stack))
    with running(world) as traffic:
        # 消息校验Token: into the secret, then into the console.
        write(stack, PUSH, tokens=[own.token, token], encoding_aes_keys=[own.encoding_aes_key])
        stack.wechat.configure(token=token, previous_token=own.token)
        time.sleep(FORCED_READ_SECONDS)
        # 消息加解密Key, likewise. What was encrypted before is still taken.
        keys = [own.encoding_aes_key, key]
        write(stack, PUSH, tokens=[own.token, token], encoding_aes_keys=keys)
        stack.wechat.configure(encoding_aes_key=key, previous_encoding_aes_key=own.encoding_aes_key)
        time.sleep(2)
        late = stack.wechat.push_ticket(options={"old_key": True, "old_token": True})
        # At last the old ones are taken out.
        write(stack, PUSH, tokens=[token], encoding_aes_keys=[key])
        time.sleep(2)
    stack.progress.say(f"\n  Token and EncodingAESKey: {traffic.figures()}")
    assert traffic.trouble == []
    assert {attempt for _, attempt in traffic.pushes} == {1}
    assert (late.state, len(late.attempts)) == ("delivered", 1)
    assert set(traffic.found) == {""}
    assert set(traffic.renewals) == {"renewed"}
    assert environments & set(_environments(stack)), "the environments of before are still there"
    assert_truth(world, codes=[confirmation.auth_code])


@pytest.mark.usefixtures("as_before")
def test_the_appsecret_changes_while_tokens_are_renewed(world: World) -> None:
    """WeChat's console resets it first; until it is entered, nobody notices but the renewal."""
    stack = world.stack
    confirmation = world.authorise()
    secret = Minter().app_secret()
    with running(world) as traffic:
        calls = stack.wechat.last_seq()
        stack.wechat.configure(component_appsecret=secret)
        _make_component_due(stack)
        assert stack.invoke("renew", {"job": "component"})["outcome"] == "refused"
        write(stack, APP, component_appsecret=secret)
        begun = time.monotonic()

        def renewed() -> bool:
            stack.sweep()
            state = Vault(stack).tokens.get(None)
            return state is not None and not state.attempts

        eventually(renewed, what="the component token is renewed", seconds=120)
        took = time.monotonic() - begun
    found = f"found {took:.0f} s after it was entered"
    stack.progress.say(f"\n  AppSecret: {traffic.figures()}; {found}")
    assert traffic.trouble == []
    assert {attempt for _, attempt in traffic.pushes} == {1}
    assert set(traffic.found) == {""}
    assert set(traffic.renewals) == {"renewed"}
    assert stack.wechat.count(COMPONENT_TOKEN, since=calls, what="ok") == 1
    assert_truth(world, codes=[confirmation.auth_code])


def _make_component_due(stack: LocalStack) -> None:
    stack.root.dynamodb.update_item(
        TableName=stack.outputs["TableName"],
        Key={"pk": {"S": f"C#{stack.component.appid}"}, "sk": {"S": "TOKEN"}},
        UpdateExpression="SET #due = :now",
        ExpressionAttributeNames={"#due": "due_at"},
        ExpressionAttributeValues={":now": {"N": f"{time.time() - 1:.3f}"}},
    )


def _environments(stack: LocalStack) -> list[int]:
    emulator = stack._emulator
    return [
        pid
        for name in ("callback", "renew", "token")
        for pid in emulator.worker_pids(stack.functions[name].physical)
    ]
