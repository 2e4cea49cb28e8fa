"""The translated template, once for all its tests."""

from __future__ import annotations

from typing import Any

import pytest

from tests.template import translation


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    """Return the template after the SAM transform."""
    return translation.translate()


@pytest.fixture(scope="session")
def resources(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return its resources by logical id."""
    found: dict[str, dict[str, Any]] = template["Resources"]
    return found
