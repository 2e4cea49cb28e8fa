"""The WeChat sandbox as a process beside the local AWS."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.stack import places
from sandbox.stack.errors import StackError
from sandbox.stack.ports import free_port
from sandbox.stack.processes import OwnedProcess
from sandbox.wechat.control_client import SandboxControl
from sandbox.wechat.settings import Settings, fresh_settings
from sandbox.wechat.values import Minter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_START_SECONDS = 20.0
_LOOK_SECONDS = 0.5
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Component:
    """The platform as WeChat's console knows it; made up anew for every run."""

    appid: str
    appsecret: str = field(repr=False)
    token: str = field(repr=False)
    encoding_aes_key: str = field(repr=False)

    @staticmethod
    def fresh() -> Component:
        """A component that has just been registered."""
        made: Settings = fresh_settings(Minter())
        return Component(
            made.component_appid, made.component_appsecret, made.token, made.encoding_aes_key
        )

    def push_secret(self) -> str:
        """The value of PushSecret."""
        return json.dumps({"tokens": [self.token], "encoding_aes_keys": [self.encoding_aes_key]})

    def app_secret(self) -> str:
        """The value of AppSecret."""
        return json.dumps({"component_appsecret": self.appsecret})


class WeChatStartError(StackError):
    """The sandbox did not start."""


class WeChatProcess:
    """A running sandbox that pushes nothing until it is told where to."""

    def __init__(self, component: Component, settings: Mapping[str, Any]) -> None:
        self.port = 0
        self._component = component
        self._settings = settings
        self._control: SandboxControl | None = None
        self._process: OwnedProcess | None = None

    @property
    def url(self) -> str:
        """The sandbox's address: another host than the platform's."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def control(self) -> SandboxControl:
        """The client of its control API, while it runs."""
        if self._control is None:
            raise WeChatStartError("the sandbox is not running")
        return self._control

    @property
    def pid(self) -> int | None:
        """The sandbox's process id while it runs."""
        return None if self._process is None else self._process.pid

    def start(self, folder: Path) -> None:
        """Start and wait until it answers; secrets reach it through a file in ``folder``."""
        config = folder / "wechat.json"
        config.touch(mode=0o600)
        config.write_text(json.dumps(self._values()), encoding="utf-8")
        for _ in range(_ATTEMPTS):
            # It ends at once if somebody has taken the port meanwhile.
            self.port = free_port()
            self._launch(config)
            if self._is_ready():
                self._control = SandboxControl(self.url)
                return
            self.stop()
        raise WeChatStartError(f"the sandbox did not start: see {config.with_suffix('.log')}")

    def stop(self) -> None:
        """End it. May be called twice."""
        control, self._control = self._control, None
        if control is not None:
            control.close()
        process, self._process = self._process, None
        if process is not None:
            # It keeps nothing, so there is nothing to wait for.
            process.stop(grace=0)

    def _values(self) -> dict[str, Any]:
        return {
            **self._settings,
            "component_appid": self._component.appid,
            "component_appsecret": self._component.appsecret,
            "token": self._component.token,
            "encoding_aes_key": self._component.encoding_aes_key,
        }

    def _launch(self, config: Path) -> None:
        module = [sys.executable, "-m", "sandbox.stack.watched", "sandbox.wechat"]
        with config.with_suffix(".log").open("wb") as log:
            self._process = OwnedProcess(
                [*module, "--port", str(self.port), "--config", str(config), "--no-tickets"],
                environment=places.clean_environment(PYTHONUNBUFFERED="1"),
                folder=places.REPOSITORY,
                output=log,
                stdin=subprocess.PIPE,
            )

    def _is_ready(self) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        with SandboxControl(self.url) as control:
            while time.monotonic() < deadline:
                if self._process is None or self._process.status() is not None:
                    return False
                with contextlib.suppress(TimeoutError):
                    control.wait_ready(timeout=_LOOK_SECONDS)
                    return True
        return False
