"""What may be asked of the local stack, and what `patches` prints."""

from __future__ import annotations

import pytest

from sandbox.stack.__main__ import patches
from sandbox.stack.emulator.everything import CORRECTIONS
from sandbox.stack.errors import StackError
from sandbox.stack.local_template import PATCHES
from sandbox.stack.stack import LocalStack, StackOptions
from sandbox.stack.wechat_process import Component


def test_the_defaults_leave_room_for_the_lookup_figures() -> None:
    """200 look-ups, sixteen at a time, must not meet the account's limit."""
    assert StackOptions().concurrency >= 24


@pytest.mark.parametrize("overlap", [119, 301])
def test_the_overlap_has_bounds(overlap: int) -> None:
    """The template's parameter has the same."""
    with pytest.raises(ValueError, match="overlap"):
        StackOptions(overlap=overlap)


def test_faults_are_asked_for_before_the_start() -> None:
    """Without the option functions talk to AWS directly, and a rule would do nothing: refused."""
    with pytest.raises(StackError, match="faults=True"):
        _ = LocalStack(StackOptions()).faults
    board = LocalStack(StackOptions(faults=True, seed=3)).faults
    assert board.injected() == {}


def test_a_token_lives_ten_minutes_at_least() -> None:
    """Leases and time-outs are never scaled, so the clock cannot run any faster."""
    with pytest.raises(ValueError, match="life"):
        StackOptions(life=599)


def test_a_component_never_shows_its_secrets() -> None:
    """Repr has the appid only, and every run has another one."""
    component = Component.fresh()
    shown = repr(component)
    assert component.appid in shown
    assert component.appsecret not in shown
    assert component.encoding_aes_key not in shown
    assert component.token not in shown
    assert Component.fresh().appid != component.appid


def test_patches_prints_every_difference(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing differs from AWS or from the template without being listed."""
    assert patches() == 0
    printed = capsys.readouterr().out
    listed = [(patch.name, patch.reason) for patch in PATCHES]
    listed += [(correction.name, correction.reason) for correction in CORRECTIONS]
    assert all(f"{name}: {reason}" in printed for name, reason in listed)
