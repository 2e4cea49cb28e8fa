"""Scenes that show what the lease, its fence and its mark are for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.house import MERCHANT
from tests.simulation.mutants.fates import LATEST, UNHEARD, Fate

if TYPE_CHECKING:
    from tests.simulation.mutants.directed import Directed

_BUSY = Fate(refused=-1)


def late_call(world: Directed) -> list[str]:
    """A renewal is executed at the last moment; nobody else's is executed before it."""
    world.begin(age=0.86)
    world.hold("A", "write", "TOKEN", after=1.7)
    world.call("A", "refresh", LATEST)
    world.keep(0, "A")
    for when in (8.0, 20.3, 23.2, 24.3):
        world.keep(when, "B", skew=0.5)
    return world.end(40)


def late_start(world: Directed) -> list[str]:
    """Who is held up between taking the lease and calling does not call."""
    world.begin(age=0.86)
    world.hold("A", "write", "TOKEN", after=10)
    world.call("A", "refresh", LATEST)
    world.keep(0, "A")
    world.keep(24.3, "B")
    return world.end(40)


def second_question(world: Directed) -> list[str]:
    """A refused refresh token costs two questions more, each with a lease of full length."""
    world.begin(age=0.86)
    world.wechat.rotate_on_refresh = True
    slow = Fate(executed=0.1, answered=6.9)
    world.call("A", "refresh", UNHEARD, slow, LATEST)
    world.call("A", "authorizer_info", slow)
    world.keep(0, "A")
    world.at(20, lambda: setattr(world.wechat, "rotate_on_refresh", False))
    world.keep(30, "A")
    world.keep(54.5, "B")
    return world.end(80)


def second_question_after_a_revocation(world: Directed) -> list[str]:
    """When an account is revoked, whoever holds its lease asks no second question."""
    world.begin(age=0.86)
    world.call("A", "refresh", Fate(refused=61023, answered=3))
    world.keep(0, "A")
    world.at(1, lambda: world.cancel(push=0.1))
    failures = world.cut(9)
    return failures + world.expected("authorizer_info" not in world.wechat.calls, "asked again")


def two_refused_tokens(world: Directed) -> list[str]:
    """Two who were refused with the same token force one renewal."""
    world.begin(age=0.3)
    world.hold("B", "write", "TOKEN", before=1.5)
    token = world.judge.token_of(MERCHANT)
    for name in ("B", "A"):
        world.force(0, name, token)
    failures = world.cut(20)
    return failures + world.expected(
        world.wechat.executed.count("refresh") == 1, "renewed twice for one refused token"
    )


def late_looks(world: Directed) -> list[str]:
    """Those who saw the item due, and come to the lease when it was renewed, do not renew."""
    world.begin(age=0.86)
    for number in range(6):
        world.hold(f"B{number}", "write", "TOKEN", until=0.3 + number * 0.3)
        world.keep(0, f"B{number}")
    failures = world.cut(20)
    return failures + world.expected(
        world.wechat.executed.count("refresh") == 1, "renewed again when it was not due"
    )


def unfinished_arrival(world: Directed) -> list[str]:
    """What an exchange has begun is not renewed: that a merchant came is told."""
    world.begin(authorized=False)
    world.confirm(push=0.0)
    world.call("exchange", "query_auth", UNHEARD)
    world.keep(26, "A")
    failures = world.end(30)
    return failures + world.expected(
        "authorizer.authorized" in world.bus.kinds(), "its arrival was not told"
    )


def two_verifications(world: Directed) -> list[str]:
    """Those who saw the item in doubt, and come to the lease when it was verified, do not ask."""
    world.begin(age=0.3, dated=False)
    world.at(0, world.doubt)
    world.hold("renew", "write", "TOKEN", nth=3, before=3)
    world.hold("B", "write", "TOKEN", before=1.5)
    world.keep(0.05, "B")
    failures = world.cut(20)
    return failures + world.expected(
        world.wechat.calls.count("authorizer_info") == 1, "verified twice"
    )


def refused_verification(world: Directed) -> list[str]:
    """While WeChat refuses to say whether an account is authorised, look-ups do not ask again."""
    world.begin(age=0.3, dated=False)
    world.at(0, world.doubt)
    world.call("", "authorizer_info", *[_BUSY] * 100)
    for number in range(60):
        world.look_up(1 + number * 0.3)
    failures = world.cut(20)
    asked = world.wechat.calls.count("authorizer_info")
    return failures + world.expected(asked <= 4, f"asked {asked} times")


def refusals_after_silence(world: Directed) -> list[str]:
    """Refusals say nothing of the question before them, which may have superseded the token."""
    world.begin(age=0.86)
    world.call("A", "refresh", UNHEARD)
    world.call("", "refresh", *[_BUSY] * 100)
    world.keep(0, "A")
    world.keep(25, "B")
    world.look_up(320)
    return world.with_sweeps(500)


def repeated_taking_after_silence(world: Directed) -> list[str]:
    """The same, and the client repeated the write that took the lease."""
    world.begin(age=0.86)
    world.call("A", "refresh", UNHEARD)
    world.call("", "refresh", *[_BUSY] * 100)
    world.hold("B", "write", "TOKEN", repeated=True)
    world.keep(0, "A")
    world.keep(25, "B")
    return world.with_sweeps(500)


