"""Mutants of the pushes that give and take, and of their dates."""

# ruff: noqa: E501 -- the source of the services stands here as it is there

from __future__ import annotations

from tests.simulation.mutants.mutant import Edit, Mutant

_GRANTS = "wxvault.services.grants"

_HISTORY = """    if known.unauthorized_at is not None and create_time <= known.unauthorized_at:
        return None
    alive ="""
_REVOKED = """        secrets="remove",
        raise_fence=True,
        verifying=True,
        due_at=now,
        attempts=0,
        delete_after=int(now + retention),"""
_WITHHELD = """        unauthorized_at=create_time,
        raise_fence=True,
        verifying=True,
        due_at=now,
        attempts=0,
    )"""

MUTANTS = (
    # --- pushes that give ---
    Mutant(
        "grant of the past",
        "a grant that is not newer than a cancellation changes nothing",
        (Edit(_GRANTS, _HISTORY, "    alive ="),),
        scenes=("past_grant_after_a_cancellation",),
    ),
    Mutant(
        "older grant",
        "a grant that is not newer than the newest changes nothing",
        (
            Edit(
                _GRANTS,
                "if known.authorized_at is not None and create_time <= known.authorized_at:",
                "if False:",
            ),
        ),
        scenes=("push_twice",),
    ),
    Mutant(
        "token of an older grant",
        "a newer grant drops the access token of the older one",
        (
            Edit(
                _GRANTS, 'secrets="drop_access" if known.has_access else "keep",', 'secrets="keep",'
            ),
        ),
        scenes=("back_during_a_renewal",),
    ),
    Mutant(
        "granted and calm",
        "a newer grant makes an account due",
        (
            Edit(
                _GRANTS, "due_at=now if verify or alive else known.due_at,", "due_at=known.due_at,"
            ),
        ),
        scenes=("push_after_the_end",),
    ),
    Mutant(
        "granted back unasked",
        "an account that was gone is verified when a newer grant is pushed",
        (
            Edit(
                _GRANTS,
                "verify = known.verifying or known.status in GONE or not code_open",
                "verify = known.verifying or not code_open",
            ),
        ),
        scenes=("coming_back",),
    ),
    Mutant(
        "doubt ended by a push",
        "a push ends no doubt",
        (
            Edit(
                _GRANTS,
                "verify = known.verifying or known.status in GONE or not code_open",
                "verify = known.status in GONE or not code_open",
            ),
        ),
        test="tests/unit/services/test_grants_pushes.py::test_a_grant_gives_the_redirect_its_date",
    ),
    Mutant(
        "failed code",
        "the push of a code that has failed already has the account verified",
        (
            Edit(
                _GRANTS,
                "verify = known.verifying or known.status in GONE or not code_open",
                "verify = known.verifying or known.status in GONE",
            ),
        ),
        test="tests/unit/services/test_grants_pushes.py::test_a_grant_whose_code_failed_is_asked_for",
    ),
    Mutant(
        "deleted while coming back",
        "what may come back is not deleted",
        (Edit(_GRANTS, "delete_after=None if verify else unchanged(known).delete_after,\n", ""),),
        scenes=("coming_back_before_it_is_deleted",),
    ),
    Mutant(
        "blind call forgotten",
        "the push of a code that is being exchanged blindly leases the account to that call",
        (
            Edit(
                _GRANTS,
                "if blind_call is None or blind_call.until is None or blind_call.until < now:",
                "if True:",
            ),
        ),
        scenes=(
            "late_blind_call",
            "blind_call_during_a_renewal",
        ),
    ),
    Mutant(
        "blind call of an older grant",
        "a blind call of an older grant puts the account in doubt",
        (
            Edit(
                _GRANTS,
                "        if alive:\n            change = replace(change, verifying=True, due_at=now)\n",
                "",
            ),
        ),
        scenes=("late_blind_call_of_an_older_grant",),
    ),
    Mutant(
        "blind call without fence",
        "leasing to a blind call raises the fence",
        (
            Edit(
                _GRANTS,
                "return replace(change, raise_fence=True, lease_id=known.lease_id, lease_until=later)",
                "return replace(change, lease_id=known.lease_id, lease_until=later)",
            ),
            Edit(
                _GRANTS,
                "change, raise_fence=True, lease_id=blind_call.claim_id, lease_until=blind_call.until",
                "change, lease_id=blind_call.claim_id, lease_until=blind_call.until",
            ),
        ),
        scenes=("blind_call_during_a_renewal",),
    ),
    Mutant(
        "blind call takes the lease",
        "leasing to a blind call leaves a live lease with its holder",
        (
            Edit(
                _GRANTS,
                "    if has_live_lease(known, now) and known.lease_until is not None:\n",
                "    if False:\n",
            ),
        ),
        test="tests/unit/services/test_exchange_blind.py::test_a_live_lease_is_neither_taken_nor_shortened",
    ),
    Mutant(
        "later of two calls",
        "leasing to a blind call lasts until the later of two calls",
        (
            Edit(
                _GRANTS,
                "later = max(known.lease_until, blind_call.until)",
                "later = known.lease_until",
            ),
        ),
        scenes=("later_blind_call",),
    ),
    # --- pushes that take ---
    Mutant(
        "cancellation of the past",
        "a cancellation that is not newer than the newest changes nothing",
        (
            Edit(
                _GRANTS,
                """    if known.unauthorized_at is not None and create_time <= known.unauthorized_at:
        return None
    if known.authorized_at""",
                """    if known.authorized_at""",
            ),
        ),
        scenes=("cancellation_twice",),
    ),
    Mutant(
        "cancellation of an older grant",
        "a cancellation that is older than the newest grant revokes nothing",
        (
            Edit(
                _GRANTS,
                "if known.authorized_at is not None and create_time < known.authorized_at:",
                "if False:",
            ),
        ),
        scenes=("past_cancellation_first_heard_of",),
    ),
    Mutant(
        "cancellation of the undated",
        "a cancellation withholds a grant that has no date",
        (
            Edit(
                _GRANTS,
                """        if not known.grant_undated:
            return replace(unchanged(known), unauthorized_at=create_time)
        return _withheld(known, create_time, now)""",
                """        return replace(unchanged(known), unauthorized_at=create_time)""",
            ),
        ),
        test="tests/unit/services/test_grants_pushes.py::test_a_grant_without_date_is_withheld",
    ),
    Mutant(
        "undated revoked",
        "a grant that has no date is withheld, not revoked",
        (
            Edit(
                _GRANTS,
                "if known.status in RENEWABLE and (known.grant_undated or known.authorized_at is None):",
                "if False:",
            ),
        ),
        scenes=("undated_cancellation",),
    ),
    Mutant(
        "cancellation forgotten",
        "the newest cancellation is kept",
        (
            Edit(
                _GRANTS,
                "            return replace(unchanged(known), unauthorized_at=create_time)",
                "            return None",
            ),
        ),
        scenes=("past_cancellation_first_heard_of",),
    ),
    Mutant(
        "revocation without fence",
        "a revocation raises the fence",
        (Edit(_GRANTS, _REVOKED, _REVOKED.replace("        raise_fence=True,\n", "")),),
        scenes=("cancelled_during_an_exchange",),
    ),
    Mutant(
        "revoked for good by a push",
        "every revocation is verified",
        (
            Edit(
                _GRANTS,
                _REVOKED,
                _REVOKED.replace("verifying=True", "verifying=False").replace(
                    "due_at=now", "due_at=None"
                ),
            ),
        ),
        test="tests/unit/services/test_grants_pushes.py::test_a_cancellation_removes_the_tokens_and_is_verified",
    ),
    Mutant(
        "revoked with its tokens",
        "a revocation removes the tokens",
        (Edit(_GRANTS, _REVOKED, _REVOKED.replace('secrets="remove"', 'secrets="keep"')),),
        scenes=("cancelled",),
    ),
    Mutant(
        "withheld without fence",
        "withholding raises the fence",
        (Edit(_GRANTS, _WITHHELD, _WITHHELD.replace("        raise_fence=True,\n", "")),),
        test="tests/unit/services/test_grants_pushes.py::test_a_grant_without_date_is_withheld",
    ),
    Mutant(
        "withheld without doubt",
        "what cannot be compared is withheld",
        (Edit(_GRANTS, _WITHHELD, _WITHHELD.replace("        verifying=True,\n", "")),),
        scenes=("cancelled_undated",),
    ),
    Mutant(
        "revocation gives the lease back",
        "a revocation leaves the lease: nobody asks before it has run out",
        (
            Edit(_GRANTS, _REVOKED, _REVOKED + "\n        release=True,"),
            Edit(_GRANTS, _WITHHELD, "        release=True,\n" + _WITHHELD),
        ),
        scenes=("second_question_after_a_revocation",),
    ),
)
