"""Code drafts and templates of the platform's mini programs, with the component's token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sandbox.wechat.calls import Endpoint, Request
from sandbox.wechat.return_codes import WeChatError

if TYPE_CHECKING:
    from collections.abc import Mapping

OK: Final = {"errcode": 0, "errmsg": "ok"}
_MOST: Final = 200


class Templates:
    """The draft box and the template library. The caller holds the lock."""

    def __init__(self) -> None:
        self._drafts: dict[int, dict[str, Any]] = {}
        self._templates: dict[int, dict[str, Any]] = {}
        self._next = 1

    def add_draft(self, version: str, description: str, now: float) -> int:
        """Let a developer have uploaded code. Returns the draft's id."""
        number, self._next = self._next, self._next + 1
        self._drafts[number] = {
            "create_time": int(now),
            "user_version": version,
            "user_desc": description,
            "draft_id": number,
        }
        return number

    def endpoints(self) -> dict[str, Endpoint]:
        """Return the endpoints by path."""
        get = frozenset({"GET"})
        return {
            "/wxa/gettemplatedraftlist": Endpoint(self._list_drafts, methods=get),
            "/wxa/addtotemplate": Endpoint(
                self._add, required={"draft_id": 47001}, integers=frozenset({"draft_id"})
            ),
            "/wxa/gettemplatelist": Endpoint(self._list, methods=get),
            "/wxa/deletetemplate": Endpoint(
                self._delete, required={"template_id": 47001}, integers=frozenset({"template_id"})
            ),
        }

    def _list_drafts(self, _: Request) -> Mapping[str, Any]:
        return {**OK, "draft_list": list(self._drafts.values())}

    def _list(self, _: Request) -> Mapping[str, Any]:
        return {**OK, "template_list": list(self._templates.values())}

    def _add(self, request: Request) -> Mapping[str, Any]:
        draft = self._drafts.get(request.body["draft_id"])
        if draft is None:
            raise WeChatError(85064)
        if len(self._templates) >= _MOST:
            raise WeChatError(85065)
        number, self._next = self._next, self._next + 1
        self._templates[number] = {
            **draft,
            "create_time": int(request.state.clock.now()),
            "template_id": number,
            "template_type": 0,
        }
        return OK

    def _delete(self, request: Request) -> Mapping[str, Any]:
        if self._templates.pop(request.body["template_id"], None) is None:
            raise WeChatError(85064)
        return OK
