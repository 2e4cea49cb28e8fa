"""Mutants of the component token, of look-ups and of the sweep."""

# ruff: noqa: E501 -- the source of the services stands here as it is there

from __future__ import annotations

from tests.simulation.mutants.mutant import Edit, Mutant

_COMPONENT = "wxvault.services.component"
_LOOKUP = "wxvault.services.lookup"
_SWEEP = "wxvault.services.sweeping"
_DUE = "wxvault.vault.due_items"

MUTANTS = (
    Mutant(
        "component: late start",
        "a call for the component token starts within 2 s of taking the lease",
        (
            Edit(
                _COMPONENT,
                "if tools.clock.now() - held.taken_at > START_SECONDS:",
                "if tools.clock.now() - held.taken_at > 15:",
            ),
        ),
        scenes=("unfinished_component_token",),
    ),
    Mutant(
        "component: second question",
        "a second question for the component token extends the lease first",
        (
            Edit(
                _COMPONENT,
                "                held = tools.tokens.extend(held, now=tools.clock.now())\n",
                "",
            ),
            Edit(
                _COMPONENT,
                "if tools.clock.now() - held.taken_at > START_SECONDS:",
                "if tools.clock.now() - held.taken_at > 15:",
            ),
        ),
        behind=("a call for the component token starts within 2 s of taking the lease",),
        scenes=(
            "unfinished_component_token",
            "component_token_asked_twice",
        ),
    ),
    Mutant(
        "component: kept for the overlap",
        "an environment keeps the component token for 0.2 of the overlap",
        (Edit(_COMPONENT, "CACHED * self._overlap", "10 * self._overlap"),),
        test="tests/unit/services/test_component_token.py",
    ),
    Mutant(
        "component: kept to its end",
        "an environment keeps the component token until its end at most",
        (
            Edit(
                _COMPONENT,
                "until = min(self._clock.now() + CACHED * self._overlap, found.expires_at)",
                "until = self._clock.now() + CACHED * self._overlap",
            ),
        ),
        scenes=("component_token_at_its_end",),
    ),
    Mutant(
        "component: old tickets",
        "a ticket older than twelve hours is not tried",
        (Edit(_COMPONENT, "ticket.received_at > oldest", "ticket.received_at > 0"),),
        test="tests/unit/services/test_component_token.py",
    ),
    Mutant(
        "component: one ticket",
        "when WeChat refuses a ticket, an older one is tried",
        (
            Edit(
                _COMPONENT,
                "if refusal.wechat_errcode in TICKET_REFUSED and len(waiting) > 1:",
                "if False:",
            ),
        ),
        scenes=("ticket_refused",),
    ),
    Mutant(
        "component: renewed when undue",
        "the component token is renewed when it is due",
        (
            Edit(
                _COMPONENT,
                "if state is not None and not forced and not is_due(state, tools.clock.now()):",
                "if False:",
            ),
            Edit(
                "wxvault.vault.token_items",
                'wanted += [one_of("status", RENEWABLE), is_due]',
                'wanted += [one_of("status", RENEWABLE)]',
            ),
        ),
        behind=("the condition of the lease",),
        scenes=("component_token_undue",),
    ),
    Mutant(
        "look-up: refused and served",
        "a look-up does not answer with the token that WeChat refused",
        (
            Edit(
                _LOOKUP,
                "good = token is not None and not _is(token, rejected)",
                "good = token is not None",
            ),
        ),
        scenes=("refused_token_looked_up",),
    ),
    Mutant(
        "look-up: anything served",
        "a look-up serves what may be served only",
        (
            Edit(
                _LOOKUP,
                "        if not is_servable(state, now, overlap=self._overlap):\n",
                "        if False:\n",
            ),
            Edit(
                _LOOKUP,
                "if good and is_servable(state, now, overlap=self._overlap, min_ttl=min_ttl):",
                "if good:",
            ),
        ),
        behind=("the second look at the token that is opened",),
        scenes=("refusals_after_silence",),
    ),
    Mutant(
        "sweep: two at once",
        "two sweeps do not run at once",
        (
            Edit(
                _SWEEP,
                "if not self._items.take_sweep(lease_id, now=now, seconds=SWEEP_LEASE_SECONDS):",
                "if self._items.take_sweep(lease_id, now=now, seconds=SWEEP_LEASE_SECONDS) is None:",
            ),
        ),
        test="tests/unit/services/test_sweeping.py",
    ),
    Mutant(
        "sweep: for ever",
        "a sweep that does not come back excludes others for a time only",
        (
            Edit(_SWEEP, "now=now, seconds=SWEEP_LEASE_SECONDS", "now=now, seconds=1e9"),
            Edit(_SWEEP, "            self._items.end_sweep(lease_id)\n", "            pass\n"),
        ),
        behind=("a sweep gives its lease back",),
        scenes=("refusals_after_silence",),
    ),
)
