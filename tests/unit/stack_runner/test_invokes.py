"""Asynchronous invokes of the emulator: a version is treated as its alias says."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.stack.emulator.invokes import with_its_alias

CONFIG = {"MaximumRetryAttempts": 0}


@pytest.mark.parametrize(
    "record", [{"config": {"FunctionName": "sweep"}}, {"FunctionName": "sweep"}], ids=range(2)
)
def test_the_one_alias_decides(record: dict[str, Any]) -> None:
    """What was configured for it is found by the function's name; the record itself stays."""
    before = dict(record)
    functions = {"sweep": {"event_invoke_configs": {"live": CONFIG}}}
    assert with_its_alias(record, functions) == record | {"event_invoke_config": CONFIG}
    assert record == before


@pytest.mark.parametrize(
    "function", [None, {}, {"event_invoke_configs": {"live": CONFIG, "next": {}}}], ids=range(3)
)
def test_without_one_alias_nothing_is_changed(function: dict[str, Any] | None) -> None:
    """An unknown function, one without configurations, and one with several."""
    record = {"config": {"FunctionName": "sweep"}}
    assert with_its_alias(record, {"sweep": function}) is record
