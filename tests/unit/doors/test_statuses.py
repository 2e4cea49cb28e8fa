"""What a session's status can be: one list, for the backend, the pages and the documentation."""

from __future__ import annotations

from tests.unit.doors.kit import Doors
from tests.unit.test_docs import code, table
from wxvault.runtime.pages.result import _VIEWS
from wxvault.services.onboarding import FAILED, STATUSES


def test_every_status_is_explained_and_has_a_page() -> None:
    """The backend is told four, a browser one more; no other word is used anywhere."""
    rows = {code(row[0])[0]: row[1] for row in table("docs/architecture.md", "status")}
    assert {name for name, told in rows.items() if told == "both"} == set(STATUSES)
    assert {name for name, told in rows.items() if told == "browser"} == {FAILED}
    assert set(_VIEWS) == set(rows)


def test_failed_is_a_hint_for_one_browser() -> None:
    """Whoever adds it to the address sees it; the session and its backend know nothing of it."""
    doors = Doors()
    session_id = doors.house.onboarding.create("tenant", {}).session_id
    assert "The authorisation was not completed" in doors.result(session_id, {"failed": ""})["body"]
    assert doors.house.onboarding.status("tenant", session_id).status == "waiting"
    assert '"waiting"' in doors.status("tenant", session_id)["body"]
