"""Mutants that take no guard away: they must not count as caught."""

from __future__ import annotations

from tests.simulation.mutants.mutant import Edit, Mutant

_POLICY = "wxvault.services.policy"
_LINE = "return min(min_ttl, (state.access_expires_in or 0.0) * MIN_TTL_PART)"
_NAMELESS = (Edit(_POLICY, _LINE, "return nobody_knows_this_name"),)
_TEST = "tests/unit/services/test_lookup.py"

BREAKING = (
    Mutant("made up: breaks a test", "none", _NAMELESS, test=_TEST),
    Mutant("made up: breaks a scene", "none", _NAMELESS, scenes=("greedy_look_ups",)),
    Mutant(
        "made up: breaks an import",
        "none",
        (Edit(_POLICY, _LINE, f"{_LINE}\nnobody_knows_this_name"),),
        test=_TEST,
    ),
)
"""These do not run."""

HARMLESS = (
    Mutant(
        "made up: changes nothing",
        "none",
        (Edit(_POLICY, _LINE, f"{_LINE}  # The same."),),
        test=_TEST,
    ),
)
"""With these all is as before."""
