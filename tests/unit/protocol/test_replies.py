"""What WeChat is told."""

from __future__ import annotations

from wxvault.protocol.replies import SUCCESS


def test_success_has_seven_bytes() -> None:
    """Any other body on the event URL counts as a failure."""
    assert SUCCESS == b"success"
    assert len(SUCCESS) == 7
