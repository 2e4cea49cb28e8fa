"""Scenes of the table held against WeChat's list, which is made up long before it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.house import MERCHANT
from tests.simulation.mutants.fates import Fate

if TYPE_CHECKING:
    from tests.simulation.mutants.directed import Directed

_OLD_LIST = Fate(executed=0.1, answered=6.0)


def _resync(world: Directed) -> None:
    world.call("resync", "authorizer_list", _OLD_LIST)
    world.act(0, "resync", world.run_resync, seconds=900)


def healed_while_the_list_was_read(world: Directed) -> list[str]:
    """The lost refresh token came back by a renewal, and rotated: the list's is the older one."""
    world.wechat.rotate_on_refresh = True
    world.begin(age=0.86)
    world.wipe(MERCHANT)
    _resync(world)
    world.keep(1, "A")
    return world.end(30)


def back_while_the_list_was_read(world: Directed) -> list[str]:
    """The list differed from the table, and the merchant has authorised since: nobody doubts it."""
    world.begin(age=0.3)
    world.wechat._new_refresh_token(MERCHANT, world.wechat.accounts[MERCHANT])
    _resync(world)
    world.at(1, lambda: world.confirm(push=0.0))
    failures = world.cut(20)
    asked = world.wechat.executed.count("authorizer_info")
    return failures + world.expected(asked == 0, "doubted, though it is newer than the list")


def again_while_the_list_was_read(world: Directed) -> list[str]:
    """A lost refresh token, and a newer grant that is not exchanged yet: the list is older."""
    world.begin(age=0.3)
    world.wipe(MERCHANT)
    _resync(world)
    world.hold("exchange", "get", "CODE", before=12.0)
    world.at(1, lambda: world.confirm(push=0.0))
    failures = world.cut(8)
    stored = "refresh_token" in world.item
    return failures + world.expected(not stored, "the value of an older grant was stored")


SCENES = (
    healed_while_the_list_was_read,
    back_while_the_list_was_read,
    again_while_the_list_was_read,
)
