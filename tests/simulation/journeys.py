"""The journeys that are run exhaustively: what stands there before each, and what sets it off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.fakes.house import COMPONENT, MERCHANT
from wxvault.protocol.pushes import FastRegistration, Ticket, Unauthorized, Unknown
from wxvault.services.onboarding_state import Arrival
from wxvault.services.state import Purpose
from wxvault.services.tools import token_sha256

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.cases import Case
    from wxvault.services.onboarding_state import Session

_LATER = 100.0
"""Seconds until pushes come that stay away at first."""


@dataclass(frozen=True, slots=True)
class Journey:
    """One thing that is done, by however many actors."""

    start: Callable[[Case, str], None]
    """Sets it off, as part of the journey that is named."""
    needs: tuple[str, ...] = ()
    """What has to stand there: names of :data:`PREPARATIONS`."""
    exchanges: bool = False
    """An authorization code is exchanged in it."""
    before: str = "authorised"
    """What the world is like before all: "empty", "ticket", "authorised"."""


# --- what stands there before --------------------------------------------------------------------


def _due(case: Case) -> None:
    """The token is due, and so is the component's, which is renewed."""
    case.stage.time += 0.86 * case.wechat.life
    case.component_keeper.renew()


def _component_due(case: Case) -> None:
    case.stage.time += 0.86 * case.wechat.life


def _expired(case: Case) -> None:
    """The token's life is over, the component's is not."""
    case.stage.time += 0.86 * case.wechat.life
    case.component_keeper.renew()
    case.stage.time += 0.139 * case.wechat.life


def _retaken(case: Case) -> None:
    """A code was exchanged by a push, and nobody heard the answer."""
    case.code = _confirm_by_push(case)
    _lose_the_answer(case)


def _retaken_blind(case: Case) -> None:
    """The same by a redirect; the push comes later."""
    case.code = _confirm_by_redirect(case)
    _lose_the_answer(case)


def _lose_the_answer(case: Case) -> None:
    case.wechat.faults["query_auth"] = ["silent_after"]
    case.exchange.exchange(token_sha256(case.code))
    case.count("unanswered call")
    case.troubled[MERCHANT] += 1
    case.stage.time += 25


def _withheld(case: Case) -> None:
    """The merchant cancelled and authorised again; only the redirect of that has come so far."""
    case.cancel(MERCHANT, _LATER + 10)
    code = _confirm_by_redirect(case)
    case.exchange.exchange(token_sha256(code))


def _revoked(case: Case) -> None:
    """The merchant cancelled, and the push of that has come."""
    case.cancel(MERCHANT, None)
    push = Unauthorized(COMPONENT, case.create_time(MERCHANT), MERCHANT)
    case.intake.take(push)
    case.note_accepted(push)


def _cancelled_unheard(case: Case) -> None:
    """The merchant cancelled, and the push of that comes later."""
    case.cancel(MERCHANT, _LATER)


def _leased(case: Case) -> None:
    """Somebody renewed, and was switched off before WeChat was asked."""
    case.tools.acquire(MERCHANT, Purpose.RENEWAL)
    case.count("switched off")
    case.troubled[MERCHANT] += 1


def _recorded(case: Case) -> None:
    """The push of a code has come, and its job waits."""
    case.code = _confirm_by_push(case)


def _landed(case: Case) -> None:
    """The redirect of a code has come, and its job waits; the push comes later."""
    case.blind_code = _confirm_by_redirect(case)


def _other_refresh_token(case: Case) -> None:
    """WeChat knows another refresh token than the table: somebody else exchanged a code."""
    account = case.wechat.accounts[MERCHANT]
    case.wechat._new_refresh_token(MERCHANT, account)


def _wiped(case: Case) -> None:
    """The table has lost the merchant's refresh token."""
    case.wipe(MERCHANT)


def _forgotten(case: Case) -> None:
    """The table knows nobody: it was made anew, and WeChat's pushes have gone elsewhere."""
    for key in [key for key in case.table.items if key.pk.startswith("A#")]:
        del case.table.items[key]


def _component_refused(case: Case) -> None:
    """WeChat does not honour the component token any more."""
    for issued in case.wechat.component.tokens.values():
        issued.until = min(issued.until, case.stage.time)


def _bad_ticket(case: Case) -> None:
    """The newest ticket is one that WeChat refuses."""
    now = int(case.stage.time)
    case.items.add_ticket(f"ticket@@@{now:086x}", now, now=now)


def _no_ticket(case: Case) -> None:
    """No ticket of the last twelve hours; one comes later."""
    case.stage.time += 13 * 3600
    _push_ticket(case, "", _LATER)


