"""Mutants of the claims on codes, and of what is known of a code."""

# ruff: noqa: E501 -- the source of the services stands here as it is there

from __future__ import annotations

from tests.simulation.mutants.mutant import Edit, Mutant

_CODES = "wxvault.vault.codes"
_INTAKE = "wxvault.services.intake"
_STATE = "wxvault.services.onboarding_state"


MUTANTS = (
    # --- claims ---
    Mutant(
        "claim for ever",
        "a claim runs out",
        (
            Edit(
                _CODES,
                """                    any_of(Absent("claim_until"), Compare("claim_until", "<", now)),
""",
                """                    Absent("claim_until"),
""",
            ),
        ),
        scenes=("claim_that_ran_out",),
    ),
    Mutant(
        "claim for nobody",
        "a live claim keeps others off",
        (
            Edit(
                _CODES,
                """                    any_of(Absent("claim_until"), Compare("claim_until", "<", now)),
""",
                "",
            ),
            Edit(_STATE, "        return self.claim_until >= now", "        return False"),
        ),
        behind=("who waits for the lease looks at the claim",),
        scenes=("repeated_claim",),
    ),
    Mutant(
        "ended code claimed",
        "a code that has ended is not claimed again",
        (
            Edit(
                _CODES,
                """                equals("status", CodeStatus.RECEIVED),
                all_of(
                    equals("status", CodeStatus.CLAIMED),
                    any_of(""",
                """                all_of(
                    any_of(""",
            ),
        ),
        test="tests/unit/vault/test_codes.py::test_a_code_that_is_over_is_not_claimed",
    ),
    Mutant(
        "calls not counted",
        "a code counts the calls of which nothing is known",
        (Edit(_CODES, '            add={"unanswered": 1},\n', ""),),
        scenes=("push_during_parking",),
    ),
    Mutant(
        "claim not recognised",
        "a claim is recognised when the client repeats the write",
        (Edit(_CODES, "            if found.claim_id != claim_id:\n", "            if True:\n"),),
        scenes=("repeated_claim",),
    ),
    Mutant(
        "claim counts itself",
        "a claim that was repeated does not count itself",
        (Edit(_CODES, "unanswered=found.unanswered - 1)", "unanswered=found.unanswered)"),),
        scenes=("repeated_claim",),
    ),
    Mutant(
        "gives back another's claim",
        "only who has the claim gives it back",
        (
            Edit(
                _CODES,
                """                equals("status", CodeStatus.CLAIMED),
                equals("claim_id", claim_id),
                # What""",
                """                equals("status", CodeStatus.CLAIMED),
                # What""",
            ),
        ),
        test="tests/unit/vault/test_codes.py::test_only_ones_own_claim_is_given_back",
    ),
    Mutant(
        "parked for ever",
        "a code whose push has come is not parked",
        (
            Edit(
                _CODES,
                '*((equals("authorizer_appid", code.authorizer_appid),) if parked else ()),',
                "",
            ),
        ),
        test="tests/unit/vault/test_codes.py::test_a_code_whose_push_has_come_meanwhile_is_not_parked",
    ),
    Mutant(
        "given back as new",
        "a code that is given back keeps its count of calls",
        (
            Edit(
                _CODES,
                '                "unanswered": unanswered,\n',
                '                "unanswered": 0,\n',
            ),
        ),
        test="tests/unit/vault/test_codes.py::test_a_code_given_back_is_free_and_due_when_told",
    ),
    Mutant(
        "ends another's claim",
        "only who has the claim ends a code",
        (
            Edit(
                _CODES,
                'condition=all_of(equals("status", CodeStatus.CLAIMED), equals("claim_id", claim_id)),',
                'condition=equals("status", CodeStatus.CLAIMED),',
            ),
        ),
        test="tests/unit/vault/test_code_ends.py::test_somebody_elses_claim_is_not_ended",
    ),
    Mutant(
        "settled with news",
        "a code of which something new is known is not settled",
        (Edit(_CODES, '                equals("due_at", code.due_at),\n', ""),),
        test="tests/unit/vault/test_code_ends.py::test_news_since_it_was_read_keep_an_ended_code_due",
    ),
    Mutant(
        "code overwritten",
        "a code that is there is added to, not written anew",
        (
            Edit(
                _CODES,
                "            known = refusal.item or {}\n            if known",
                "            self._table.write(Put(key, fresh))\n"
                "            known = refusal.item or {}\n            if known",
            ),
        ),
        scenes=("later_blind_call",),
    ),
    Mutant(
        "code never due",
        "a code is due until it has ended",
        (
            Edit(
                _CODES,
                '            **self._due(code_sha256, now + CODE_DUE_SECONDS),\n            "delete_after"',
                '            "delete_after"',
            ),
        ),
        scenes=("crashed_exchange",),
    ),
    Mutant(
        "news not due",
        "a code of which something new is known is due",
        (
            Edit(
                _CODES,
                "due = self._due(code_sha256, now + CODE_DUE_SECONDS)",
                "due: dict[str, Value] = {}",
            ),
        ),
        scenes=("news_of_a_done_code",),
    ),
    Mutant(
        "account before code",
        "a pushed code is written down before anything else",
        (
            Edit(
                _INTAKE,
                "        now = self._tools.clock.now()\n        # The code first",
                "        now = self._tools.clock.now()\n        self._amend(appid, lambda state: grants.granted(state, create_time, now, code_open=True))\n        # The code first",
            ),
        ),
        test="tests/unit/services/test_intake.py::test_a_push_for_a_failed_code_has_the_merchant_verified",
    ),
)
