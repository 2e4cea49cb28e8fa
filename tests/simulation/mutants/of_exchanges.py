"""Mutants of exchanging codes, under the lease and without one."""

# ruff: noqa: E501 -- the source of the services stands here as it is there

from __future__ import annotations

from tests.simulation.mutants.mutant import Edit, Mutant

_GRANTS = "wxvault.services.grants"
_EXCHANGE = "wxvault.services.exchange"
_CODES = "wxvault.vault.codes"

_DOUBT = "if known.has_refresh or known.verifying or retaken or not _is_newest(known, create_time):"
_BLIND = """            raise_fence=True,
            new_mark=mark,
            marked_since=sent_at,
            verifying=True,
            due_at=now,
            attempts=0,
            grant_undated=undated,"""

MUTANTS = (
    # --- exchanges under the lease ---
    Mutant(
        "exchanged for nothing",
        "an exchange that brings no refresh token keeps the one there is",
        (Edit(_GRANTS, "kept = refresh_token or current_refresh", "kept = refresh_token"),),
        scenes=("nothing_named_by_an_exchange",),
    ),
    Mutant(
        "token of an older code",
        "of a code older than the newest grant only the refresh token is kept",
        (Edit(_GRANTS, "if older or access is None:", "if access is None:"),),
        scenes=("older_code_after_a_newer_grant",),
    ),
    Mutant(
        "date of an older code",
        "an older code does not lower the date of the newest grant",
        (
            Edit(
                _GRANTS,
                "authorized_at=max(state.authorized_at or 0, create_time or 0) or None,",
                "authorized_at=create_time or state.authorized_at,",
            ),
        ),
        scenes=("older_code_and_the_date",),
    ),
    Mutant(
        "exchange clears another's mark",
        "an exchange clears the mark of its own question only",
        (Edit(_GRANTS, "    own = state.unresolved_mark == lease.mark\n", "    own = True\n"),),
        test="tests/unit/services/test_grants_codes.py::test_an_exchange_leaves_the_marks_of_others",
    ),
    Mutant(
        "marked exchange and calm",
        "what an exchange leaves marked stays due",
        (
            Edit(
                _GRANTS,
                "due_at = next_due(access.stored_at, access.expires_in, uniform) if own else lease.taken_at",
                "due_at = next_due(access.stored_at, access.expires_in, uniform)",
            ),
        ),
        test="tests/unit/services/test_grants_codes.py::test_an_exchange_leaves_the_marks_of_others",
    ),
    Mutant(
        "exchange of an older code and calm",
        "what an older code leaves without an access token is due",
        (
            Edit(
                _GRANTS,
                "return replace(base, access=None, due_at=lease.taken_at, clear_mark=own)",
                "return replace(base, access=None, due_at=lease.taken_at + 7200, clear_mark=own)",
            ),
        ),
        test="tests/unit/services/test_grants_codes.py::test_an_older_code_brings_its_refresh_token_only",
    ),
    Mutant(
        "doubt ended by an older code",
        "an older code ends no doubt",
        (
            Edit(
                _GRANTS,
                "return replace(base, access=None, due_at=lease.taken_at, clear_mark=own)",
                "return replace(base, access=None, due_at=lease.taken_at, clear_mark=own, verifying=False)",
            ),
        ),
        test="tests/unit/services/test_grants_codes.py::test_an_older_code_brings_its_refresh_token_only",
    ),
    Mutant(
        "history exchanged",
        "a code whose grant was cancelled is not exchanged",
        (
            Edit(
                _EXCHANGE,
                "        if _is_history(question.lease.state, code):\n",
                "        if False:\n",
            ),
        ),
        scenes=(
            "past_pushes_after_a_return",
            "past_grant_after_a_cancellation",
        ),
    ),
    Mutant(
        "late answer of an exchange forgotten",
        "a good answer to an exchange that comes too late marks the item and makes it due",
        (Edit(_EXCHANGE, "            tools.supersede(lease)\n", ""),),
        scenes=("hasty_clock_during_an_exchange",),
    ),
    Mutant(
        "done apart",
        "a code is done in the same transaction as its tokens",
        (
            Edit(
                _EXCHANGE,
                """        settled = tools.tokens.settle(
            lease, decide, also=[self._steps.done(code, claim_id, appid, binding)]
        )
        if settled is None:""",
                """        settled = tools.tokens.settle(lease, decide)
        try:
            self._codes._table.write(self._steps.done(code, claim_id, appid, binding))  # type: ignore
        except Exception:
            pass
        if settled is None:""",
            ),
        ),
        scenes=("crashed_when_done",),
    ),
    Mutant(
        "second exchange believed",
        "of a code that was asked for before no token is believed",
        (Edit(_EXCHANGE, "if code.unanswered > 0 and _has_tokens(grant):", "if False:"),),
        test="tests/unit/services/test_exchange_refusals.py::test_a_forgotten_access_token_is_renewed",
    ),
    Mutant(
        "refused code is over",
        "a refused code may have got through before: WeChat is asked",
        (
            Edit(
                _EXCHANGE,
                "            self._heal(question, code, claim_id, appid, refusal.wechat_errcode)\n            return",
                "            self._refused(question, code, claim_id, refusal.wechat_errcode,"
                " spent=refusal.wechat_errcode)\n            return",
            ),
        ),
        scenes=("crashed_exchange_of_a_tenant",),
    ),
    Mutant(
        "spent without doubt",
        "a code that failed though its push named the account puts that in doubt",
        (
            Edit(
                _EXCHANGE,
                "lambda state: None if state is None else grants.doubtful_code(state, now),",
                "lambda state: None,",
            ),
        ),
        test="tests/unit/services/test_exchange_refusals.py::test_a_spent_code_of_a_cancelled_account_fails",
    ),
    Mutant(
        "healed with its token",
        "healing drops the access token",
        (
            Edit(
                "wxvault.services.decisions",
                "    change = verified(state, lease, now, refresh_token)\n",
                "    change = replace(verified(state, lease, now, refresh_token), secrets='keep', due_at=state.due_at)\n",
            ),
        ),
        scenes=("hasty_clock_during_an_exchange",),
    ),
    Mutant(
        "lease not awaited",
        "an exchange takes the lease before it asks",
        (
            Edit(
                _EXCHANGE,
                "                lease = tools.acquire(appid, Purpose.EXCHANGE)\n                if not isinstance(lease, NotAcquired):\n                    return lease\n",
                "                lease = tools.acquire(appid, Purpose.EXCHANGE)\n                if not isinstance(lease, NotAcquired):\n                    return lease\n                found = lease.state\n                if found is not None:\n                    return Lease(found, found.lease_id or '', found.fence, found.unresolved_mark or '', tools.clock.now(), own_mark=False)\n",
            ),
        ),
        scenes=("newer_grant_during_a_renewal",),
    ),
    Mutant(
        "never taken up again",
        "a code whose lease is busy is left to the sweep",
        (
            Edit(
                _EXCHANGE,
                "                self._codes.postpone(code_sha256, due_at=tools.clock.now())\n",
                "",
            ),
        ),
        test="tests/unit/services/test_exchange_by_push.py::test_a_busy_authorizer_is_waited_for",
    ),
    # --- exchanges without a lease ---
    Mutant(
        "blind over tokens",
        "a blind exchange stores nothing where tokens stand",
        (Edit(_GRANTS, _DOUBT, _DOUBT.replace("known.has_refresh or ", "")),),
        scenes=("two_blind_calls",),
    ),
    Mutant(
        "blind over doubt",
        "a blind exchange stores nothing where something is in doubt",
        (Edit(_GRANTS, _DOUBT, _DOUBT.replace("known.verifying or ", "")),),
        test="tests/unit/services/test_grants_codes.py::test_where_doubt_is_nothing_is_stored",
    ),
    Mutant(
        "blind and again",
        "a blind exchange stores nothing when an earlier call of the code is open",
        (Edit(_GRANTS, _DOUBT, _DOUBT.replace("retaken or ", "")),),
        test="tests/unit/services/test_grants_codes.py::test_where_doubt_is_nothing_is_stored",
    ),
    Mutant(
        "blind and not the newest",
        "a blind exchange stores nothing when it cannot be known as the newest grant",
        (Edit(_GRANTS, _DOUBT, _DOUBT.replace(" or not _is_newest(known, create_time)", "")),),
        scenes=("blind_after_a_cancellation",),
    ),
    Mutant(
        "blind without fence",
        "a blind exchange that stores nothing raises the fence",
        (Edit(_GRANTS, _BLIND, _BLIND.replace("            raise_fence=True,\n", "")),),
        test="tests/unit/services/test_grants_codes.py::test_where_doubt_is_nothing_is_stored",
    ),
    Mutant(
        "blind without mark",
        "a blind exchange that stores nothing marks the item",
        (
            Edit(
                _GRANTS,
                _BLIND,
                _BLIND.replace(
                    "            new_mark=mark,\n            marked_since=sent_at,\n", ""
                ),
            ),
        ),
        test="tests/unit/services/test_grants_codes.py::test_where_doubt_is_nothing_is_stored",
    ),
    Mutant(
        "blind marked since now",
        "a blind exchange marks the item since its call",
        (Edit(_GRANTS, _BLIND, _BLIND.replace("marked_since=sent_at", "marked_since=now")),),
        test="tests/unit/services/test_grants_codes.py::test_where_doubt_is_nothing_is_stored",
    ),
    Mutant(
        "blind without doubt",
        "a blind exchange that stores nothing withholds the tokens",
        (Edit(_GRANTS, _BLIND, _BLIND.replace("verifying=True", "verifying=known.verifying")),),
        scenes=("late_failer",),
    ),
    Mutant(
        "blind and deleted",
        "who may be coming back is not deleted",
        (
            Edit(
                _GRANTS,
                "            # Who may be coming back must be there when WeChat has answered.\n            delete_after=None,\n",
                "",
            ),
        ),
        scenes=("coming_back_by_redirect_before_it_is_deleted",),
    ),
    Mutant(
        "blind and dated",
        "a grant without a date is known as such",
        (Edit(_GRANTS, "undated = create_time is None or known.grant_undated", "undated = False"),),
        test="tests/unit/services/test_grants_codes.py::test_where_nothing_stands_it_is_stored",
    ),
    Mutant(
        "blind stored without fence",
        "a blind exchange that stores raises the fence",
        (
            Edit(
                _GRANTS,
                """        refused_address=None,
        raise_fence=True,
        grant_undated=undated,""",
                """        refused_address=None,
        grant_undated=undated,""",
            ),
        ),
        scenes=("two_first_codes",),
    ),
    Mutant(
        "blind under a lease and calm",
        "a blind exchange under somebody else's lease is due at once",
        (Edit(_GRANTS, "leased = has_live_lease(known, now) and not own", "leased = False"),),
        test="tests/unit/services/test_grants_codes.py::test_a_renewal_follows_where_another_may_be_newer",
    ),
    Mutant(
        "blind, marked and calm",
        "a blind exchange of a marked item is due at once",
        (
            Edit(
                _GRANTS,
                "uncertain = leased or known.unresolved_mark is not None or access is None",
                "uncertain = leased or access is None",
            ),
        ),
        test="tests/unit/services/test_grants_codes.py::test_a_renewal_follows_where_another_may_be_newer",
    ),
    Mutant(
        "blind gives all back",
        "a blind exchange gives back only what was leased to it",
        (
            Edit(
                _GRANTS,
                "    own = claim_id is not None and known.lease_id == claim_id\n",
                "    own = True\n",
            ),
        ),
        test="tests/unit/services/test_grants_codes.py::test_where_nothing_stands_it_is_stored",
    ),
    Mutant(
        "blind gives nothing back",
        "a blind exchange gives back what was leased to it",
        (
            Edit(
                _GRANTS,
                "    own = claim_id is not None and known.lease_id == claim_id\n",
                "    own = False\n",
            ),
        ),
        test="tests/unit/services/test_exchange_blind.py::test_nobody_renews_during_the_call",
    ),
    Mutant(
        "blind refusal gives all back",
        "a refused blind call gives back only what was leased to it",
        (Edit(_GRANTS, "if state is None or state.lease_id != claim_id:", "if state is None:"),),
        test="tests/unit/services/test_exchange_blind.py::test_a_call_that_was_refused_gives_its_lease_back",
    ),
    Mutant(
        "late blind start",
        "a blind call starts within 2 s of its claim",
        (
            Edit(
                _EXCHANGE,
                "if sent_at - claimed_at > START_SECONDS:",
                "if sent_at - claimed_at > 15:",
            ),
        ),
        test="tests/unit/services/test_exchange_by_redirect.py::test_too_late_to_start_gives_the_code_back",
    ),
    Mutant(
        "push overlooked",
        "whose code it is, is looked at when it is claimed",
        (
            Edit(
                _EXCHANGE,
                "        if claimed.authorizer_appid is not None:\n",
                "        if False:\n",
            ),
        ),
        test="tests/unit/services/test_exchange_by_redirect.py::test_a_push_before_the_claim_leads_to_the_lease",
    ),
    Mutant(
        "push overlooked at the end",
        "whose code it is, is looked at again after the answer",
        (Edit(_EXCHANGE, "known = self._codes.get(code.code_sha256) or code", "known = code"),),
        test="tests/unit/services/test_exchange_by_redirect.py::test_a_push_while_wechat_is_asked_dates_it",
    ),
    Mutant(
        "refused blind code is over",
        "a refused blind code of which an earlier call is open waits for its push",
        (
            Edit(
                _EXCHANGE,
                "        if code.unanswered > 0:\n            # An",
                "        if False:\n            # An",
            ),
        ),
        scenes=("push_during_parking",),
    ),
    Mutant(
        "refused blind code of a push",
        "a refused blind code whose push has come is settled under the lease",
        (
            Edit(
                _EXCHANGE,
                "        if known is not None and known.authorizer_appid is not None:\n",
                "        if False:\n",
            ),
        ),
        test="tests/unit/services/test_exchange_retaken.py::test_a_push_during_the_refusal_goes_on_at_once",
    ),
    Mutant(
        "blind call not noted",
        "a code remembers that it was asked for blindly",
        (Edit(_CODES, '**({"blind": True} if blind else {}),', ""),),
        scenes=(
            "late_blind_call",
            "late_blind_call_of_an_older_grant",
        ),
    ),
)