def _bus_down(case: Case) -> None:
    """The bus takes nothing for as long as the journey lasts."""
    case.bus.down = True
    case.stage.after(30, lambda: setattr(case.bus, "down", False))


def _untold(case: Case) -> None:
    """A push and a cancellation could not be told some time ago."""
    case.bus.down = True
    unknown = Unknown(COMPONENT, int(case.stage.time), "something_newer", {})
    case.intake.take(unknown)
    case.note_accepted(unknown)
    _revoked(case)
    case.bus.down = False
    case.stage.time += 60


PREPARATIONS: Final[dict[str, Callable[[Case], None]]] = {
    "due": _due,
    "component due": _component_due,
    "expired": _expired,
    "no ticket": _no_ticket,
    "bad ticket": _bad_ticket,
    "other refresh token": _other_refresh_token,
    "component refused": _component_refused,
    "wiped": _wiped,
    "forgotten": _forgotten,
    "retaken": _retaken,
    "retaken blind": _retaken_blind,
    "withheld": _withheld,
    "revoked": _revoked,
    "cancelled unheard": _cancelled_unheard,
    "recorded": _recorded,
    "landed": _landed,
    "leased": _leased,
    "cancelled meanwhile": _cancelled_unheard,
    "untold": _untold,
    "bus down": _bus_down,
}
"""In the order in which they are made, if there are several."""


def _confirm(case: Case) -> tuple[str, Session, str, str]:
    code = case.wechat.confirm(MERCHANT)
    session, pre_auth_code, cookie = case.session_for(code, "tenant")
    case.confirmed(code, MERCHANT, pushed=True, whose="tenant")
    return code, session, pre_auth_code, cookie


def _confirm_by_push(case: Case) -> str:
    code, _, pre_auth_code, _ = _confirm(case)
    push = case.authorizing(code, case.create_time(MERCHANT), pre_auth_code)
    case.intake.take(push)
    case.note_accepted(push)
    return code


def _confirm_by_redirect(case: Case) -> str:
    code, session, pre_auth_code, _ = _confirm(case)
    arrival = Arrival(session_sha256=session.session_sha256)
    case.codes.record(code, arrival, now=case.stage.time)
    case.sessions.confirm(session.session_sha256)
    when = case.create_time(MERCHANT)
    case.push_later(code, delay=_LATER, when=when, pre_auth_code=pre_auth_code)
    return code


# --- what sets it off ----------------------------------------------------------------------------


def _renew(case: Case, journey: str) -> None:
    case.deliver({"job": "authorizer", "authorizer_appid": MERCHANT}, journey=journey)


def _renew_component(case: Case, journey: str) -> None:
    case.deliver({"job": "component"}, journey=journey)


def _exchange(case: Case, journey: str) -> None:
    case.deliver({"code_sha256": token_sha256(case.code)}, journey=journey)


def _exchange_blind(case: Case, journey: str) -> None:
    case.deliver({"code_sha256": token_sha256(case.blind_code)}, journey=journey)


def _push(case: Case, journey: str) -> None:
    code, _, pre_auth_code, _ = _confirm(case)
    when = case.create_time(MERCHANT)
    case.push_later(code, delay=0, when=when, pre_auth_code=pre_auth_code, journey=journey)


def _redirect(case: Case, journey: str) -> None:
    code, session, pre_auth_code, cookie = _confirm(case)
    when = case.create_time(MERCHANT)
    case.push_later(code, delay=_LATER, when=when, pre_auth_code=pre_auth_code)
    case.redirect(session, code, [cookie], 0, journey=journey)


def _both(case: Case, journey: str) -> None:
    code, session, pre_auth_code, cookie = _confirm(case)
    when = case.create_time(MERCHANT)
    case.redirect(session, code, [cookie], 0, journey=journey)
    case.push_later(code, delay=0.2, when=when, pre_auth_code=pre_auth_code, journey=journey)


def _cancel(case: Case, journey: str) -> None:
    account = case.wechat.accounts.get(MERCHANT)
    if account is not None and account.authorized:
        case.cancel(MERCHANT, 0, journey=journey)


def _sweep(case: Case, journey: str) -> None:
    case.start("sweep", case.sweep.run, seconds=55, journey=journey)


def _look_up(case: Case, journey: str) -> None:
    case.look_up(MERCHANT, journey=journey)


def _look_up_longer(case: Case, journey: str) -> None:
    case.look_up(MERCHANT, min_ttl=1200, journey=journey)


def _force(case: Case, journey: str) -> None:
    case.look_up(MERCHANT, forced=True, journey=journey)


def _resync(case: Case, journey: str) -> None:
    case.start_resync(journey=journey)


