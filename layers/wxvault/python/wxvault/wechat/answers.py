"""What WeChat answers, as values: checked once here, trusted afterwards. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from wxvault.errors import WeChatUnknownError
from wxvault.protocol import permission_sets
from wxvault.protocol.appid import is_appid

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST_SECRET: Final = 2048
_LONGEST_LIFE: Final = 30 * 86_400
_TOO_LARGE: Final = 10**12
_WORD = re.compile(r"[0-9A-Za-z_-]{1,32}", re.ASCII)
_WHOLE_NUMBER = re.compile(r"\s*-?[0-9]{1,12}\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A component token; ``expires_in`` in seconds, counted from sending the request."""

    access_token: str = field(repr=False)
    expires_in: int


@dataclass(frozen=True, slots=True)
class PreAuthCode:
    """A pre-auth code, good for one merchant; ``expires_in`` in seconds."""

    code: str = field(repr=False)
    expires_in: int


@dataclass(frozen=True, slots=True)
class Grant:
    """What an authorization code was exchanged for.

    An account without API ability has no tokens: then these are ``None``.
    ``func_info`` holds the numbers of the permission sets that the merchant really granted.
    """

    authorizer_appid: str
    access_token: str | None = field(repr=False)
    expires_in: int | None
    refresh_token: str | None = field(repr=False)
    func_info: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A renewed access token; ``refresh_token`` is ``None`` when WeChat sent none along."""

    access_token: str = field(repr=False)
    expires_in: int
    refresh_token: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class AuthorizerInfo:
    """An authorizer as WeChat knows it now.

    ``profile`` is WeChat's ``authorizer_info`` object as it came (nick_name, principal_name, …).
    """

    authorizer_appid: str
    refresh_token: str | None = field(repr=False)
    func_info: tuple[int, ...]
    profile: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry of WeChat's list; without a refresh token if its code was never exchanged."""

    authorizer_appid: str
    refresh_token: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class AuthorizerPage:
    """A page of WeChat's list.

    ``total_count`` is None where WeChat said no sound number. ``received`` counts the entries as
    they came; ``strange`` of them name no appid, or a refresh token that is none, and are left out.
    """

    total_count: int | None
    listed: tuple[Listed, ...]
    received: int
    strange: int


class Reader:
    """Reads the fields of one answer; what is missing makes the whole answer an unknown one."""

    def __init__(self, path: str, content: Mapping[str, Any]) -> None:
        """Take the endpoint's path, for the error, and the JSON object."""
        self._path = path
        self._content = content

    def part(self, name: str) -> Reader:
        """Return the reader of an object within; an empty one if it is not there."""
        value = self._content.get(name)
        return Reader(self._path, value if isinstance(value, dict) else {})

    def mapping(self) -> dict[str, Any]:
        """Return the object as it came."""
        return dict(self._content)

    def secret(self, name: str) -> str:
        """Return a token or code: printable ASCII, not empty."""
        value = self.secret_or_none(name)
        if value is None:
            raise self.lacks(name)
        return value

    def secret_or_none(self, name: str) -> str | None:
        """Return a token or code, ``None`` when it is absent or empty."""
        value = self._content.get(name)
        if value is None or value == "":
            return None
        if (
            not isinstance(value, str)
            or len(value) > _LONGEST_SECRET
            or not all("!" <= character <= "~" for character in value)
        ):
            raise self.lacks(name)
        return value

    def word(self, name: str) -> str:
        """Return a short value that is no secret, be it text or a number."""
        value = self._content.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or not _WORD.fullmatch(value):
            raise self.lacks(name)
        return value

    def seconds(self, name: str = "expires_in") -> int:
        """Return a life in seconds."""
        value = whole_number(self._content.get(name))
        if value is None or not 0 < value <= _LONGEST_LIFE:
            raise self.lacks(name)
        return value

    def appid(self, *names: str) -> str | None:
        """Return the first of these fields that holds an appid, ``None`` when none is there."""
        for name in names:
            value = self._content.get(name)
            if value is None or value == "":
                continue
            if not is_appid(value):
                raise self.lacks(name)
            return str(value)
        return None

    def authorizer_page(self) -> AuthorizerPage:
        """Return a page of WeChat's list: what cannot be read of it does not spoil the rest."""
        entries = self._content.get("list")
        if not isinstance(entries, list):
            raise self.lacks("list")
        found = [self._listed(entry) for entry in entries]
        listed = tuple(one for one in found if one is not None)
        total = whole_number(self._content.get("total_count"))
        return AuthorizerPage(
            total_count=total if total is not None and total >= 0 else None,
            listed=listed,
            received=len(entries),
            strange=len(entries) - len(listed),
        )

    def _listed(self, entry: object) -> Listed | None:
        if not isinstance(entry, dict):
            return None
        reader = Reader(self._path, entry)
        try:
            appid = reader.appid("authorizer_appid")
            # Unlike everywhere else, the field has this short name here.
            refresh_token = reader.secret_or_none("refresh_token")
        except WeChatUnknownError:
            return None
        return None if appid is None else Listed(appid, refresh_token)

    def func_info(self) -> tuple[int, ...]:
        """Return the numbers of the permission sets, in WeChat's order."""
        return permission_sets.granted(self._content.get("func_info"))

    def lacks(self, name: str) -> WeChatUnknownError:
        """Return the error for an answer without a sound ``name``."""
        return WeChatUnknownError(
            f"POST {self._path}: the answer has no sound `{name}`", path=self._path
        )


def presentable(answer: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return an answer as it can be sent on as JSON in UTF-8; None: it cannot.

    WeChat's JSON may hold half a surrogate pair (it becomes ``?``) and numbers that are none.
    """
    try:
        text = json.dumps(answer, ensure_ascii=False, allow_nan=False)
        value: dict[str, Any] = json.loads(text.encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return value


def whole_number(value: object) -> int | None:
    """Return an integer that may have come as text (WeChat does both), ``None`` otherwise.

    At most 12 digits, either way: JSON's integers may be longer than the table's numbers.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if abs(value) < _TOO_LARGE else None
    if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value):
        return int(value)
    return None
