"""WeChat's other APIs for the samples: they answer well and remember whose token came."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from wxvault.services.calling import ApiAnswer, ApiCall

if TYPE_CHECKING:
    from wxvault.runtime.wiring import Wiring

PICTURE = b"\x89PNG\r\n\x1a\n\xff"


@dataclass
class GoodApis:
    """WeChat's other APIs: they answer well and remember the call and whose token it had."""

    calls: list[tuple[ApiCall, str]] = field(default_factory=list)

    def behind(self, wiring: Wiring) -> Self:
        """Stand where the adapters to WeChat would."""
        vars(wiring).update(account_api=self, login_api=self)
        return self

    def call(self, call: ApiCall, token: str, /, *, seconds: float) -> ApiAnswer:
        """Answer a file to a GET of one, JSON to all else."""
        assert seconds > 0
        self.calls.append((call, token))
        if call.path.endswith("/media/get"):
            return ApiAnswer(PICTURE, "image/png")
        return ApiAnswer(b'{"errcode":0}', "application/json; encoding=utf-8", {"errcode": 0})

    def mini_program(self, component: str, token: str, appid: str, code: str, /) -> dict[str, str]:
        """Log a user in."""
        assert all((component, appid, code))
        self.calls.append((ApiCall("GET", "login", {}), token))
        return {"openid": "o1", "session_key": "key"}
