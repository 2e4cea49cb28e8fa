"""The control API under ``/_sandbox/``: everything a test or a runner does to this WeChat.

JSON in, JSON out, loopback only. Errors: 4xx with ``{"error": {"code", "message"}}``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from sandbox.wechat.by_hand import crowd, expire
from sandbox.wechat.clock import DeskClock
from sandbox.wechat.control_confirm import confirm
from sandbox.wechat.control_fields import BadFieldError, Fields
from sandbox.wechat.control_registrations import applications, beside_of, finish, reuse, shape_of
from sandbox.wechat.control_view import issued_view, link_view, overview
from sandbox.wechat.faults import Fault, FaultError
from sandbox.wechat.merchants import Merchant, MerchantError
from sandbox.wechat.push_options import PushOptionError, PushOptions
from sandbox.wechat.pushes import Push, raw_envelope
from sandbox.wechat.replies import Reply, WebRequest
from sandbox.wechat.settings import SettingsError
from sandbox.wechat.state import RefusalError
from sandbox.wechat.tokens import Verdict
from sandbox.wechat.user_messages import UserMessage

if TYPE_CHECKING:
    from sandbox.wechat.desk import Desk

_LARGEST_CROWD: Final = 5000
CONTROL_PREFIX: Final = "/_sandbox/"
_LARGEST_MEDIUM: Final = 16 * 1024 * 1024

Handler = Callable[[Fields], Any]


class Control:
    """Routes a control request to what it asks for."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._routes: Mapping[tuple[str, str], Handler] = {
            ("GET", "health"): self._health,
            ("GET", "settings"): lambda _: desk.settings.public(),
            ("POST", "configure"): self._configure,
            ("GET", "state"): lambda _: overview(desk),
            ("GET", "merchants"): self._merchants,
            ("POST", "merchants"): self._add_merchant,
            ("POST", "crowd"): self._crowd,
            ("POST", "confirm"): lambda fields: confirm(desk, fields),
            ("POST", "plugin/authorize"): lambda fields: confirm(desk, fields, plugin=True),
            ("POST", "cancel"): self._cancel,
            ("POST", "expire"): self._expire,
            ("POST", "check"): self._check,
            ("GET", "tokens"): lambda _: {"tokens": issued_view(desk)},
            ("POST", "ticket"): self._ticket,
            ("POST", "ticket/stop"): self._stop_tickets,
            ("GET", "pushes"): self._pushes,
            ("POST", "push"): self._push,
            ("POST", "push/plan"): self._plan,
            ("POST", "push/release"): self._release,
            ("POST", "push/resend"): self._resend,
            ("POST", "push/registration"): self._registration,
            ("GET", "registrations"): lambda _: applications(desk),
            ("POST", "registrations/finish"): lambda fields: finish(desk, fields),
            ("POST", "registrations/reuse"): lambda fields: reuse(desk, fields),
            ("GET", "push/wait"): self._wait,
            ("POST", "message"): self._message,
            ("GET", "sent"): self._sent,
            ("GET", "faults"): lambda _: {"faults": desk.faults.waiting()},
            ("POST", "faults"): self._add_fault,
            ("POST", "faults/clear"): self._clear_faults,
            ("GET", "log"): self._log,
            ("GET", "log/last"): lambda _: {"seq": desk.log.last()},
            ("GET", "counts"): lambda fields: desk.log.counts(fields.number("since", 0)),
            ("GET", "secrets"): self._secrets,
            ("POST", "clock"): self._advance,
            ("POST", "login_code"): self._login_code,
            ("POST", "draft"): self._add_draft,
            ("POST", "media"): self._add_media,
            ("POST", "open_account"): self._add_open_account,
        }

    def handle(self, request: WebRequest) -> Reply:
        """Answer a control request; never raises for what the caller sent."""
        name = request.path.removeprefix(CONTROL_PREFIX).strip("/")
        handler = self._routes.get((request.method, name))
        if handler is None:
            known = any(route == name for _, route in self._routes)
            return _error(405 if known else 404, "no_route", f"{request.method} {name}")
        try:
            return Reply.json(200, handler(_fields(request)))
        except BadFieldError as error:
            return _error(400, "bad_field", str(error))
        except (SettingsError, MerchantError, FaultError, PushOptionError) as error:
            return _error(400, "bad_field", str(error))
        except RefusalError as error:
            return _error(409, error.code, error.message)

    # --- configuration

    def _health(self, _: Fields) -> Any:
        return {
            "status": "ok",
            "component_appid": self._desk.settings.component_appid,
            "now": round(self._desk.clock.now(), 3),
            "tickets_stopped": self._desk.tickets.stopped,
        }

    def _configure(self, fields: Fields) -> Any:
        return self._desk.configure(fields.everything()).public()

    def _advance(self, fields: Fields) -> Any:
        clock = self._desk.clock
        if not isinstance(clock, DeskClock):
            raise BadFieldError("advance: this sandbox runs on a clock of its own")
        try:
            clock.advance(fields.seconds("advance"))
        except ValueError as error:
            raise BadFieldError(str(error)) from None
        return {"now": round(clock.now(), 3)}

    # --- merchants

    def _merchants(self, _: Fields) -> Any:
        with self._desk.lock:
            links = list(self._desk.state.links.values())
            return {"merchants": [link_view(self._desk, link) for link in links]}

    def _add_merchant(self, fields: Fields) -> Any:
        merchant = Merchant.from_json(fields.everything(), self._desk.minter)
        with self._desk.lock:
            self._desk.state.add_merchant(merchant)
        return merchant.to_json()

    def _crowd(self, fields: Fields) -> Any:
        """Make ``count`` accounts that have authorised long ago, by another platform's software."""
        count = fields.number("count", 1)
        if not 1 <= count <= _LARGEST_CROWD:
            raise BadFieldError(f"count: must be 1 to {_LARGEST_CROWD}")
        with self._desk.lock:
            return {"authorizer_appids": crowd(self._desk.state, count)}

    def _cancel(self, fields: Fields) -> Any:
        push = self._desk.cancel(
            fields.text("authorizer_appid"), mode=fields.push_mode(), options=fields.push_options()
        )
        return {"push_id": push.push_id if push else None}

    def _expire(self, fields: Fields) -> Any:
        appid = fields.text("authorizer_appid", "")
        if not appid and not fields.flag("component"):
            raise BadFieldError("authorizer_appid: is missing (or component: true)")
        with self._desk.lock:
            return {"expired": expire(self._desk.state, appid, fields.text("kind", "access"))}

    def _check(self, fields: Fields) -> Any:
        with self._desk.lock:
            owner = self._desk.state.owner_of(fields.text("access_token"))
        if owner is None:
            return {"known": False, "honoured": False, "current": False, "verdict": "unknown"}
        return {
            "known": True,
            "kind": "authorizer" if owner.authorizer_appid else "component",
            "authorizer_appid": owner.authorizer_appid,
            "honoured": owner.verdict is Verdict.HONOURED,
            "current": owner.current,
            "verdict": owner.verdict.value,
            "issued_at": owner.token.issued_at,
            "expires_at": owner.token.expires_at,
            "superseded_at": owner.token.superseded_at,
        }

    # --- users, code, files

    def _login_code(self, fields: Fields) -> Any:
        desk = self._desk
        scope, openid = fields.text("scope", ""), fields.text("openid", "")
        with desk.lock:
            appid = desk.state.link(fields.text("authorizer_appid")).merchant.appid
            code = desk.logins.issue_code(appid, desk.clock.now(), scope=scope, openid=openid)
        return {"code": code}

    def _add_draft(self, fields: Fields) -> Any:
        version, description = fields.text("user_version", "1.0.0"), fields.text("user_desc", "")
        with self._desk.lock:
            now = self._desk.clock.now()
            return {"draft_id": self._desk.templates.add_draft(version, description, now)}

    def _add_media(self, fields: Fields) -> Any:
        """Let a file of ``size`` bytes exist, for every account."""
        size = fields.number("size", 0)
        if not 0 < size <= _LARGEST_MEDIUM:
            raise BadFieldError(f"size: is not 1 to {_LARGEST_MEDIUM}")
        with self._desk.lock:
            content_type = fields.text("content_type", "image/png")
            return {"media_id": self._desk.media.add(b"\x89" * size, content_type)}

    def _add_open_account(self, fields: Fields) -> Any:
        principal, foreign = fields.text("principal_name"), fields.flag("foreign")
        with self._desk.lock:
            made = self._desk.open_accounts.add(principal, by_api=not foreign)
        return {"open_appid": made.open_appid}

    # --- pushes

    def _ticket(self, fields: Fields) -> Any:
        return self._pushed(self._desk.push_ticket(fields.push_options()), fields)

    def _stop_tickets(self, _: Fields) -> Any:
        self._desk.tickets.stop()
        return {"tickets_stopped": True}

    def _pushes(self, fields: Fields) -> Any:
        wanted = fields.text("info_type", "")
        pushes = [push.to_json() for push in self._desk.pushes.all()]
        return {"pushes": [p for p in pushes if not wanted or p["info_type"] == wanted]}

    def _push(self, fields: Fields) -> Any:
        """Push what the test gives: ``xml`` encrypted, or ``body`` and ``query`` as they are."""
        raw = None
        if fields.has("body"):
            raw = raw_envelope(fields.text("body"), fields.strings("query"))
        push = self._desk.pushes.send(
            fields.text("info_type", "raw"),
            "" if raw else fields.text("xml"),
            authorizer_appid=fields.text("authorizer_appid", ""),
            options=fields.push_options(),
            url=fields.text("url", ""),
            raw=raw,
        )
        return self._pushed(push, fields)

    def _plan(self, fields: Fields) -> Any:
        options = fields.push_options() or PushOptions()
        self._desk.plan_push(fields.text("info_type"), options, fields.number("count", 1))
        return {"planned": asdict(options)}

    def _release(self, fields: Fields) -> Any:
        released = self._desk.pushes.release(fields.text("push_id", "") or None)
        return {"released": [push.push_id for push in released]}

    def _resend(self, fields: Fields) -> Any:
        push = self._desk.pushes.resend(fields.text("push_id"), fields.push_options())
        if push is None:
            raise BadFieldError("push_id: no such push")
        return self._pushed(push, fields)

    def _registration(self, fields: Fields) -> Any:
        merchant = None
        if fields.has("merchant"):
            merchant = Merchant.from_json(fields.mapping("merchant"), self._desk.minter)
        push, appid = self._desk.register(
            kind=fields.text("kind", "enterprise"),
            status=fields.number("status", 0),
            message=fields.text("msg", "OK"),
            merchant=merchant,
            info=fields.mapping("info") or None,
            shape=shape_of(fields),
            beside=beside_of(fields),
            options=fields.push_options(),
        )
        return {**self._pushed(push, fields), "registered_appid": appid}

    def _wait(self, fields: Fields) -> Any:
        """Wait for one push, or until none is on its way."""
        timeout = fields.seconds("timeout", 10)
        push_id = fields.text("push_id", "")
        if not push_id:
            return {"idle": self._desk.pushes.wait_idle(timeout)}
        push = self._desk.pushes.get(push_id)
        if push is None:
            raise BadFieldError("push_id: no such push")
        push.finished.wait(timeout)
        return push.to_json()

    def _pushed(self, push: Push, fields: Fields) -> dict[str, Any]:
        if fields.flag("wait") and push.state != "held":
            push.finished.wait()
        return push.to_json()

    # --- messages of users

    def _message(self, fields: Fields) -> Any:
        """A user sends something to an account."""
        message = UserMessage(
            openid=fields.text("openid", "") or self._desk.minter.openid(),
            msg_type=fields.text("msg_type", "text"),
            content=fields.text("content", ""),
            fields=fields.mapping("fields"),
            as_json=fields.flag("as_json"),
        )
        push = self._desk.message(
            fields.text("authorizer_appid"), message, options=fields.push_options()
        )
        return self._pushed(push, fields)

    def _sent(self, fields: Fields) -> Any:
        """Customer-service messages that platforms have sent to users."""
        wanted = fields.text("authorizer_appid", "")
        with self._desk.lock:
            sent = list(self._desk.state.sent)
        return {"sent": [one for one in sent if not wanted or one["authorizer_appid"] == wanted]}

    # --- faults, log, secrets

    def _add_fault(self, fields: Fields) -> Any:
        return {"id": self._desk.faults.add(Fault.from_json(fields.everything()))}

    def _clear_faults(self, fields: Fields) -> Any:
        return {"cleared": self._desk.faults.clear(fields.number("id", 0) or None)}

    def _log(self, fields: Fields) -> Any:
        entries = self._desk.log.since(fields.number("since", 0), fields.number("limit", 0) or None)
        return {"entries": entries}

    def _secrets(self, _: Fields) -> Any:
        return {"secrets": [asdict(secret) for secret in self._desk.state.ledger.all()]}


def _fields(request: WebRequest) -> Fields:
    if request.method == "GET":
        return Fields(dict(request.query), texts=True)
    if not request.body:
        return Fields({})
    # A page of another site can post forms here, but not this type without being asked.
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise BadFieldError("Content-Type: is not application/json")
    try:
        values = json.loads(request.body)
    except ValueError:
        raise BadFieldError("body: is not JSON") from None
    if not isinstance(values, dict):
        raise BadFieldError("body: is not a JSON object")
    return Fields(values)


def _error(status: int, code: str, message: str) -> Reply:
    return Reply.json(status, {"error": {"code": code, "message": message}})
