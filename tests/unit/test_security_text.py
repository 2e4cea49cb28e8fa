"""SECURITY.md says what the table of rights says."""

from __future__ import annotations

import re
from pathlib import Path

from sandbox.stack.rights.table import COMPARTMENTS, FUNCTIONS, rights_of

SECURITY = Path(__file__).resolve().parents[2] / "SECURITY.md"


def test_who_can_open_and_who_can_forge() -> None:
    """SECURITY.md names every role that may open what is sealed, and all that may forge it."""
    text = SECURITY.read_text("utf-8")

    def named(after: str, until: str) -> set[str]:
        part = text.partition(after)[2].partition(until)[0]
        return {name.replace(" ", "-") for name in re.findall(r"\*([a-z ]+)\*", part)}

    def may(action: str, compartment: str) -> set[str]:
        right = (action, f"SealingKey/{compartment}")
        return {name for name in FUNCTIONS if right in rights_of(name)}

    for compartment in COMPARTMENTS:
        openers = named(f"sealed in the compartment `{compartment}` | ", "|")
        assert openers == may("kms:Decrypt", compartment)
    forgers = named("put a false one into a merchant's item:** ", ".")
    assert forgers == may("kms:GenerateDataKey", "authorizers")
