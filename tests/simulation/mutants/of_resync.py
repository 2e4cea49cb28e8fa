"""Mutants of holding the table against WeChat's list, which may be older than what stands here."""

from __future__ import annotations

from tests.simulation.mutants.mutant import Edit, Mutant

_RULES = "wxvault.services.resync_rules"

MUTANTS = (
    Mutant(
        "restored over something",
        "the list's refresh token is stored only where none stands at the write",
        (
            Edit(
                _RULES,
                "        if _is_empty(state):\n",
                "        if _is_empty(seen or state):\n",
            ),
        ),
        scenes=("healed_while_the_list_was_read",),
    ),
    Mutant(
        "changed meanwhile",
        "what was written after the table was read is not doubted for the list's sake",
        (
            Edit(
                _RULES,
                "    return seen is None or state.generation != seen.generation or "
                "_is_another_grant(state, seen)\n",
                "    return False\n",
            ),
        ),
        scenes=("back_while_the_list_was_read",),
    ),
    Mutant(
        "restored after another grant",
        "the list's refresh token is not stored where a newer grant was told meanwhile",
        (
            Edit(
                _RULES,
                "        if seen is None or _is_another_grant(state, seen):\n",
                "        if seen is None:\n",
            ),
        ),
        scenes=("again_while_the_list_was_read",),
    ),
)
