"""Event source mappings: what their poller stumbles over."""

from __future__ import annotations

from typing import Any

from sandbox.stack.emulator.corrections import Correction, module, original, replace


def with_numbers(mapping: dict[str, Any]) -> dict[str, Any]:
    """The mapping with its concurrency as a number; a template's parameter leaves it as text."""
    scaling = mapping.get("ScalingConfig") or {}
    if "MaximumConcurrency" not in scaling:
        return mapping
    number = int(scaling["MaximumConcurrency"])
    return mapping | {"ScalingConfig": scaling | {"MaximumConcurrency": number}}


def _read_concurrency_as_a_number() -> None:
    functions = module("ministack.services.lambda_svc")
    limit = original(functions, "_sqs_esm_concurrency")

    def limit_of(mapping: dict[str, Any], *arguments: Any) -> Any:
        return limit(with_numbers(mapping), *arguments)

    replace(functions, "_sqs_esm_concurrency", limit_of)


CORRECTIONS = (
    Correction(
        "mapping-concurrency",
        "A MaximumConcurrency that comes from a parameter arrives as text, and the emulator's "
        "poller fails on it, for every queue.",
        _read_concurrency_as_a_number,
    ),
)
