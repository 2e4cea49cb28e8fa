"""Mutants of taking the lease."""

# ruff: noqa: E501 -- the source of the services stands here as it is there

from __future__ import annotations

from tests.simulation.mutants.mutant import Edit, Mutant

_NUMBERS = "wxvault.services.numbers"
_QUESTION = "wxvault.services.question"
_ITEMS = "wxvault.vault.token_items"
_KEEPER = "wxvault.services.keeper"
_POLICY = "wxvault.services.policy"

_LIVE = Edit(
    _ITEMS,
    """        wanted: list[Condition] = [
            any_of(Absent("lease_until"), Compare("lease_until", "<", now)),""",
    """        wanted: list[Condition] = [
            all_of(),""",
)
_BUSY = Edit(
    _POLICY, "return state.lease_until is not None and state.lease_until >= now", "return False"
)
_STARTED = Edit(
    _QUESTION, "if now - self.lease.taken_at > START_SECONDS:", "if now - self.lease.taken_at > 15:"
)

MUTANTS = (
    # --- taking it ---
    Mutant(
        "live lease",
        "nobody takes a lease that another one holds",
        (_LIVE, _BUSY),
        behind=("who sees a live lease does not try",),
        scenes=("late_call",),
    ),
    Mutant(
        "lease of 20 s",
        "a lease outlives all that its holder can still cause: 24 s",
        (Edit(_NUMBERS, "LEASE_SECONDS = 24.0", "LEASE_SECONDS = 20.0"),),
        stories=2000,
    ),
    Mutant(
        "call of 14 s",
        "a call is given up after 7 s",
        (Edit(_NUMBERS, "CALL_SECONDS = 7.0", "CALL_SECONDS = 14.0"),),
        scenes=("late_call",),
    ),
    Mutant(
        "late start",
        "a call starts within 2 s of taking the lease",
        (_STARTED,),
        scenes=("late_start",),
    ),
    Mutant(
        "due at acquire",
        "taking the lease leaves the item due",
        (
            Edit(
                _ITEMS,
                """            set_if_absent={"unresolved_since": now} | made,
            add={"fence": 1},
        )
        try:
            old = self._table.write(update)""",
                """            set_if_absent={"unresolved_since": now} | made,
            add={"fence": 1},
            remove=frozenset({"due_at", "due_shard"} - set(due)),
        )
        try:
            old = self._table.write(update)""",
            ),
        ),
        scenes=(
            "late_call",
            "late_start",
        ),
    ),
    Mutant(
        "undue exchange",
        "what is not due when an exchange takes the lease becomes due",
        (
            Edit(
                _ITEMS,
                "due: dict[str, Value] = self._writing.due(authorizer_appid, now)",
                "due: dict[str, Value] = {}",
            ),
        ),
        test="tests/unit/vault/test_lease.py::test_a_lease_that_is_free_is_had",
    ),
    Mutant(
        "renewal of anything",
        "only what is active or failing is renewed",
        (
            Edit(_ITEMS, 'wanted += [one_of("status", RENEWABLE), is_due]', "wanted += [is_due]"),
            Edit(
                _KEEPER,
                "return state.verifying or (state.status in RENEWABLE and state.api_ability)",
                "return True",
            ),
        ),
        behind=("who sees what is gone takes it out of the index",),
        scenes=("unfinished_arrival",),
    ),
    Mutant(
        "renewal of undue",
        "only what is due is renewed",
        (
            Edit(
                _ITEMS,
                'wanted += [one_of("status", RENEWABLE), is_due]',
                'wanted += [one_of("status", RENEWABLE)]',
            ),
            Edit(_KEEPER, "if not (due or forced or early", "if False and not (due or early"),
        ),
        behind=("who sees what is not due does not try",),
        scenes=("young_token",),
    ),
    Mutant(
        "due at the condition",
        "the condition of the lease looks at due_at too",
        (
            Edit(
                _ITEMS,
                'wanted += [one_of("status", RENEWABLE), is_due]',
                'wanted += [one_of("status", RENEWABLE)]',
            ),
        ),
        scenes=("late_looks",),
    ),
    Mutant(
        "forced twice",
        "a forced renewal is for the token that was refused",
        (
            Edit(
                _ITEMS,
                'wanted += [one_of("status", RENEWABLE), equals("generation", generation or None)]',
                'wanted += [one_of("status", RENEWABLE)]',
            ),
        ),
        scenes=("two_refused_tokens",),
    ),
    Mutant(
        "verification of the sure",
        "only what is doubted is verified",
        (
            Edit(
                _ITEMS,
                'wanted += [Compare("verifying", "=", value=True), is_due]',
                "wanted += [is_due]",
            ),
        ),
        scenes=("two_verifications",),
    ),
    Mutant(
        "verification of undue",
        "a verification that was refused waits for its back-off",
        (
            Edit(
                _ITEMS,
                'wanted += [Compare("verifying", "=", value=True), is_due]',
                'wanted += [Compare("verifying", "=", value=True)]',
            ),
        ),
        scenes=("refused_verification",),
    ),
    Mutant(
        "no mark",
        "taking the lease marks the item: a question is open",
        (
            Edit(
                _ITEMS,
                '"lease_until": now + LEASE_SECONDS, "unresolved_mark": mark},',
                '"lease_until": now + LEASE_SECONDS},',
            ),
            Edit(_ITEMS, 'set_if_absent={"unresolved_since": now} | made,', "set_if_absent=made,"),
        ),
        scenes=(
            "refusals_after_silence",
            "repeated_taking_after_silence",
        ),
    ),
    Mutant(
        "young mark",
        "a mark counts from the first question that is unanswered",
        (
            Edit(
                _ITEMS,
                '"lease_until": now + LEASE_SECONDS, "unresolved_mark": mark},',
                '"lease_until": now + LEASE_SECONDS, "unresolved_mark": mark, "unresolved_since": now},',
            ),
            Edit(_ITEMS, 'set_if_absent={"unresolved_since": now} | made,', "set_if_absent=made,"),
        ),
        scenes=(
            "refusals_after_silence",
            "repeated_taking_after_silence",
        ),
    ),
    Mutant(
        "old mark kept",
        "every question has a mark of its own",
        (
            Edit(
                _ITEMS,
                '"lease_until": now + LEASE_SECONDS, "unresolved_mark": mark},',
                '"lease_until": now + LEASE_SECONDS},',
            ),
            Edit(
                _ITEMS,
                'set_if_absent={"unresolved_since": now} | made,',
                'set_if_absent={"unresolved_since": now, "unresolved_mark": mark} | made,',
            ),
        ),
        scenes=(
            "late_call",
            "second_question",
        ),
    ),
    Mutant(
        "silence forgotten",
        "a lease knows whether an earlier question was unanswered",
        (Edit(_ITEMS, "own_mark = before.unresolved_mark is None", "own_mark = True"),),
        scenes=(
            "refusals_after_silence",
            "repeated_taking_after_silence",
        ),
    ),
    Mutant(
        "silence forgotten when repeated",
        "a lease whose taking was repeated assumes that an earlier question was unanswered",
        (Edit(_ITEMS, "own_mark=False,", "own_mark=True,"),),
        scenes=("repeated_taking_after_silence",),
    ),
    Mutant(
        "lease not recognised",
        "a lease that was taken is recognised when the client repeats the write",
        (Edit(_ITEMS, "if found.lease_id == lease_id:", "if False:"),),
        test="tests/unit/vault/test_lease.py::test_an_answer_that_got_lost_is_no_refusal",
    ),
)