def _push_ticket(case: Case, journey: str, delay: float = 0) -> None:
    now = int(case.stage.time + delay)
    ticket = f"ticket@@@{now:086d}"
    case.wechat.tickets.add(ticket)
    case.push(Ticket(COMPONENT, now, ticket), delay, journey=journey)


def _push_unknown(case: Case, journey: str) -> None:
    now = int(case.stage.time)
    case.push(Unknown(COMPONENT, now, "something_new", {"n": "1"}), 0, journey=journey)


def _push_registration(case: Case, journey: str) -> None:
    code = case.wechat.confirm(MERCHANT)
    # It comes from no link of ours.
    case.confirmed(code, MERCHANT, pushed=True, whose=None)
    when = case.create_time(MERCHANT)
    kind = "notify_third_fasteregister"
    push = FastRegistration(COMPONENT, when, kind, MERCHANT, 0, code, "OK", {})
    case.push(push, 0, journey=journey)


def _launch(case: Case, journey: str) -> None:
    case.launch(journey=journey)


_AUTHORIZERS: Final = {
    "renew": Journey(_renew, ("due",)),
    "forced": Journey(_force),
    "verify": Journey(_renew, ("withheld",), exchanges=True),
    "exchange": Journey(_exchange, ("recorded",), exchanges=True),
    "blind": Journey(_exchange_blind, ("landed",), exchanges=True),
    "retaken": Journey(_exchange, ("retaken",), exchanges=True),
    "push": Journey(_push, exchanges=True),
    "redirect": Journey(_redirect, exchanges=True),
    "cancel": Journey(_cancel),
    "lookup": Journey(_look_up_longer, ("due",)),
    "sweep": Journey(_sweep, ("due",)),
    "component": Journey(_renew_component, ("component due",)),
    "resync": Journey(_resync, ("wiped",)),
}

PAIRED: Final = tuple(_AUTHORIZERS)
"""Journeys that touch one authorizer, or what its renewal needs: each is run with each."""

JOURNEYS: Final[dict[str, Journey]] = {
    **_AUTHORIZERS,
    "first exchange": Journey(_exchange, ("recorded",), exchanges=True, before="ticket"),
    "first blind": Journey(_exchange_blind, ("landed",), exchanges=True, before="ticket"),
    "first push": Journey(_push, exchanges=True, before="ticket"),
    "first redirect": Journey(_redirect, exchanges=True, before="ticket"),
    "first both": Journey(_both, exchanges=True, before="ticket"),
    "both": Journey(_both, exchanges=True),
    "retaken blind": Journey(_exchange, ("retaken blind",), exchanges=True),
    "gone": Journey(_renew, ("revoked",)),
    "cancelled unheard": Journey(_renew, ("due", "cancelled unheard")),
    "other refresh token": Journey(_renew, ("due", "other refresh token")),
    "component refused": Journey(_renew, ("due", "component refused")),
    "exchange, component refused": Journey(
        _exchange, ("due", "component refused", "recorded"), exchanges=True
    ),
    "exchange, leased": Journey(_exchange, ("due", "recorded", "leased"), exchanges=True),
    "exchange, cancelled": Journey(_exchange, ("recorded", "cancelled meanwhile"), exchanges=True),
    "blind, cancelled": Journey(_exchange_blind, ("landed", "cancelled meanwhile"), exchanges=True),
    "lookup, fresh": Journey(_look_up),
    "lookup, expired": Journey(_look_up, ("expired",)),
    "sweep of a code": Journey(_sweep, ("due", "retaken"), exchanges=True),
    "sweep of the component": Journey(_sweep, ("component due",)),
    "component, bad ticket": Journey(_renew_component, ("component due", "bad ticket")),
    "component, no ticket": Journey(_renew_component, ("no ticket",)),
    "adopt": Journey(_resync, ("forgotten",)),
    "resync, other refresh token": Journey(_resync, ("other refresh token",)),
    "resync, cancelled unheard": Journey(_resync, ("cancelled unheard",)),
    "resync, revoked": Journey(_resync, ("revoked",)),
    "resync, component refused": Journey(_resync, ("component refused", "wiped")),
    "resync, withheld": Journey(_resync, ("withheld",), exchanges=True),
    "resync, nothing to do": Journey(_resync),
    "first ticket": Journey(_push_ticket, before="empty"),
    "ticket": Journey(_push_ticket),
    "launch": Journey(_launch),
    "unknown push": Journey(_push_unknown),
    "unknown push, bus down": Journey(_push_unknown, ("bus down",)),
    "sweep of events": Journey(_sweep, ("untold",)),
    "sweep of events, bus down": Journey(_sweep, ("untold", "bus down")),
    "cancel, bus down": Journey(_cancel, ("bus down",)),
    "registration": Journey(_push_registration, exchanges=True, before="ticket"),
}
