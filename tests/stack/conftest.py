"""The deployed stack, started once for this folder, and a world of its own for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.stack.progress import Progress
from sandbox.stack.stack import LocalStack, StackOptions

# What helpers assert is explained like what tests assert; to be said before they are imported.
for _helper in ("accounts", "pages", "refusals", "stories", "truth", "witness", "world"):
    pytest.register_assert_rewrite(f"tests.stack.{_helper}")
from tests.stack.world import World  # noqa: E402 (see above)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator


# Less waiting than at WeChat, within what the numbers of the vault allow. The schedule is off but
# for the one test that switches it on, and then comes round every three seconds. Everything is
# logged: no level may log a secret.
# The platform's own function for passive replies: tests of messages make it, others never ask it.
RESPONDER = "arn:aws:lambda:us-east-1:123456789012:function:tests-responder"
OPTIONS = StackOptions(
    overlap=120,
    schedule=False,
    schedule_speed=20,
    concurrency=32,
    parameters={"LogLevel": "DEBUG", "ResponderFunctionArn": RESPONDER},
)

_SHOWN_LINES = 60


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever is in this folder needs the stack; the search for leaks comes last of all."""
    for item in items:
        if "tests/stack/" in item.path.as_posix():
            item.add_marker(pytest.mark.stack)
    items.sort(key=lambda item: item.path.as_posix().endswith("tests/stack/test_leaks.py"))


class _Terminal(Progress):
    """Progress on pytest's terminal, although tests are captured."""

    def __init__(self, config: pytest.Config) -> None:
        super().__init__()
        self._config = config

    def say(self, text: str) -> None:
        """Print one line."""
        capture = self._config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            self._config.get_terminal_writer().line(text)


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[LocalStack]:
    """The local stack with a component token. The sweep runs only when a test says so."""
    progress = _Terminal(request.config)
    progress.say("")
    with LocalStack(OPTIONS, progress) as running:
        running.wechat.wait_idle()
        assert "access_token" in running.invoke("token", {"component": True})
        yield running


@pytest.fixture
def world(stack: LocalStack) -> Iterator[World]:
    """A fresh tenant and merchant; what a test leaves behind is taken away."""
    world = World.fresh(stack)
    yield world
    stack.wechat.clear_faults()
    for push in stack.wechat.pushes():
        if push.state == "held" and push.authorizer_appid == world.appid:
            stack.wechat.release_push(push.push_id)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows what functions, WeChat and the emulator did meanwhile."""
    report = yield
    if report.failed and call.when == "call":
        arguments: dict[str, Any] = getattr(item, "funcargs", {})
        running = arguments.get("stack")
        if running is None and "world" in arguments:
            running = arguments["world"].stack
        if running is not None:
            report.sections.extend(_what_happened(running, call.start))
    return report


def _what_happened(stack: LocalStack, since: float) -> Iterator[tuple[str, str]]:
    lines = [line for line in stack.logs(since=since) if not line.is_frame]
    shown = (f"{line.function}: {line.text}" for line in lines[-_SHOWN_LINES:])
    yield "functions", "\n".join(shown)
    asked = [str(entry) for entry in stack.wechat.log()[-_SHOWN_LINES:]]
    yield "WeChat", "\n".join(asked)
    if complaints := stack.complaints():
        yield "emulator", "\n".join(complaints[-_SHOWN_LINES:])
