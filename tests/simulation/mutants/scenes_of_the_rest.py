"""Scenes that show what is not about who was first: how often WeChat is asked, and for what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.house import MERCHANT
from tests.simulation.mutants.fates import UNHEARD, Fate

if TYPE_CHECKING:
    from tests.simulation.mutants.directed import Directed

_BUSY = Fate(refused=-1)


def _renewals(world: Directed) -> int:
    return world.wechat.executed.count("refresh")


def young_token(world: Directed) -> list[str]:
    """Nobody renews what is not due, however many jobs there are."""
    world.begin(age=0.3)
    for when in range(6):
        world.keep(when, "A")
    failures = world.cut(20)
    return failures + world.expected(_renewals(world) == 0, "renewed though it was not due")


def slow_clock_at_the_end(world: Directed) -> list[str]:
    """A clock that is half a second slow serves no token that has ended."""
    world.begin(age=0.86)
    world.call("", "refresh", *[_BUSY] * 200)
    end = world.item["access_expires_at"]
    assert isinstance(end, float)
    world.look_up(end - world.stage.time + 0.3, skew=-0.5)
    world.start_sweeps()
    return world.cut(1100)


def greedy_look_ups(world: Directed) -> list[str]:
    """On a fast clock, nobody's wish for more life than a token has is heard."""
    world.wechat.life = 600
    world.begin(age=0.3, component_age=0.2)
    for when in range(0, 60, 5):
        world.look_up(when, min_ttl=1200)
    failures = world.cut(80)
    return failures + world.expected(_renewals(world) <= 1, "renewed by every look-up")


def greedy_look_ups_while_refused(world: Directed) -> list[str]:
    """While WeChat refuses, nobody's wish for more life asks it again and again."""
    world.begin(age=0.86)
    world.call("", "refresh", *[_BUSY] * 200)
    for when in range(30):
        world.look_up(when * 0.5, min_ttl=1200)
    failures = world.cut(20)
    asked = world.wechat.calls.count("refresh")
    return failures + world.expected(asked <= 4, f"asked {asked} times while it refuses")


def three_lives(world: Directed) -> list[str]:
    """In three lives of a token it is renewed four times at most."""
    world.begin(age=0.1)
    failures = world.with_sweeps(3 * 7200)
    return failures + world.expected(_renewals(world) <= 4, f"renewed {_renewals(world)} times")


def another_token_refused(world: Directed) -> list[str]:
    """A refused token that is not the current one forces nothing."""
    world.begin(age=0.3)
    world.force(0, "A", "another token")
    failures = world.cut(10)
    return failures + world.expected(_renewals(world) == 0, "renewed for another's token")


def young_token_refused(world: Directed) -> list[str]:
    """A token is not renewed for being refused in its first minute."""
    world.begin(age=0.005, component_age=0.004)
    token = world.judge.token_of(MERCHANT)
    world.force(0, "A", token)
    failures = world.cut(10)
    return failures + world.expected(_renewals(world) == 0, "renewed in its first minute")


def refused_token_looked_up(world: Directed) -> list[str]:
    """Who says that WeChat refuses a token is not answered with it, when it can be renewed."""
    world.begin(age=0.3)
    token = world.judge.token_of(MERCHANT)
    world.look_up(0, forced=True)
    failures = world.cut(10)
    return failures + world.expected(
        world.judge.token_of(MERCHANT) != token, "the refused token was not renewed"
    )


def component_token_refused(world: Directed) -> list[str]:
    """A refused component token is renewed once, and the call is made again with the new one."""
    world.begin(age=0.86, component_age=0.2)
    for issued in world.wechat.component.tokens.values():
        issued.until = world.stage.time
    world.keep(0, "A")
    failures = world.cut(10)
    return failures + world.expected(_renewals(world) == 1, "not renewed")


def ticket_refused(world: Directed) -> list[str]:
    """When WeChat refuses the newest ticket, the one before it is tried."""
    world.begin(age=0.3, component_age=0.86)
    world.call("", "component_token", Fate(refused=61006))
    world.act(0, "A", world.component_keeper.renew)
    failures = world.cut(5)
    executed = world.wechat.executed.count("component_token")
    return failures + world.expected(executed >= 3, "the other ticket was not tried")


