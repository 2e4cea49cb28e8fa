"""Mutants of what may be served, and of when a token is due."""

from __future__ import annotations

from tests.simulation.mutants.mutant import Edit, Mutant

_POLICY = "wxvault.services.policy"


MUTANTS = (
    # --- serving ---
    Mutant(
        "served while verifying",
        "a token is withheld until WeChat was asked",
        (Edit(_POLICY, "if not state.has_access or state.verifying:", "if not state.has_access:"),),
        scenes=("cancelled_undated",),
    ),
    Mutant(
        "served to its end",
        "a token is not served within the margin before its end",
        (
            Edit(
                _POLICY,
                "left = max(state.access_expires_in * MARGIN, wanted_ttl(state, min_ttl))",
                "left = wanted_ttl(state, min_ttl)",
            ),
        ),
        scenes=("slow_clock_at_the_end",),
    ),
    Mutant(
        "served while marked",
        "a marked token is served for a part of the overlap only",
        (
            Edit(
                _POLICY,
                "return since is None or now < since + SERVED_WHILE_MARKED * overlap",
                "return True",
            ),
        ),
        scenes=(
            "refusals_after_silence",
            "repeated_taking_after_silence",
        ),
    ),
    Mutant(
        "served for the overlap",
        "a marked token is served for 0.8 of the overlap, so that a client may cache it",
        (
            Edit(
                _POLICY,
                "return since is None or now < since + SERVED_WHILE_MARKED * overlap",
                "return since is None or now < since + overlap",
            ),
        ),
        scenes=(
            "refusals_after_silence",
            "repeated_taking_after_silence",
        ),
    ),
    Mutant(
        "wanted without limit",
        "a look-up may ask for a sixth of a token's life at most",
        (
            Edit(
                _POLICY,
                "return min(min_ttl, (state.access_expires_in or 0.0) * MIN_TTL_PART)",
                "return min_ttl",
            ),
        ),
        scenes=("greedy_look_ups",),
    ),
    Mutant(
        "due early",
        "a token is due at 0.75 of its life at the earliest",
        (Edit(_POLICY, "(DUE_FROM + (DUE_TO - DUE_FROM) * uniform())", "0.2"),),
        scenes=("three_lives",),
    ),
    Mutant(
        "due late",
        "a token is due while it is still served",
        (Edit(_POLICY, "(DUE_FROM + (DUE_TO - DUE_FROM) * uniform())", "2.0"),),
        scenes=("three_lives",),
    ),
    Mutant(
        "no back-off",
        "who was refused waits before it asks again",
        (Edit(_POLICY, "    doublings = min(", "    return 0.0\n    doublings = min("),),
        scenes=("refused_verification",),
    ),
)
