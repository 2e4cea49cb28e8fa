"""Mutants of how an account is verified, ends, and leaves the index."""

# ruff: noqa: E501 -- the source of the services stands here as it is there

from __future__ import annotations

from tests.simulation.mutants.mutant import Edit, Mutant

_DECISIONS = "wxvault.services.decisions"
_ITEMS = "wxvault.vault.token_items"
_KEEPER = "wxvault.services.keeper"
_TOOLS = "wxvault.services.tools"


MUTANTS = (
    # --- the end ---
    Mutant(
        "lost to an older grant",
        "what WeChat said of an older grant does not end a newer one: lost",
        (
            Edit(
                _DECISIONS,
                """    if _is_overtaken(state, lease):
        return _asked_again(state, lease, now)
    return replace(
        unchanged(state),
        status=Status.LOST,""",
                """    return replace(
        unchanged(state),
        status=Status.LOST,""",
            ),
        ),
        scenes=("back_during_a_loss",),
    ),
    Mutant(
        "revoked with an older grant",
        "what WeChat said of an older grant does not end a newer one: revoked",
        (
            Edit(
                _DECISIONS,
                """    if _is_overtaken(state, lease):
        return _asked_again(state, lease, now)
    return replace(
        unchanged(state),
        status=Status.REVOKED,""",
                """    return replace(
        unchanged(state),
        status=Status.REVOKED,""",
            ),
        ),
        scenes=("back_during_a_verification",),
    ),
    Mutant(
        "no second opinion",
        "a refused refresh token is asked for before the account is called lost",
        (
            Edit(
                _KEEPER,
                """                errcode = refusal.wechat_errcode
        try:
            known =""",
                """                errcode = refusal.wechat_errcode
                return self._lost(question, errcode)
        try:
            known =""",
            ),
        ),
        scenes=("second_question",),
    ),
    Mutant(
        "nothing means lost",
        "no refresh token from WeChat is no word: it is asked again",
        (
            Edit(
                _KEEPER,
                "            return self._refused(question, errcode, at_once=True)",
                "            return self._lost(question, errcode)",
            ),
        ),
        scenes=("nothing_named_when_asked",),
    ),
    # --- verification ---
    Mutant(
        "kept at verification",
        "a verification drops the access token",
        (
            Edit(
                _DECISIONS,
                "def verified(state: TokenState, lease: Lease, now: float, refresh_token: str) -> TokenChange:",
                "def verified(\n    state: TokenState, lease: Lease, now: float, refresh_token: str, access: Access | None = None\n) -> TokenChange:",
            ),
            Edit(
                _DECISIONS,
                """        refresh_token=refresh_token,
        access=None,
        release=True,
        clear_mark=own,
        verifying=False,""",
                """        refresh_token=refresh_token,
        access=access,
        release=True,
        clear_mark=own,
        verifying=False,""",
            ),
            Edit(
                _KEEPER,
                "lease, lambda state: decisions.verified(state, lease, now, refresh_token)",
                "lease, lambda state: decisions.verified(state, lease, now, refresh_token, None if not"
                " state.has_access else Access(tools.tokens.access_token(state) or '',"
                " state.access_expires_at or 0, state.access_expires_in or 0, state.stored_at or 0))",
            ),
        ),
        scenes=("cancelled_and_back_in_another_order",),
    ),
    Mutant(
        "verified and calm",
        "a renewal follows a verification at once",
        (
            Edit(
                _DECISIONS,
                """        status=Status.ACTIVE if back else state.status,
        due_at=now,""",
                """        status=Status.ACTIVE if back else state.status,
        due_at=now + 7200,""",
            ),
        ),
        scenes=(
            "unfinished_arrival",
            "late_blind_call_of_an_older_grant",
        ),
    ),
    Mutant(
        "verified clears all",
        "a verification clears the mark of its own question only",
        (
            Edit(
                _DECISIONS,
                """        clear_mark=own,
        verifying=False,
        delete_after=None,
        events=(Event("authorized"),) if back else (),""",
                """        clear_mark=True,
        verifying=False,
        delete_after=None,
        events=(Event("authorized"),) if back else (),""",
            ),
        ),
        test="tests/unit/services/test_decisions_answers.py::test_verified_leaves_the_marks_of_others",
    ),
    Mutant(
        "renewed before verified",
        "what is doubted is verified before it is renewed",
        (Edit(_KEEPER, "        if state.verifying:\n", "        if False:\n"),),
        scenes=("cancelled_and_back_in_another_order",),
    ),
    Mutant(
        "verified with nothing",
        "a verification that names no refresh token is no answer",
        (
            Edit(
                _KEEPER,
                "        if not refresh_token:\n            return self._refused(question, None, at_once=True)\n",
                "",
            ),
            Edit(
                _KEEPER,
                "decisions.verified(state, lease, now, refresh_token)",
                "decisions.verified(state, lease, now, refresh_token or None)",
            ),
        ),
        scenes=("verification_that_names_nothing",),
    ),
    # --- let go ---
    Mutant(
        "any unknown appid is the end",
        "40013 ends a verification only of somebody who never had tokens",
        (
            Edit(
                _KEEPER,
                "if pending and refusal.wechat_errcode in APPID_REFUSED:",
                "if refusal.wechat_errcode in APPID_REFUSED:",
            ),
            Edit(
                _DECISIONS,
                "if state.status is not Status.PENDING or _is_overtaken(state, lease):",
                "if _is_overtaken(state, lease):",
            ),
        ),
        behind=("nobody who had tokens is let go",),
        test="tests/unit/services/test_unconfirmed.py::test_a_merchant_who_had_tokens_is_asked_about_on",
    ),
    Mutant(
        "let go with an older grant",
        "what WeChat said of an older grant does not end a newer one: let go",
        (
            Edit(
                _DECISIONS,
                "if state.status is not Status.PENDING or _is_overtaken(state, lease):",
                "if state.status is not Status.PENDING:",
            ),
        ),
        test="tests/unit/services/test_unconfirmed.py::test_a_grant_that_is_pushed_meanwhile_wins",
    ),
    Mutant(
        "let go with another's mark",
        "who is let go keeps the mark of an earlier question",
        (
            Edit(
                _DECISIONS,
                "clear_mark=lease.own_mark and state.unresolved_mark == lease.mark,",
                "clear_mark=True,",
            ),
        ),
        test="tests/unit/services/test_unconfirmed.py::test_the_mark_of_an_earlier_question_stays",
    ),
    Mutant(
        "forgotten while asked about",
        "who is pending and to be asked about now is not forgotten",
        (
            Edit(
                "wxvault.services.account_rules",
                "asked = state.verifying and (state.status is not Status.PENDING or is_due(state, now))",
                "asked = state.verifying and state.status is not Status.PENDING",
            ),
        ),
        test="tests/unit/services/test_unconfirmed.py::test_who_is_asked_about_again_and_again_can_be_forgotten",
    ),
    # --- the profile ---
    Mutant(
        "profile without an end",
        "a profile ends when its merchant's tokens do",
        (Edit(_ITEMS, "(*also, *_of_the_profile(update.key, settled))", "(*also,)"),),
        test="tests/unit/vault/test_profiles.py::test_it_ends_when_the_tokens_do",
    ),
    Mutant(
        "profile of an earlier relation",
        "what was told of a merchant long gone is not added to",
        (
            Edit(
                "wxvault.vault.profiles",
                """            condition=any_of(Absent("delete_after"), Compare("delete_after", ">", now)),\n""",
                "",
            ),
        ),
        test="tests/unit/vault/test_profiles.py::test_who_comes_back_afterwards_is_new",
    ),
    Mutant(
        "profile of a newcomer forgotten",
        "the profile of somebody unknown is deleted only while nobody is there",
        (Edit(_ITEMS, "[Delete(key, condition=MISSING), *also]", "[*also]"),),
        test="tests/unit/vault/test_profiles.py::test_what_is_left_of_a_stranger_can_be_forgotten",
    ),
    # --- taken out ---
    Mutant(
        "taken out under another",
        "what somebody changed meanwhile is not taken out of the index",
        (
            Edit(
                _KEEPER,
                "if now_there is None or now_there.fence != seen or _is_kept_going(now_there):",
                "if now_there is None:",
            ),
        ),
        test="tests/unit/services/test_keeper_renewal.py::test_who_comes_back_is_not_taken_out_of_the_index",
    ),
    Mutant(
        "taken out by an old look",
        "what was taken meanwhile is not taken out of the index: its fence",
        (
            Edit(
                _KEEPER,
                "if now_there is None or now_there.fence != seen or _is_kept_going(now_there):",
                "if now_there is None or _is_kept_going(now_there):",
            ),
        ),
        scenes=("taken_while_looked_at",),
    ),
    Mutant(
        "taken out under a lease",
        "what is leased is not taken out of the index",
        (
            Edit(
                _KEEPER,
                "if state.due_at is None or has_live_lease(state, tools.clock.now()):",
                "if state.due_at is None:",
            ),
        ),
        test="tests/unit/services/test_keeper_renewal.py::test_what_is_under_a_lease_stays_in_the_index",
    ),
    Mutant(
        "never taken out",
        "what is gone is taken out of the index",
        (
            Edit(
                _KEEPER,
                "            self._take_out(state)\n            return",
                "            return",
            ),
        ),
        test="tests/unit/services/test_keeper_renewal.py::test_no_api_ability_no_renewal",
    ),
    # --- refused tokens ---
    Mutant(
        "any refused token",
        "a refused token that is not the current one forces nothing",
        (
            Edit(
                _TOOLS,
                """        return current is not None and hmac.compare_digest(
            token_sha256(current), rejected_token_sha256
        )""",
                "        return current is not None",
            ),
        ),
        scenes=("another_token_refused",),
    ),
    Mutant(
        "young refused token",
        "a token is not proved refused while the news of it may be under way",
        (
            Edit(
                _TOOLS,
                "if state.stored_at is None or now - state.stored_at < pause:",
                "if state.stored_at is None:",
            ),
        ),
        scenes=("young_token_refused",),
    ),
    Mutant(
        "forced again",
        "one renewal at most is forced in 0.2 of the overlap",
        (
            Edit(
                _TOOLS,
                "if state.forced_at is not None and now - state.forced_at < pause:",
                "if False:",
            ),
        ),
        test="tests/unit/services/test_keeper_demands.py::test_the_pause_holds_after_another_renewal",
    ),
    Mutant(
        "wanted while refused",
        "while WeChat refuses, nobody's wish for more life asks it again",
        (
            Edit(
                _KEEPER,
                "if min_ttl <= 0 or state.attempts or state.access_expires_at is None:",
                "if min_ttl <= 0 or state.access_expires_at is None:",
            ),
        ),
        scenes=("greedy_look_ups_while_refused",),
    ),
)
