"""Mutants of asking under the lease, and of writing what came of that."""

# ruff: noqa: E501 -- the source of the services stands here as it is there

from __future__ import annotations

from tests.simulation.mutants.mutant import Edit, Mutant

_QUESTION = "wxvault.services.question"
_ITEMS = "wxvault.vault.token_items"
_WRITING = "wxvault.vault.token_writing"
_TOOLS = "wxvault.services.tools"
_SILENCE = "wxvault.services.unanswered"

_HELD = Edit(
    _ITEMS,
    'held = (equals("lease_id", lease.lease_id), equals("fence", lease.fence))',
    "held: tuple[Condition, ...] = ()",
)
_STILL_HELD = Edit(
    _ITEMS,
    "if found.fence != lease.fence or found.lease_id != lease.lease_id:",
    "if False:",
)
_STARTED = Edit(
    _QUESTION, "if now - self.lease.taken_at > START_SECONDS:", "if now - self.lease.taken_at > 15:"
)

MUTANTS = (
    # --- asking under it ---
    Mutant(
        "second question",
        "a second question extends the lease first",
        (
            Edit(_QUESTION, "        if not self._fresh:\n            self._extend()\n", ""),
            Edit(
                _QUESTION,
                "            self._token = other\n        self._extend()\n",
                "            self._token = other\n",
            ),
            _STARTED,
        ),
        behind=("a call starts within 2 s of taking the lease",),
        scenes=("second_question",),
    ),
    Mutant(
        "extends another's",
        "only a lease that is held is extended",
        (
            Edit(
                _ITEMS,
                'condition=all_of(equals("lease_id", lease.lease_id), equals("fence", lease.fence)),',
                "condition=all_of(),",
            ),
        ),
        scenes=("second_question_after_a_revocation",),
    ),
    Mutant(
        "extends after a revocation",
        "a lease is extended on its fence",
        (
            Edit(
                _ITEMS,
                'condition=all_of(equals("lease_id", lease.lease_id), equals("fence", lease.fence)),',
                'condition=equals("lease_id", lease.lease_id),',
            ),
        ),
        scenes=("second_question_after_a_revocation",),
    ),
    Mutant(
        "refused token kept",
        "a refused component token is read again, once",
        (Edit(_QUESTION, "if refusal.wechat_errcode not in COMPONENT_TOKEN_REFUSED:", "if True:"),),
        scenes=("component_token_refused",),
    ),
    # --- writing what came of it ---
    Mutant(
        "fence check",
        "only who holds the lease writes: lease id and fence",
        (_HELD, _STILL_HELD),
        behind=("a lost lease is noticed when the item has changed",),
        scenes=(
            "commit_of_the_past_rotated",
            "cancelled_during_an_exchange",
        ),
    ),
    Mutant(
        "fence of the lease",
        "what was raised from outside ends a lease: the fence",
        (
            Edit(
                _ITEMS,
                'held = (equals("lease_id", lease.lease_id), equals("fence", lease.fence))',
                'held = (equals("lease_id", lease.lease_id),)',
            ),
            Edit(
                _ITEMS,
                "if found.fence != lease.fence or found.lease_id != lease.lease_id:",
                "if found.lease_id != lease.lease_id:",
            ),
        ),
        behind=("a lost lease is noticed when the item has changed",),
        scenes=("cancelled_during_an_exchange",),
    ),
    Mutant(
        "id of the lease",
        "only who holds the lease writes: its id",
        (
            Edit(
                _ITEMS,
                'held = (equals("lease_id", lease.lease_id), equals("fence", lease.fence))',
                'held = (equals("fence", lease.fence),)',
            ),
            Edit(
                _ITEMS,
                "if found.fence != lease.fence or found.lease_id != lease.lease_id:",
                "if found.fence != lease.fence:",
            ),
        ),
        behind=("a lost lease is noticed when the item has changed",),
        test="tests/unit/vault/test_settle.py::test_a_lost_lease_writes_nothing",
    ),
    Mutant(
        "settled not recognised",
        "a commit that was done is recognised when the client repeats the write",
        (
            Edit(
                _ITEMS,
                "if found.fence == lease.fence and found.settled_lease == lease.lease_id:",
                "if False:",
            ),
        ),
        test="tests/unit/vault/test_settle.py::test_ones_own_write_is_recognised",
    ),
    Mutant(
        "answer forgotten",
        "a good answer that comes too late marks the item and makes it due",
        (
            Edit(
                _TOOLS,
                """            return Outcome.RENEWED
        self.supersede(lease)
""",
                """            return Outcome.RENEWED
""",
            ),
        ),
        scenes=(
            "hasty_clock",
            "hasty_clock_and_late_commit",
        ),
    ),
    Mutant(
        "shortened lease",
        "nobody shortens a lease that another one holds",
        (
            Edit(
                _WRITING,
                "until = max(change.lease_until, state.lease_until or 0.0)",
                "until = change.lease_until",
            ),
        ),
        test="tests/unit/vault/test_amend.py::test_a_lease_that_was_just_extended_is_not_shortened",
    ),
    Mutant(
        "later of two marks",
        "a new mark counts from the earlier of its own time and the one that stands",
        (Edit(_WRITING, '"unresolved_since": min(times)}', '"unresolved_since": max(times)}'),),
        scenes=("hasty_clock_after_silence",),
    ),
    Mutant(
        "lease given back in silence",
        "when WeChat does not answer, the lease runs out by itself",
        (
            Edit(
                _SILENCE,
                """    now = tools.clock.now()
    if is_within""",
                """    now = tools.clock.now()
    tools.settle(lease, lambda state: decisions.abandoned(state, lease, answered=True))
    if is_within""",
            ),
        ),
        scenes=(
            "late_call",
            "second_question",
        ),
    ),
    Mutant(
        "refused in silence",
        "when WeChat does not answer, nothing is written: the mark stays",
        (
            Edit(
                _SILENCE,
                """    now = tools.clock.now()
    if is_within""",
                """    now = tools.clock.now()
    tools.settle(lease, lambda state: decisions.abandoned(state, lease))
    if is_within""",
            ),
        ),
        scenes=(
            "late_call",
            "second_question",
        ),
    ),
)
