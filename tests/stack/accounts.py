"""Asking *accounts*, as the platform's own backend does: by invoke and by HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.stack.truth import at_rest
from wxvault.services.state import Status

if TYPE_CHECKING:
    from sandbox.stack.roles import Role
    from sandbox.stack.stack import LocalStack
    from tests.stack.world import World


def ask(world: World, action: str, **fields: Any) -> dict[str, Any]:
    """Ask *accounts* as the platform's own backend does."""
    function = world.stack.functions["accounts"].alias
    question = {"action": action, **fields}
    return dict(world.stack.trusted_caller().invoke(function, question))


def about(world: World, action: str, **fields: Any) -> dict[str, Any]:
    """Ask about the merchant of this world."""
    return ask(world, action, authorizer_appid=world.appid, **fields)


def backend_of(stack: LocalStack) -> Role:
    """The platform's backend over HTTP: every route of *accounts*."""
    paths = [("GET", "/authorizers"), ("GET", "/authorizers/*"), ("POST", "/authorizers/*")]
    return stack.roles.caller_of_paths(
        "platform-backend", [*paths, ("GET", "/tenants/*"), ("POST", "/tenants/*")]
    )


def cancelled(world: World) -> World:
    """Have the merchant cancel, and WeChat say so when it is asked."""
    world.stack.wechat.cancel(world.appid, push="first")
    assert at_rest(world).status is Status.REVOKED
    return world
