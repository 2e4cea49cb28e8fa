"""Mutants of what an item becomes after WeChat's answer."""

# ruff: noqa: E501 -- the source of the services stands here as it is there

from __future__ import annotations

from tests.simulation.mutants.mutant import Edit, Mutant

_DECISIONS = "wxvault.services.decisions"
_KEEPER = "wxvault.services.keeper"

_RENEWED = """        release=True,
        clear_mark=own,
        delete_after=None,
        events=events,"""

MUTANTS = (
    # --- a renewal ---
    Mutant(
        "every second renewal",
        "what was renewed is not due again before three quarters of its life",
        (
            Edit(
                _DECISIONS,
                "access.expires_in, uniform) if calm else lease.taken_at",
                "access.expires_in, uniform) if calm and state.generation % 2 else lease.taken_at",
            ),
        ),
        stories=300,
    ),
    Mutant(
        "another's mark cleared",
        "an answer clears the mark of its own question only",
        (Edit(_DECISIONS, _RENEWED, _RENEWED.replace("=own", "=True")),),
        scenes=("hasty_clock_between",),
    ),
    Mutant(
        "marked and calm",
        "what stays marked stays due",
        (
            Edit(
                _DECISIONS,
                "calm = own and not state.verifying and not overtaken",
                "calm = not state.verifying and not overtaken",
            ),
        ),
        scenes=("hasty_clock_between",),
    ),
    Mutant(
        "verifying and calm",
        "what stays doubted stays due",
        (
            Edit(
                _DECISIONS,
                "calm = own and not state.verifying and not overtaken",
                "calm = own and not overtaken",
            ),
        ),
        scenes=("doubt_before_the_lease",),
    ),
    Mutant(
        "overtaken and calm",
        "what lost its access token to a newer grant stays due",
        (
            Edit(
                _DECISIONS,
                "calm = own and not state.verifying and not overtaken",
                "calm = own and not state.verifying",
            ),
        ),
        test="tests/unit/services/test_decisions_answers.py::test_a_doubtful_renewal_stays_due",
    ),
    Mutant(
        "overtaken token kept",
        "a newer grant during the question makes the access token doubtful",
        (Edit(_DECISIONS, "access=None if overtaken else access,", "access=access,"),),
        scenes=("back_during_a_renewal",),
    ),
    Mutant(
        "nothing over something",
        "an empty refresh token replaces none",
        (
            Edit(
                _KEEPER,
                "kept = answer.refresh_token or refresh_token",
                "kept = answer.refresh_token or None",
            ),
        ),
        scenes=("nothing_named",),
    ),
    # --- refusals ---
    Mutant(
        "refusal vouches for silence",
        "a refusal forgets no earlier question",
        (
            Edit(
                _DECISIONS,
                "own = lease.own_mark and not earlier_open and state.unresolved_mark == lease.mark",
                "own = not earlier_open and state.unresolved_mark == lease.mark",
            ),
        ),
        scenes=(
            "refusals_after_silence",
            "repeated_taking_after_silence",
        ),
    ),
    Mutant(
        "refusal vouches for a call",
        "a refusal forgets no earlier call of the same code",
        (
            Edit(
                _DECISIONS,
                "own = lease.own_mark and not earlier_open and state.unresolved_mark == lease.mark",
                "own = lease.own_mark and state.unresolved_mark == lease.mark",
            ),
        ),
        test="tests/unit/services/test_decisions_answers.py::test_a_refusal_forgets_only_its_own_mark",
    ),
    Mutant(
        "refusal clears another's mark",
        "a refusal clears the mark of its own question only",
        (
            Edit(
                _DECISIONS,
                "own = lease.own_mark and not earlier_open and state.unresolved_mark == lease.mark",
                "own = lease.own_mark and not earlier_open",
            ),
        ),
        test="tests/unit/services/test_decisions_answers.py::test_a_refusal_forgets_only_its_own_mark",
    ),
    Mutant(
        "refused and due",
        "what is not kept going is not made due by a refusal",
        (
            Edit(
                _DECISIONS,
                "    if state.status in RENEWABLE or state.verifying:\n        return at\n    return None",
                "    return at",
            ),
        ),
        test="tests/unit/services/test_decisions_answers.py::test_only_what_is_kept_going_stays_due",
    ),
    # --- given back ---
    Mutant(
        "given back without its past",
        "who gives a lease back forgets no earlier question",
        (
            Edit(
                _DECISIONS,
                "own = lease.own_mark and not answered and state.unresolved_mark == lease.mark",
                "own = not answered and state.unresolved_mark == lease.mark",
            ),
        ),
        test="tests/unit/services/test_decisions_answers.py::test_what_somebody_else_made_due_stays_due",
    ),
    Mutant(
        "given back with another's mark",
        "who gives a lease back clears its own mark only",
        (
            Edit(
                _DECISIONS,
                "own = lease.own_mark and not answered and state.unresolved_mark == lease.mark",
                "own = lease.own_mark and not answered",
            ),
        ),
        test="tests/unit/services/test_decisions_answers.py::test_what_somebody_else_made_due_stays_due",
    ),
    Mutant(
        "given back after an answer",
        "who gives a lease back after an answer leaves the mark",
        (
            Edit(
                _DECISIONS,
                "own = lease.own_mark and not answered and state.unresolved_mark == lease.mark",
                "own = lease.own_mark and state.unresolved_mark == lease.mark",
            ),
        ),
        test="tests/unit/services/test_decisions_answers.py::test_what_was_answered_leaves_its_mark",
    ),
    Mutant(
        "given back undue",
        "who gives a lease back undoes only what it made due itself",
        (
            Edit(
                _DECISIONS,
                "untouched = own and state.due_at == lease.state.due_at and not state.verifying",
                "untouched = True",
            ),
        ),
        test="tests/unit/services/test_decisions_answers.py::test_what_somebody_else_made_due_stays_due",
    ),
    Mutant(
        "given back due",
        "who gives a lease back leaves what was not due not due",
        (
            Edit(
                _DECISIONS,
                "untouched = own and state.due_at == lease.state.due_at and not state.verifying",
                "untouched = False",
            ),
        ),
        scenes=(
            "past_pushes_after_a_return",
            "past_grant_after_a_cancellation",
        ),
    ),
    Mutant(
        "long silence without lease",
        "also after a long silence the lease runs out by itself",
        (
            Edit(
                _DECISIONS,
                '        attempts=attempts,\n        events=(Event("failing"),) if failing else (),',
                "        attempts=attempts,\n        release=True,\n"
                '        events=(Event("failing"),) if failing else (),',
            ),
        ),
        test="tests/unit/services/test_decisions_answers.py::test_long_silence_backs_off_but_keeps_lease_and_mark",
    ),
    # --- too late ---
    Mutant(
        "superseded not due",
        "an answer that came too late makes the item due",
        (
            Edit(
                _DECISIONS,
                "return replace(unchanged(state), due_at=now, new_mark=mark, marked_since=since)",
                "return replace(unchanged(state), new_mark=mark, marked_since=since)",
            ),
        ),
        scenes=(
            "commit_of_the_past",
            "commit_of_the_past_rotated",
        ),
    ),
    Mutant(
        "superseded not marked",
        "an answer that came too late marks the item",
        (
            Edit(
                _DECISIONS,
                "return replace(unchanged(state), due_at=now, new_mark=mark, marked_since=since)",
                "return replace(unchanged(state), due_at=now)",
            ),
        ),
        scenes=(
            "hasty_clock",
            "hasty_clock_and_late_commit",
        ),
    ),
    Mutant(
        "superseded since now",
        "an answer that came too late marks the item since its call",
        (
            Edit(
                _DECISIONS,
                "return replace(unchanged(state), due_at=now, new_mark=mark, marked_since=since)",
                "return replace(unchanged(state), due_at=now, new_mark=mark, marked_since=now)",
            ),
        ),
        scenes=("hasty_clock_and_late_commit",),
    ),
    Mutant(
        "superseded what is gone",
        "an answer that came too late does not touch what is gone",
        (
            Edit(
                _DECISIONS,
                "if state is None or state.status not in RENEWABLE:",
                "if state is None:",
            ),
        ),
        test="tests/unit/services/test_decisions_answers.py::test_a_lost_lease_marks_what_is_alive",
    ),
)