def component_token_undue(world: Directed) -> list[str]:
    """Nobody renews the component token when it is not due."""
    world.begin(age=0.3)
    world.wechat.executed.clear()
    for when in range(5):
        world.act(when, "A", world.component_keeper.renew)
    failures = world.cut(10)
    return failures + world.expected(not world.wechat.executed, "renewed though it was not due")


def component_token_at_its_end(world: Directed) -> list[str]:
    """On a fast clock, an environment keeps no component token beyond its end."""
    world.wechat.life = 600
    world.begin(age=0.3, component_age=0.2)
    world.call("", "component_token", *[_BUSY] * 50)
    end = 0.8 * 600

    def ask() -> None:
        token = world.component.get()
        if world.wechat.component.tokens[token].until <= world.stage.time:
            world.stage.fail("a component token was kept beyond its end")

    world.act(end - 8, "A", ask)
    world.act(end + 2, "B", ask)
    return world.cut(600)


def verification_that_names_nothing(world: Directed) -> list[str]:
    """WeChat knows the account, and names no refresh token: the one there is, is kept."""
    world.begin(age=0.3, dated=False)
    world.call("", "authorizer_info", Fate(empty=True))
    world.at(0, world.doubt)
    return world.end(20)


def push_twice(world: Directed) -> list[str]:
    """A push that comes again changes nothing."""
    world.begin(age=0.1)
    world.confirm(push=0.0)
    world.at(15, world.remember)
    world.at(16, lambda: world.push_again("authorized"))
    failures = world.cut(30)
    return failures + world.expected_unchanged()


def cancellation_twice(world: Directed) -> list[str]:
    """A cancellation that comes again changes nothing."""
    world.begin(age=0.1)
    world.at(0, lambda: world.cancel(push=0.0))
    world.at(15, world.remember)
    world.at(16, lambda: world.push_again("unauthorized"))
    failures = world.cut(30)
    return failures + world.expected_unchanged()


def older_code_and_the_date(world: Directed) -> list[str]:
    """A code that is exchanged when a newer grant is known leaves the newer one's date."""
    world.begin(age=0.3)
    world.call("exchange", "query_auth", Fate(executed=0.1, answered=3))
    world.confirm(push=0.0)
    world.at(2, lambda: world.confirm(push=0.0))
    world.at(2.5, lambda: world.call("", "query_auth", *[_BUSY] * 50))
    failures = world.cut(4)
    newest = world.pushed[-1].create_time
    return failures + world.expected(world.item["authorized_at"] == newest, "an older date")


def crashed_when_done(world: Directed) -> list[str]:
    """An exchange that crashes when its tokens are written is over: WeChat is not asked again."""
    world.begin(authorized=False)
    world.hold("exchange", "transact", crash=True)
    world.hold("exchange", "write", "TOKEN", nth=2, crash=True)
    world.confirm(push=0.0)
    world.start_sweeps()
    failures = world.cut(120)
    return failures + world.expected(world.wechat.calls == ["query_auth"], "asked again")


def crashed_exchange_of_a_tenant(world: Directed) -> list[str]:
    """A code that an unheard call has used up still tells whose merchant it brought."""
    world.begin(authorized=False)
    world.call("exchange", "query_auth", UNHEARD)
    world.confirm(push=0.0)
    failures = world.end(60)
    return failures + world.expected(world.item.get("tenant_id") == "tenant", "nobody's merchant")


def news_of_a_done_code(world: Directed) -> list[str]:
    """What the push says of a code that is done already is heard at once."""
    world.begin(authorized=False)
    world.confirm(browser=0.0, push=10.0, cookie=False)
    world.hold("authorized", "send", repeated=True)
    return world.end(60)


def hasty_clock_between(world: Directed) -> list[str]:
    """Beyond what is assumed: a clock a minute ahead lets two ask at once.

    The one that loses marks the item while the one that wins is still asking.
    """
    world.begin(age=0.86)
    world.call("A", "refresh", Fate(executed=6.0, answered=6.2))
    world.call("B", "refresh", Fate(executed=3.0, answered=6.9))
    world.call("", "refresh", *[_BUSY] * 200)
    world.keep(0, "A")
    world.keep(2, "B", skew=60)
    world.at(10, lambda: world.refuse_all(10))
    return world.with_sweeps(500)


SCENES = tuple(
    value
    for name, value in list(globals().items())
    if callable(value) and getattr(value, "__module__", "") == __name__ and name[0] != "_"
)
