"""The functions as Lambda wires them, over a table, queues, a bus and a WeChat in memory."""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.fakes.clock import FakeClock
from tests.fakes.house import COMPONENT, House
from tests.fuzz.target import require
from wxvault.runtime.settings import Settings
from wxvault.runtime.telemetry import logger
from wxvault.runtime.wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wxvault.vault.expressions import Key

    Handler = Callable[[Mapping[str, Any], Any], Any]

NOW = 1_800_000_000.0
TOKENS = ("older_Fuzz_Token", "newer_Fuzz_Token")
AES_KEYS = (
    "OlderFuzzKeyOlderFuzzKeyOlderFuzzKeyOlderF1",
    "NewerFuzzKeyNewerFuzzKeyNewerFuzzKeyNewerF2",
)
RETURN_URLS = ("https://shop.example.com/back", "http://localhost:8080/dev/")
SECRETS = (*TOKENS, *AES_KEYS)

_LOG_LINE_LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Context:
    """What Lambda passes beside the event."""

    function_name: str = "wxvault-fuzz"
    aws_request_id: str = "0a1b2c3d-0000-4000-8000-000000000000"


class _Secrets:
    """Secrets Manager with the push secret."""

    def get_secret_value(self, **_asked: str) -> dict[str, str]:
        return {"SecretString": json.dumps({"tokens": TOKENS, "encoding_aes_keys": AES_KEYS})}


class Desk:
    """One function's handler in a world that can be set back after every input."""

    def __init__(
        self, wire: Callable[[Wiring], Handler], *, push_max_age: int = 0, level: str = "INFO"
    ) -> None:
        self._level = level
        clock = FakeClock(NOW)
        self.house = House(clock=clock)
        self.house.time = clock
        self.house.push_ticket()
        self.house.work()
        settings = Settings(
            component_appid=COMPONENT,
            table_name="table",
            public_base_url="https://auth.example.com",
            push_secret_arn="push",
            return_urls=RETURN_URLS,
            push_max_age_seconds=push_max_age,
        )
        self.wiring = Wiring(settings, self.house.clock)
        vars(self.wiring).update(
            table=self.house.table,
            sealing=self.house.sealing,
            bus=self.house.bus,
            wechat=self.house.wechat,
            renewer=self.house.renew,
            exchange_jobs=self.house.exchange_queue,
            renew_jobs=self.house.renew_queue,
            secrets_client=_Secrets(),
        )
        self._handler = wire(self.wiring)
        self._written = io.StringIO()
        self._first: dict[Key, dict[str, Any]] = {}
        self.remember()

    def remember(self) -> None:
        """Take the table as it is for the state to go back to."""
        self._first = dict(self.house.table.items)  # type: ignore[attr-defined]

    def reset(self) -> None:
        """Set everything back."""
        house = self.house
        house.table.items = dict(self._first)  # type: ignore[attr-defined]
        house.bus.sent.clear()
        house.exchange_queue.jobs.clear()
        house.renew_queue.jobs.clear()
        house.wechat.calls.clear()
        house.wechat.executed.clear()
        house.time.time = NOW
        self._written = io.StringIO()

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self.house.clock.sleep(seconds)

    def handle(self, event: Mapping[str, Any]) -> Any:
        """Call the handler; what it logs and prints is kept."""
        level = logger.log_level
        streams = [
            (handler, handler.setStream(self._written))  # type: ignore[attr-defined]
            for handler in logger.handlers
        ]
        logger.setLevel(self._level)
        try:
            with redirect_stdout(self._written):
                return self._handler(event, Context())
        finally:
            logger.setLevel(level)
            for handler, stream in streams:
                handler.setStream(stream or sys.stdout)  # type: ignore[attr-defined]

    @property
    def written(self) -> str:
        """What was logged since the last reset."""
        return self._written.getvalue()

    @property
    def events(self) -> list[tuple[str, Mapping[str, Any]]]:
        """What was sent to the bus since the last reset."""
        return list(self.house.bus.sent)

    @property
    def jobs(self) -> list[Mapping[str, Any]]:
        """What was sent to the queues since the last reset."""
        return [*self.house.exchange_queue.jobs, *self.house.renew_queue.jobs]

    def state(self) -> dict[Key, dict[str, Any]]:
        """Return everything in the table but the records of the last push and message."""
        items: dict[Key, dict[str, Any]] = self.house.table.items  # type: ignore[attr-defined]
        return {key: item for key, item in items.items() if key.sk not in {"PUSH", "MESSAGE"}}

    def require_silence_about(self, secrets: tuple[str, ...], answer: object) -> None:
        """Require that no secret is in what was logged, answered or sent, nor plain in the table.

        And that all of it can be written at all.
        """
        said = [self.written, json.dumps(answer, ensure_ascii=False)]
        said += [json.dumps(detail, ensure_ascii=False) for _, detail in self.events]
        for words in said:
            words.encode("utf-8")
        stored = [repr(item) for key, item in self.state().items() if key not in self._first]
        for secret in (*SECRETS, *secrets):
            require(not any(secret in words for words in (*said, *stored)), "a secret is told")
        for line in self.written.splitlines():
            require(len(line) <= _LOG_LINE_LIMIT, "a line of the log is larger than 64 KiB")


def require_http_error(answer: Mapping[str, Any], *allowed: int) -> dict[str, Any]:
    """Require an error answer of the one shape, with one of the ``allowed`` statuses."""
    require(answer["statusCode"] in allowed, f"answered {answer['statusCode']}")
    body = json.loads(answer["body"])
    require(body.keys() == {"error"}, "an error has another shape")
    error: dict[str, Any] = body["error"]
    require_error(error)
    return error


def require_error(error: Mapping[str, Any]) -> None:
    """Require the shape of an error object, and that it is nothing unexpected."""
    names = set(error)
    require(
        {"code", "message", "remedy", "request_id"}
        <= names
        <= {"code", "message", "remedy", "request_id", "wechat_errcode"},
        "an error has another shape",
    )
    require(error["code"] != "internal", "an error nobody expected")
    require(len(error["message"]) <= 1000, "an error's text is longer than 1,000 characters")


def http_event(
    method: str,
    path: str,
    *,
    query: str = "",
    headers: Mapping[str, str] | None = None,
    cookies: list[str] | None = None,
    body: str | None = None,
    is_base64: bool = False,
    parameters: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return an event of API Gateway (payload format 2.0)."""
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": dict(headers or {}),
        "cookies": list(cookies or ()),
        "pathParameters": dict(parameters or {}),
        "requestContext": {
            "http": {"method": method, "path": path},
            "requestId": "Sample-Request-Id=",
        },
        "body": body,
        "isBase64Encoded": is_base64,
    }
