"""A fresh vault for every test."""

from __future__ import annotations

import pytest

from tests.unit.vault.kit import Vault


@pytest.fixture
def vault() -> Vault:
    """Return a vault over an empty table."""
    return Vault()