def commit_of_the_past(world: Directed) -> list[str]:
    """A commit that was held up until another has renewed is not written over that one's."""
    world.begin(age=0.86)
    world.hold("A", "write", "TOKEN", nth=2, until=24.8)
    # That costs another's renewal, and one more because the fence was lost.
    world.count("lost fence")
    world.keep(0, "A")
    world.keep(24.3, "B", skew=0.2)
    return world.end(40)


def commit_of_the_past_rotated(world: Directed) -> list[str]:
    """The same, where each renewal brings another refresh token."""
    world.wechat.rotate_on_refresh = True
    return commit_of_the_past(world)


def cancelled_during_an_exchange(world: Directed) -> list[str]:
    """A cancellation that comes during an exchange is not undone by its answer."""
    world.begin(authorized=False)
    world.call("exchange", "query_auth", Fate(executed=0.1, answered=4))
    world.confirm(push=0.0)
    world.at(1.5, lambda: world.cancel(push=0.1))
    return world.end(40)


def hasty_clock(world: Directed) -> list[str]:
    """Beyond what is assumed: a clock a minute ahead lets two ask at once.

    The answer that loses may be the one WeChat honours, and WeChat refuses for a while after it.
    """
    world.begin(age=0.86)
    world.call("A", "refresh", Fate(executed=6.0, answered=6.5))
    world.call("", "refresh", Fate(), *[_BUSY] * 100)
    world.keep(0, "A")
    world.keep(2, "B", skew=60)
    return world.with_sweeps(500)


def hasty_clock_and_late_commit(world: Directed) -> list[str]:
    """The same, and the commit that loses comes late."""
    world.hold("A", "write", "TOKEN", nth=2, before=14)
    return hasty_clock(world)


def hasty_clock_after_silence(world: Directed) -> list[str]:
    """The same, after a question that was not answered: the first one counts."""
    world.begin(age=0.86)
    world.call("", "refresh", UNHEARD, *[_BUSY] * 100)
    world.call("A", "refresh", Fate(executed=3, answered=4))
    world.call("B", "refresh", Fate(executed=None, answered=None))
    world.keep(0, "S")
    world.keep(100, "A")
    world.keep(101, "B", skew=60)
    world.refuse_all(105)
    return world.with_sweeps(600)


def unfinished_component_token(world: Directed) -> list[str]:
    """A renewal of the component token is executed at the last moment."""
    world.begin(age=0.3, component_age=0.86)
    world.hold("A", "write", "TOKEN", after=10)
    world.call("A", "component_token", LATEST)
    world.act(0, "A", world.component_keeper.renew)
    world.act(24.3, "B", world.component_keeper.renew)
    return world.end(400)


def component_token_asked_twice(world: Directed) -> list[str]:
    """A refused ticket costs a second question, with a lease of full length."""
    world.begin(age=0.3, component_age=0.86)
    world.call("A", "component_token", Fate(refused=61006, answered=6.9), LATEST)
    world.act(0, "A", world.component_keeper.renew)
    world.act(24.3, "B", world.component_keeper.renew)
    return world.end(400)


def hasty_clock_during_an_exchange(world: Directed) -> list[str]:
    """Beyond what is assumed: a clock a minute ahead renews while a code is being exchanged.

    The exchange is executed last and stored nowhere; WeChat refuses for a while after it.
    """
    world.begin(age=0.3)
    world.call("exchange", "query_auth", Fate(executed=6.0, answered=6.5))
    world.confirm(push=0.0)
    world.keep(2, "B", skew=60)
    busy = [_BUSY] * 200
    world.at(8, lambda: world.call("", "query_auth", *busy))
    world.at(8, lambda: world.call("", "authorizer_info", *busy))
    world.at(8, lambda: world.call("", "refresh", *busy))
    return world.with_sweeps(500)


def taken_while_looked_at(world: Directed) -> list[str]:
    """Who saw an item that needs nothing does not take it out of the index when it was leased."""
    world.begin(authorized=False)
    world.hold("exchange", "write", "CODE", crash=True)
    world.call("exchange", "query_auth", Fate(executed=0.1, answered=6))
    world.confirm(push=0.0)
    world.hold("B", "get", "TOKEN", nth=2, before=1.5)
    world.keep(26, "B")
    world.at(26.5, world.deliver_code)
    failures = world.cut(29)
    return failures + world.expected("due_at" in world.item, "leased and never due")


SCENES = (
    hasty_clock_during_an_exchange,
    taken_while_looked_at,
    late_call,
    late_start,
    second_question,
    second_question_after_a_revocation,
    two_refused_tokens,
    late_looks,
    unfinished_arrival,
    two_verifications,
    refused_verification,
    refusals_after_silence,
    repeated_taking_after_silence,
    commit_of_the_past,
    commit_of_the_past_rotated,
    cancelled_during_an_exchange,
    hasty_clock,
    hasty_clock_and_late_commit,
    hasty_clock_after_silence,
    unfinished_component_token,
    component_token_asked_twice,
)
