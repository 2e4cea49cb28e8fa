"""A browser, and a site for it to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import Tab, find_chromium
from tests.browser.site import Site, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def site() -> Iterator[Site]:
    """Return a site that is the platform as ``localhost`` and WeChat as ``127.0.0.1``."""
    with serving() as found:
        yield found


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    """Return a browser."""
    profile: Path = tmp_path_factory.mktemp("profile")
    chromium = find_chromium()
    assert chromium is not None
    tab = Tab.open(chromium, profile)
    yield tab
    tab.close()
