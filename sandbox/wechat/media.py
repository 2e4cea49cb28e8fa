"""Files up and down: temporary media, and mini-program codes as pictures."""

from __future__ import annotations

import email.parser
import email.policy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sandbox.wechat.account_sets import granted
from sandbox.wechat.calls import Answer, Endpoint, Request, TokenNeed
from sandbox.wechat.return_codes import WeChatError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.wechat.values import Minter

UPLOAD: Final = "/cgi-bin/media/upload"
GET: Final = "/cgi-bin/media/get"
CODE: Final = "/wxa/getwxacode"
# The smallest picture there is: one transparent pixel.
PNG: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f64540"
    "0000000049454e44ae426082"
)
_TYPES: Final = frozenset({"image", "voice", "video", "thumb"})
_MEDIA_SETS: Final = frozenset({1, 11, 19})
_CODE_SETS: Final = frozenset({17})
_LONGEST_PATH: Final = 1024


@dataclass(frozen=True, slots=True)
class Medium:
    """One file. ``owner`` None: the component's, or one that a test has put here for anybody."""

    owner: str | None
    content: bytes = field(repr=False)
    content_type: str


class Media:
    """The temporary media. The caller holds the lock."""

    def __init__(self, minter: Minter) -> None:
        self._minter = minter
        self._media: dict[str, Medium] = {}

    def add(self, content: bytes, content_type: str, owner: str | None = None) -> str:
        """Keep a file. Returns its id."""
        media_id = self._minter.media_id()
        self._media[media_id] = Medium(owner, content, content_type)
        return media_id

    def endpoints(self) -> dict[str, Endpoint]:
        """Return the endpoints by path."""
        return {
            UPLOAD: Endpoint(
                self._upload, token=TokenNeed.ANY, checks_address=False, reads_json=False
            ),
            GET: Endpoint(
                self._get,
                token=TokenNeed.AUTHORIZER,
                methods=frozenset({"GET"}),
                checks_address=False,
                parameters={"media_id": 40007},
            ),
            CODE: Endpoint(
                self._code,
                required={"path": 40159},
                token=TokenNeed.AUTHORIZER,
                checks_address=False,
            ),
        }

    def _upload(self, request: Request) -> Mapping[str, Any]:
        owner = request.owner.authorizer_appid if request.owner else None
        if owner is not None:
            granted(request, _MEDIA_SETS)
        kind = request.call.query.get("type", "")
        if kind not in _TYPES:
            raise WeChatError(40004)
        content, content_type = _file(request.call.content_type, request.call.body)
        return {
            "type": kind,
            "media_id": self.add(content, content_type, owner),
            "created_at": int(request.state.clock.now()),
        }

    def _get(self, request: Request) -> Answer:
        link = granted(request, _MEDIA_SETS)
        medium = self._media.get(request.call.query["media_id"])
        if medium is None or medium.owner not in {None, link.merchant.appid}:
            raise WeChatError(40007)
        return Answer(medium.content, executed=True, content_type=medium.content_type)

    def _code(self, request: Request) -> Answer:
        granted(request, _CODE_SETS)
        if len(request.body["path"]) > _LONGEST_PATH:
            raise WeChatError(40159)
        return Answer(PNG, executed=True, content_type="image/png")


def _file(content_type: str, body: bytes) -> tuple[bytes, str]:
    """Return the file of the form's field ``media``. Raises 41005."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode("ascii", "replace")
    form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    for part in form.iter_parts() if form.is_multipart() else ():
        if part.get_param("name", header="content-disposition") == "media":
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes) and payload:
                return payload, part.get_content_type()
    raise WeChatError(41005)
