"""Registrations without a browser: what persons do with applications and tickets, by program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast, get_args

from sandbox.wechat.control_fields import BadFieldError, Fields
from sandbox.wechat.desk import Beside
from sandbox.wechat.push_messages import Shape
from sandbox.wechat.register_links import check_reuse_link, reuse_query, with_ticket
from sandbox.wechat.state import RefusalError

if TYPE_CHECKING:
    from sandbox.wechat.desk import Desk


def applications(desk: Desk) -> dict[str, Any]:
    """Return every application: its kind, task, status and what it repeats."""
    with desk.lock:
        return {
            "applications": [
                {
                    "task_id": one.task_id,
                    "kind": one.kind,
                    "task_status": one.task_status,
                    "create_token": one.create_token,
                    "info": one.info(),
                }
                for one in desk.state.registrations.all()
            ]
        }


def finish(desk: Desk, fields: Fields) -> dict[str, Any]:
    """Let a person confirm or fail an application.

    In: ``task_id``; ``status`` (0), ``msg``, ``shape`` (old or new), ``beside`` (none, before or
    after: an ordinary ``authorized`` push), ``options``. Out: ``push_id``, ``registered_appid``.
    """
    with desk.lock:
        application = desk.state.registrations.get(fields.text("task_id"))
    if application is None or not application.is_open:
        raise RefusalError("unknown_application", "There is no open application with this task_id")
    push, appid = desk.finish_registration(
        application,
        status=fields.number("status", 0),
        message=fields.text("msg", ""),
        shape=shape_of(fields),
        beside=beside_of(fields),
        options=fields.push_options(),
    )
    if fields.flag("wait") and push.state != "held":
        push.finished.wait()
    return {"push_id": push.push_id, "registered_appid": appid}


def reuse(desk: Desk, fields: Fields) -> dict[str, Any]:
    """Let an administrator confirm the link ``link``, as the page does it (``referer``)."""
    asked = check_reuse_link(desk, reuse_query(fields.text("link")), fields.text("referer", ""))
    ticket = desk.reuse(asked)
    return {"ticket": ticket, "redirect_url": with_ticket(asked.redirect_uri, ticket)}


def shape_of(fields: Fields) -> Shape:
    """Return the shape of a result."""
    shape = fields.text("shape", "old")
    if shape not in get_args(Shape):
        raise BadFieldError(f"shape: is none of {', '.join(get_args(Shape))}")
    return cast("Shape", shape)


def beside_of(fields: Fields) -> Beside:
    """Return when an ordinary push comes beside a result."""
    beside = fields.text("beside", "none")
    if beside not in get_args(Beside):
        raise BadFieldError(f"beside: is none of {', '.join(get_args(Beside))}")
    return cast("Beside", beside)
