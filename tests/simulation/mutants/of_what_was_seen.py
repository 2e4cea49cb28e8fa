"""Mutants of the conditions that a decision is written under: what it was made of is as it was."""

from __future__ import annotations

from tests.simulation.mutants.mutant import Edit, Mutant

_ITEMS = "wxvault.vault.token_items"
_TABLE = (
    # What, where it is demanded, and how.
    ("fence", "        ", 'equals("fence", state.fence or None),'),
    ("generation", "        ", 'equals("generation", state.generation or None),'),
    ("status", "        ", 'equals("status", state.status),'),
    ("lease_until", "        ", 'equals("lease_until", state.lease_until),'),
    ("authorized_at", "        ", 'equals("authorized_at", state.authorized_at),'),
    ("unauthorized_at", "        ", 'equals("unauthorized_at", state.unauthorized_at),'),
    ("verifying", "        ", 'equals("verifying", True if state.verifying else None),'),
    ("sequence", "        ", 'equals("sequence", state.sequence or None),'),
    (
        "grant_undated",
        "        ",
        'equals("grant_undated", True if state.grant_undated else None),',
    ),
    ("tenant_id", "        ", 'equals("tenant_id", state.tenant_id),'),
    (
        "tenant_by_redirect",
        "        ",
        'equals("tenant_by_redirect", True if state.tenant_by_redirect else None),',
    ),
    ("unresolved_mark", "        ", 'equals("unresolved_mark", state.unresolved_mark),'),
)

MUTANTS = (
    *(
        Mutant(
            f"{name} not seen",
            f"a change is written on the {name} that it was decided on",
            (Edit(_ITEMS, f"{indent}{condition}\n", ""),),
            test="tests/unit/vault/test_amend.py",
        )
        for name, indent, condition in _TABLE
    ),
    Mutant(
        "nothing seen",
        "a change is written on what it was decided on",
        (
            Edit(
                _ITEMS,
                "seen = MISSING if state is None else _untouched(state)",
                "seen = MISSING if state is None else all_of()",
            ),
        ),
        test="tests/unit/vault/test_amend.py",
    ),
    Mutant(
        "commit on nothing seen",
        "a commit is written on what it was decided on",
        (Edit(_ITEMS, "all_of(*held, *_as_seen(state))", "all_of(*held)"),),
        scenes=(
            "back_during_a_renewal",
            "back_during_a_verification",
        ),
    ),
    Mutant(
        "amendment not recognised",
        "a change that was written is recognised when the client repeats the write",
        (
            Edit(
                _ITEMS,
                "                if not is_written(update, refusal.item):\n",
                "                if True:\n",
            ),
        ),
        test="tests/unit/vault/test_amend.py",
    ),
    Mutant(
        "new over something",
        "a new item is made only where there is none",
        (
            Edit(
                _ITEMS,
                "seen = MISSING if state is None else _untouched(state)",
                "seen = all_of() if state is None else _untouched(state)",
            ),
        ),
        test="tests/unit/vault/test_amend.py",
    ),
)
