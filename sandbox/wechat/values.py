"""Values in WeChat's shapes and lengths: tickets, codes, tokens, appids, keys."""

from __future__ import annotations

import base64
import random
import string
from typing import Final

_URLSAFE: Final = string.ascii_letters + string.digits + "-_"
_ALPHANUMERIC: Final = string.ascii_letters + string.digits
_HEX: Final = "0123456789abcdef"


class Minter:
    """Makes new values out of the randomness it is given.

    Nothing it makes opens anything outside this sandbox; the shapes are real, so that what handles
    them meets real lengths and characters (``@@@``, ``-``, ``_``).
    """

    def __init__(self, source: random.Random | None = None) -> None:
        self._random = source if source is not None else random.SystemRandom()

    def _letters(self, alphabet: str, length: int) -> str:
        return "".join(self._random.choices(alphabet, k=length))

    def ticket(self) -> str:
        """Return a ``component_verify_ticket`` (95 characters)."""
        return "ticket@@@" + self._letters(_URLSAFE, 86)

    def component_token(self) -> str:
        """Return a ``component_access_token`` (157 characters)."""
        return f"{self._random.randint(40, 99)}_" + self._letters(_URLSAFE, 154)

    def access_token(self) -> str:
        """Return an ``authorizer_access_token`` (157 characters)."""
        return f"{self._random.randint(40, 99)}_" + self._letters(_URLSAFE, 154)

    def refresh_token(self) -> str:
        """Return an ``authorizer_refresh_token`` (58 characters)."""
        return "refreshtoken@@@" + self._letters(_URLSAFE, 43)

    def pre_auth_code(self) -> str:
        """Return a ``pre_auth_code`` (100 characters)."""
        return "preauthcode@@@" + self._letters(_URLSAFE, 86)

    def authorization_code(self) -> str:
        """Return an ``authorization_code`` (102 characters)."""
        return "queryauthcode@@@" + self._letters(_URLSAFE, 86)

    def reuse_ticket(self) -> str:
        """Return the ticket of an official account's registration: 32 hexadecimal digits."""
        return self._letters(_HEX, 32)

    def task_id(self) -> str:
        """Return the id of an application."""
        return self._letters(_ALPHANUMERIC, 24)

    def create_token(self) -> str:
        """Return the token in the address at which a person confirms (64 characters)."""
        return self._letters(_URLSAFE, 64)

    def appid(self) -> str:
        """Return an appid: ``wx`` and 16 hexadecimal digits."""
        return "wx" + self._letters(_HEX, 16)

    def user_name(self) -> str:
        """Return an original id: ``gh_`` and 12 hexadecimal digits."""
        return "gh_" + self._letters(_HEX, 12)

    def openid(self) -> str:
        """Return an openid: 28 characters, ``o`` first."""
        return "o" + self._letters(_URLSAFE, 27)

    def app_secret(self) -> str:
        """Return a component's secret: 32 hexadecimal digits."""
        return self._letters(_HEX, 32)

    def push_token(self) -> str:
        """Return a Token for the signatures of pushes."""
        return self._letters(_ALPHANUMERIC, 32)

    def encoding_aes_key(self) -> str:
        """Return an EncodingAESKey: 43 letters and digits."""
        return self._letters(_ALPHANUMERIC, 43)

    def nonce(self) -> str:
        """Return the nonce of a push: nine or ten digits."""
        return str(self._random.randint(100_000_000, 2_147_483_647))

    def rid(self, now: float) -> str:
        """Return a request id as WeChat appends it to an errmsg; the first group is the time."""
        return f"{int(now):08x}-{self._letters(_HEX, 8)}-{self._letters(_HEX, 8)}"

    def login_code(self) -> str:
        """Return what ``wx.login`` or the OAuth page gives: 32 characters."""
        return "0" + self._letters(_ALPHANUMERIC, 31)

    def session_key(self) -> str:
        """Return a mini program's session key: 16 bytes in base64."""
        return base64.b64encode(self._random.randbytes(16)).decode("ascii")

    def media_id(self) -> str:
        """Return the id of a file: 64 characters of the same alphabet as tokens."""
        return self._letters(_URLSAFE, 64)

    def visit(self) -> str:
        """Return the id of one visit to an authorisation page."""
        return self._letters(_ALPHANUMERIC, 32)
