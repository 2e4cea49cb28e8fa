"""Scenes that show what the dates of grants and cancellations, and the states of codes are for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.mutants.fates import DROPPED, LATEST, UNHEARD, Fate

if TYPE_CHECKING:
    from tests.simulation.mutants.directed import Directed

_BUSY = Fate(refused=-1)


def _refuse_codes(world: Directed) -> None:
    world.call("", "query_auth", *[_BUSY] * 200)
    world.call("", "authorizer_info", *[_BUSY] * 200)


def past_pushes_after_a_return(world: Directed) -> list[str]:
    """What was before the newest grant changes nothing, in whatever order it is pushed."""
    world.begin(age=0.1)
    first, when = world.confirm(), world.create_time()
    world.at(2, lambda: world.cancel(push=0.0))
    world.at(5, lambda: world.confirm(push=0.0))
    world.at(15, world.remember)
    world.at(16, lambda: world.push_later(first, delay=0.0, when=when))
    world.at(20, lambda: world.push_again("unauthorized"))
    failures = world.cut(30)
    return failures + world.expected_unchanged()


def past_grant_after_a_cancellation(world: Directed) -> list[str]:
    """A grant before the newest cancellation changes nothing."""
    world.begin(age=0.1)
    code, when = world.confirm(), world.create_time()
    world.at(2, lambda: world.cancel(push=0.0))
    world.at(15, world.remember)
    world.at(16, lambda: world.push_later(code, delay=0.0, when=when))
    failures = world.cut(30)
    return failures + world.expected_unchanged()


def past_cancellation_first_heard_of(world: Directed) -> list[str]:
    """A cancellation before the newest grant takes nothing; a code from before it is history."""
    world.begin(age=0.1)
    code, when = world.confirm(), world.create_time()
    world.at(2, lambda: world.cancel(push=18.0))
    world.at(5, lambda: world.confirm(push=0.0))
    world.at(15, world.remember)
    world.at(25, lambda: world.push_later(code, delay=0.0, when=when))
    failures = world.cut(40)
    return failures + world.expected_unchanged("unauthorized_at")


def coming_back(world: Directed) -> list[str]:
    """Who asks for the token of a merchant who is coming back is not told that it has gone."""
    world.begin(age=0.1)
    world.at(0, lambda: world.cancel(push=0.0))
    world.call("exchange", "query_auth", Fate(executed=2, answered=3))
    world.at(10, lambda: world.confirm(push=0.0))
    world.look_up(11)
    failures = world.cut(30)
    return failures + world.expected("authorizer_revoked" not in world.answers, "told as gone")


def coming_back_before_it_is_deleted(world: Directed) -> list[str]:
    """Whoever may be coming back is not deleted meanwhile."""
    world.begin(age=0.1)
    world.at(0, lambda: world.cancel(push=0.0))
    world.call("", "authorizer_info", *[DROPPED] * 20)
    world.call("", "query_auth", *[DROPPED] * 20)
    world.at(40, lambda: world.confirm(push=0.0))
    failures = world.cut(60)
    return failures + world.expected("delete_after" not in world.item, "will be deleted")


def coming_back_by_redirect_before_it_is_deleted(world: Directed) -> list[str]:
    """The same, when only the redirect has come."""
    world.begin(age=0.1)
    world.at(0, lambda: world.cancel(push=0.0))
    world.at(35, lambda: world.call("", "authorizer_info", *[DROPPED] * 20))
    world.at(40, lambda: world.confirm(browser=0.0))
    failures = world.cut(60)
    return failures + world.expected("delete_after" not in world.item, "will be deleted")


def late_blind_call(world: Directed) -> list[str]:
    """A blind call is executed late; its push came before that, and the code is refused after."""
    world.begin(age=0.3)
    world.confirm(browser=0.0, push=5.0)
    world.call("exchange", "query_auth", LATEST)
    world.at(20, lambda: _refuse_codes(world))
    return world.with_sweeps(500)


def late_blind_call_of_an_older_grant(world: Directed) -> list[str]:
    """A blind call is executed late; a newer grant is there already when its push comes."""
    world.begin(age=0.3)
    world.confirm(browser=0.5, push=8.0)
    world.call("exchange", "query_auth", LATEST)
    world.at(2, lambda: world.confirm(push=0.1))
    world.at(7, lambda: _refuse_codes(world))
    return world.with_sweeps(500)


def blind_call_during_a_renewal(world: Directed) -> list[str]:
    """The push of a code that is asked for blindly comes while a renewal is under way."""
    world.begin(age=0.86)
    world.call("A", "refresh", Fate(executed=0.1, answered=6))
    world.keep(0, "A")
    world.confirm(browser=0.1, push=3.0)
    world.call("exchange", "query_auth", LATEST)
    world.at(20, lambda: _refuse_codes(world))
    for when in (6.5, 8.0):
        world.keep(when, "B")
    return world.with_sweeps(500)


def later_blind_call(world: Directed) -> list[str]:
    """A blind call began after a renewal, and is over after it."""
    world.begin(age=0.86)
    world.call("A", "refresh", Fate(executed=0.1, answered=None))
    world.keep(0, "A")
    world.confirm(browser=10.0, push=12.0)
    world.call("exchange", "query_auth", LATEST)
    world.at(30, lambda: _refuse_codes(world))
    for when in (24.5, 26.0):
        world.keep(when, "B")
    return world.with_sweeps(500)


def undated_cancellation(world: Directed) -> list[str]:
    """A cancellation that no grant can be compared with takes nothing, and nothing is told."""
    world.begin(age=0.1, dated=False)
    world.at(0, world.doubt)
    failures = world.cut(20)
    return failures + world.expected(
        "authorizer.revoked" not in world.bus.kinds(), "told as gone, but authorised"
    )


def cancelled_undated(world: Directed) -> list[str]:
    """A grant that has no date yet is cancelled: its token is not served."""
    world.begin(age=0.1, dated=False)
    world.call("", "authorizer_info", *[_BUSY] * 20)
    world.at(0, lambda: world.cancel(push=0.0))
    return world.end(60)


def cancelled(world: Directed) -> list[str]:
    """Of who has gone no token is kept."""
    world.begin(age=0.1)
    world.call("", "authorizer_info", *[_BUSY] * 20)
    world.at(0, lambda: world.cancel(push=0.0))
    failures = world.cut(10)
    kept = {"access_token", "refresh_token"} & set(world.item)
    return failures + world.expected(not kept, "a cancelled account's tokens are kept")


def cancelled_and_back_in_another_order(world: Directed) -> list[str]:
    """A merchant cancels and comes back; only the browser and the old cancellation are heard of."""
    world.begin(age=0.1)
    world.at(0, lambda: world.cancel(push=30.0))
    world.at(2, lambda: world.confirm(browser=0.0))
    return world.end(60)


def doubt_before_the_lease(world: Directed) -> list[str]:
    """A doubt that comes up before a renewal takes the lease is still there after it, and due."""
    world.begin(age=0.86, dated=False)
    world.hold("A", "write", "TOKEN", before=1.5)
    world.hold("unauthorized", "send", repeated=True)
    world.keep(0, "A")
    world.at(0.5, world.doubt)
    return world.end(10)


def newer_grant_during_a_renewal(world: Directed) -> list[str]:
    """A newer grant is pushed during a renewal, and its code is refused for a while."""
    world.begin(age=0.86)
    world.call("A", "refresh", Fate(executed=0.1, answered=4))
    world.call("", "query_auth", *[_BUSY] * 200)
    world.keep(0, "A")
    world.at(1, lambda: world.confirm(push=0.0))
    world.at(150, world.must_serve)
    return world.with_sweeps(160)


def back_during_a_renewal(world: Directed) -> list[str]:
    """A merchant cancels and comes back during a renewal; of the cancelling nobody hears."""
    world.begin(age=0.86)
    world.call("A", "refresh", Fate(executed=0.1, answered=5))
    world.call("exchange", "query_auth", DROPPED)
    world.keep(0, "A")
    world.at(1, lambda: world.cancel(push=100))
    world.at(2, lambda: world.confirm(push=0.0))
    return world.end(60)


def back_during_a_verification(world: Directed) -> list[str]:
    """A merchant comes back while WeChat answers that it has gone."""
    world.begin(age=0.1)
    world.at(0, lambda: world.cancel(push=0.0))
    world.call("", "authorizer_info", Fate(executed=0.1, answered=6))
    world.call("", "query_auth", *[_BUSY] * 200)
    world.at(2, lambda: world.confirm(push=0.0))
    failures = world.cut(12)
    return failures + world.expected(
        world.item.get("status") != "revoked" or "verifying" in world.item, "gone, but authorised"
    )


def back_during_a_loss(world: Directed) -> list[str]:
    """A merchant comes back while WeChat answers that its refresh token is no good."""
    world.begin(age=0.86)
    world.call("A", "refresh", Fate(refused=61023, answered=2))
    world.call("A", "authorizer_info", Fate(executed=0.1, answered=6))
    world.call("", "query_auth", *[_BUSY] * 200)
    world.keep(0, "A")
    world.at(4, lambda: world.confirm(push=0.0))
    failures = world.cut(12)
    return failures + world.expected(world.item.get("status") != "lost", "lost, but authorised")


def nothing_named(world: Directed) -> list[str]:
    """WeChat answers a renewal without a refresh token: the one there is, is kept."""
    world.begin(age=0.86)
    world.call("A", "refresh", Fate(empty=True))
    world.keep(0, "A")
    return world.end(10)


def nothing_named_when_asked(world: Directed) -> list[str]:
    """WeChat names no refresh token for a while: that is no end."""
    world.begin(age=0.86)
    world.call("A", "refresh", Fate(refused=61023))
    world.call("A", "authorizer_info", Fate(empty=True))
    world.keep(0, "A")
    return world.end(10)


def nothing_named_by_an_exchange(world: Directed) -> list[str]:
    """WeChat answers an exchange without a refresh token: the one there is, is kept."""
    world.begin(age=0.3)
    world.call("exchange", "query_auth", Fate(empty=True))
    world.confirm(push=0.0)
    return world.cut(10)


def older_code_after_a_newer_grant(world: Directed) -> list[str]:
    """A code is exchanged when a newer grant is known: its access token is not believed."""
    world.begin(age=0.3)
    world.call("exchange", "query_auth", Fate(executed=0.1, answered=5))
    world.confirm(push=0.0)
    world.at(2, lambda: world.cancel(push=100))
    world.at(3, lambda: world.confirm(push=0.0))
    world.at(4, lambda: world.call("", "query_auth", *[_BUSY] * 200))
    return world.with_sweeps(60)


def crashed_exchange(world: Directed) -> list[str]:
    """An exchange crashes after WeChat has executed it, and is taken up again."""
    world.begin(authorized=False)
    world.call("exchange", "query_auth", UNHEARD)
    world.confirm(push=0.0)
    return world.end(60)


def two_blind_calls(world: Directed) -> list[str]:
    """Two blind calls for a merchant nobody knew: the later one is answered first."""
    world.begin(authorized=False)
    world.confirm(browser=0.0)
    world.at(1, lambda: world.hold("exchange", "write", "CODE", after=0))
    world.call("exchange", "query_auth", Fate(executed=0.1, answered=6.5), Fate())
    world.at(2, lambda: world.confirm(browser=0.0))
    return world.end(60)


def two_first_codes(world: Directed) -> list[str]:
    """A blind call is executed during a leased one, for a merchant nobody knew."""
    world.begin(authorized=False)
    world.call("exchange", "query_auth", Fate(executed=0.1, answered=5), Fate())
    world.hold("authorized", "write", "TOKEN", before=3.5)
    world.confirm(push=0.0, browser=0.3)
    world.at(1.5, lambda: world.confirm(browser=0.0))
    world.at(2, lambda: world.call("", "refresh", *[_BUSY] * 200))
    return world.with_sweeps(500)


def blind_after_a_cancellation(world: Directed) -> list[str]:
    """A blind call is executed before a cancellation and stored after it."""
    world.begin(authorized=False)
    world.call("exchange", "query_auth", Fate(executed=0.1, answered=6))
    world.confirm(browser=0.0)
    world.at(2, lambda: world.cancel(push=0.1))
    return world.end(60)


def claim_that_ran_out(world: Directed) -> list[str]:
    """A code whose asking crashed is taken up again."""
    world.begin(authorized=False)
    world.hold("exchange", "write", "CODE", crash=True)
    world.confirm(push=0.0)
    return world.end(60)


def late_failer(world: Directed) -> list[str]:
    """Who ends a code too late does not end it for another."""
    world.begin(authorized=False)
    world.hold("exchange", "write", "CODE", nth=2, until=24.9)
    world.call("exchange", "query_auth", Fate(refused=61010), Fate(executed=0.5, answered=2))
    world.confirm(browser=0.0)
    world.at(24.4, world.deliver_code)
    return world.end(60)


def push_during_parking(world: Directed) -> list[str]:
    """The push comes while a code is put aside to wait for it."""
    world.begin(authorized=False)
    world.hold("X", "write", "CODE", nth=2, before=3)
    world.call("exchange", "query_auth", UNHEARD)
    world.confirm(browser=0.0, push=26.0)
    world.act(24.6, "X", world.exchange_code)
    return world.with_sweeps(300)


def repeated_claim(world: Directed) -> list[str]:
    """The client repeats the write of a claim: it is no earlier call."""
    world.begin(authorized=False)
    world.hold("exchange", "write", "CODE", repeated=True)
    world.confirm(browser=0.0)
    failures = world.cut(20)
    return failures + world.expected(world.item.get("status") == "active", "not stored")


def push_after_the_end(world: Directed) -> list[str]:
    """What a push says of a code that was exchanged is heard, also while that is being ended."""
    world.begin(authorized=False)
    world.hold("exchange", "write", "CODE", nth=2, before=3)
    world.confirm(browser=0.0, push=1.5, cookie=False)
    return world.end(60)


SCENES = tuple(
    value
    for name, value in list(globals().items())
    if callable(value) and getattr(value, "__module__", "") == __name__ and name[0] != "_"
)
