"""One call to an endpoint of WeChat's, and the errcode it may answer with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from wxvault.errors import WeChatRefusedError, WeChatUnknownError
from wxvault.protocol import return_codes
from wxvault.wechat.answers import Reader, whole_number
from wxvault.wechat.secret_shapes import mask

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wxvault.wechat.http import WeChatHttp

_ERRMSG_LIMIT: Final = 200
_NOT_PRINTABLE = re.compile(r"[^\x20-\x7e\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]+")


def ask(
    http: WeChatHttp,
    path: str,
    body: Mapping[str, Any],
    *,
    query: Mapping[str, str],
    secrets: Iterable[str] = (),
) -> Reader:
    """Send one call and return the reader of its answer, or raise for an errcode.

    ``secrets`` are taken out of what WeChat says in its refusal, as is whatever is in ``query``.
    """
    content = http.post(path, query=query, body=body)
    errcode = content.get("errcode")
    number = 0 if errcode is None else whole_number(errcode)
    if number is None:
        raise WeChatUnknownError(f"POST {path}: the errcode is no number", path=path)
    if number:
        errmsg = clean(content.get("errmsg"), (*secrets, *query.values()))
        raise WeChatRefusedError(
            f"POST {path}: WeChat answered {number} {errmsg}".rstrip(),
            path=path,
            wechat_errcode=number,
            remedy=return_codes.remedy(number, errmsg),
        )
    return Reader(path, content)


def clean(errmsg: object, secrets: Iterable[str]) -> str:
    """Return WeChat's text without secrets, control and other strange characters, cut to size."""
    if not isinstance(errmsg, str):
        return ""
    text = _NOT_PRINTABLE.sub(" ", mask(errmsg, secrets))
    return text.strip()[:_ERRMSG_LIMIT]
