"""A small driver for Chromium: its DevTools protocol over a pipe, nothing to install."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from select import select
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_SECONDS = 30


def find_chromium() -> str | None:
    """Return the path of a Chromium on this machine, if there is one."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@dataclass(slots=True)
class Tab:
    """One page of a browser that runs without a window."""

    process: subprocess.Popen[bytes]
    write_to: int
    read_from: int
    session_id: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)
    _unread: bytes = b""
    _last_id: int = 0

    @classmethod
    def open(cls, program: str, profile: Path) -> Self:
        """Start a browser with a fresh profile and open an empty tab."""
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        # Chromium reads its commands from descriptor 3 and answers on 4.
        script = f"exec 3<&{theirs_in} 4>&{theirs_out}; exec " + '"$@"'
        process = subprocess.Popen(
            [
                "/bin/bash",
                "-c",
                script,
                "bash",
                program,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-extensions",
                "--disable-background-networking",
                "--disable-component-update",
                "--no-first-run",
                "--remote-debugging-pipe",
                f"--user-data-dir={profile}",
                "about:blank",
            ],
            pass_fds=(theirs_in, theirs_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        tab = cls(process, ours_out, ours_in)
        target = tab.call("Target.createTarget", url="about:blank")["targetId"]
        attached = tab.call("Target.attachToTarget", targetId=target, flatten=True)
        tab.session_id = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            tab.call(f"{domain}.enable")
        return tab

    def close(self) -> None:
        """End the browser."""
        os.close(self.write_to)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
        os.close(self.read_from)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        self._last_id += 1
        message = {"id": self._last_id, "method": method, "params": params}
        if self.session_id:
            message["sessionId"] = self.session_id
        os.write(self.write_to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next(time.monotonic() + PATIENCE_SECONDS)
            if answer.get("id") == self._last_id:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result

    def show(self, url: str) -> None:
        """Go to ``url`` and wait until it is loaded."""
        self.events.clear()
        self.call("Page.navigate", url=url)
        self.wait_for("document.readyState === 'complete' && location.href !== 'about:blank'")

    def run(self, script: str) -> Any:
        """Evaluate a script in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        return answer["result"].get("value")

    def wait_for(self, script: str) -> None:
        """Wait until a script is true, across navigations."""
        ends = time.monotonic() + PATIENCE_SECONDS
        while not self.run(f"Boolean({script})"):
            if time.monotonic() > ends:
                raise TimeoutError(script)
            time.sleep(0.05)

    def click(self, selector: str) -> None:
        """Press the middle of an element with the mouse."""
        box = self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); "
            "e.scrollIntoView({block: 'center'}); const b = e.getBoundingClientRect(); "
            "return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call(
                "Input.dispatchMouseEvent",
                type=kind,
                x=box[0],
                y=box[1],
                button="left",
                clickCount=1,
            )

    def size(self, width: int, height: int) -> None:
        """Be a screen of that size."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    def complaints(self) -> list[str]:
        """Return what the console has said since the last :meth:`show`: violations, errors."""
        return [
            str(event["params"]["entry"]["text"])
            for event in self.events
            if event.get("method") == "Log.entryAdded"
        ]

    def _next(self, ends: float) -> dict[str, Any]:
        while b"\0" not in self._unread:
            ready, _, _ = select([self.read_from], [], [], max(ends - time.monotonic(), 0))
            if not ready:
                raise TimeoutError("the browser does not answer")
            data = os.read(self.read_from, 1 << 16)
            if not data:
                raise ConnectionError("the browser has ended")
            self._unread += data
        line, _, self._unread = self._unread.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        if "id" not in message:
            self.events.append(message)
        return message
