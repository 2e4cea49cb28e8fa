"""Calls of any of WeChat's APIs on behalf of somebody: sent once, and the answer as it is.

Only its form is looked at: whether it is whole, whether it says an errcode, and that no secret
leaves with it.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from wxvault.errors import AnswerTooLargeError, WeChatRefusedError, WeChatUnknownError
from wxvault.protocol import return_codes
from wxvault.services.calling import ApiAnswer
from wxvault.wechat.answers import presentable, whole_number
from wxvault.wechat.asking import clean
from wxvault.wechat.call_paths import token_name
from wxvault.wechat.http import WeChatHttp, json_object
from wxvault.wechat.rid_answers import RID_GET, without_secrets
from wxvault.wechat.secret_shapes import mask_answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wxvault.services.calling import ApiCall

BODY_LIMIT: Final = 4 * 1024 * 1024
ANSWER_LIMIT: Final = 4 * 1024 * 1024
# Larger ones are left out of an error: it has to stay something that people read.
_SHOWN_LIMIT: Final = 64 * 1024

_BINARY: Final = "application/octet-stream"
_CONTENT_TYPE: Final = re.compile(r"[!-~][ -~]{0,199}", re.ASCII)
_NOBODY_KNOWS: Final = (
    "Look whether WeChat has executed the call before you send it again: nobody here knows."
)


class AccountApi:
    """WeChat's APIs, asked once per call. Safe to share between threads."""

    def __init__(self, base_url: str, *, http: WeChatHttp | None = None) -> None:
        """Take WeChat's base URL as the settings have checked it."""
        self._http = WeChatHttp(base_url, answer_limit=ANSWER_LIMIT) if http is None else http

    def call(self, call: ApiCall, token: str, *, seconds: float) -> ApiAnswer:
        """Send a call once with ``token`` in its query and return the answer without it.

        Raises:
            WeChatRefusedError: WeChat answered with an errcode; the whole answer is in ``answer``.
            WeChatUnknownError: no good answer within ``seconds``, or none that makes sense.
            AnswerTooLargeError: it was larger than 4 MiB and was cut off.
        """
        query = {**call.query, token_name(call.path): token}
        subject = f"{call.method} {call.path}"
        problem: str | None = None
        try:
            raw = self._http.send(
                call.method,
                call.path,
                query=query,
                body=call.body,
                content_type=call.content_type,
                seconds=seconds,
            )
        except AnswerTooLargeError:
            raise
        except WeChatUnknownError as error:
            problem = error.message
        if problem is not None:
            raise WeChatUnknownError(problem, path=call.path, remedy=_NOBODY_KNOWS)
        content, content_type = raw.content, _content_type(raw.content_type)
        value = json_object(content)
        # WeChat may not care about case; then neither must we.
        tells_of_a_call = call.path.lower() == RID_GET
        if value is None:
            if tells_of_a_call or _should_be_json(content, content_type):
                raise WeChatUnknownError(
                    f"{subject}: answered with something that is neither JSON nor a file",
                    path=call.path,
                    remedy=_NOBODY_KNOWS,
                )
            return ApiAnswer(_masked(content, content_type, token), content_type)
        errcode = value.get("errcode")
        number = 0 if errcode is None else whole_number(errcode)
        if number is None:
            raise WeChatUnknownError(f"{subject}: the errcode is no number", path=call.path)
        told = _dumped(without_secrets(value)) if tells_of_a_call else content
        masked = mask_answer(told, (token,))
        if masked != content:
            value = json_object(masked) or {}
        if number:
            raise refusal(call.method, call.path, number, value, token)
        return ApiAnswer(masked, content_type, value)


def _dumped(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def refusal(
    method: str,
    path: str,
    errcode: int,
    answer: Mapping[str, Any],
    *secrets: str,
    bare: bool = False,
) -> WeChatRefusedError:
    """Return the error for an errcode, with the answer that has it (``bare``: without it).

    The answer is masked already; one that nobody would read, or could, is left out.
    """
    errmsg = clean(answer.get("errmsg"), secrets)
    shown = None if bare or len(str(answer)) > _SHOWN_LIMIT else presentable(answer)
    return WeChatRefusedError(
        f"{method} {path}: WeChat answered {errcode} {errmsg}".rstrip(),
        path=path,
        wechat_errcode=errcode,
        remedy=return_codes.remedy(errcode, errmsg),
        answer=shown,
    )


def _content_type(value: str) -> str:
    """Return WeChat's content type if it can go into a header as it is."""
    return value if _CONTENT_TYPE.fullmatch(value) else _BINARY


def _is_text(content_type: str) -> bool:
    return content_type.lower().startswith(("text/", "application/json", "application/xml"))


def _should_be_json(content: bytes, content_type: str) -> bool:
    """Say whether what is no JSON object is no answer either: an error page, JSON that is cut."""
    kind = content_type.lower()
    if kind.startswith("text/html"):
        return True
    if kind.startswith(("application/json", "text/json")):
        return not _is_json(content)
    # WeChat sends JSON as text/plain, too; one that was cut off begins like one.
    begins = content[:64].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    says_little = _is_text(kind) or kind == _BINARY
    return not content or (says_little and begins.startswith((b"{", b"<!doctype", b"<html")))


def _is_json(content: bytes) -> bool:
    """Say whether an answer is whole JSON, of whatever kind."""
    try:
        json.loads(content.decode("utf-8-sig", "replace"), strict=False)
    except (ValueError, RecursionError):
        return False
    return True


def _masked(content: bytes, content_type: str, token: str) -> bytes:
    return mask_answer(content, (token,)) if _is_text(content_type) else content
