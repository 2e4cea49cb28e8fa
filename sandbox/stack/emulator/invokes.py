"""Asynchronous invokes: what becomes of an event that a function fails at."""

from __future__ import annotations

from typing import Any

from sandbox.stack.emulator.corrections import Correction, module, original, replace


def with_its_alias(record: dict[str, Any], functions: dict[str, Any]) -> dict[str, Any]:
    """The record of an invoked version with what is configured for its function's one alias.

    ``functions`` are the emulator's own. Which alias was invoked is forgotten by now, so a function
    with several such configurations is left as it is.
    """
    name = (record.get("config") or record).get("FunctionName", "")
    function = functions.get(name) or {}
    configs = list((function.get("event_invoke_configs") or {}).values())
    if len(configs) != 1:
        return record
    return {**record, "event_invoke_config": configs[0]}


def _follow_the_alias() -> None:
    functions = module("ministack.services.lambda_svc")
    known = original(functions, "_functions")
    invoke = original(functions, "invoke_async_with_retry")

    def invoke_as_configured(record: dict[str, Any], event: Any) -> None:
        invoke(with_its_alias(record, known), event)

    replace(functions, "invoke_async_with_retry", invoke_as_configured)


CORRECTIONS = (
    Correction(
        "asynchronous-invokes",
        "The emulator keeps how often an alias's events are tried and where failures go, and then "
        "follows neither.",
        _follow_the_alias,
    ),
)
