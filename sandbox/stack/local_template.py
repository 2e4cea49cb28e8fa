"""The one place where the deployed template differs from `template.yaml`, and why.

The emulator lacks or misreads a few things. Each patch takes one of them out of a local copy; what
it takes out is asserted on the original by ``tests/template``. ``python -m sandbox.stack patches``
prints this list. The function bodies are all there is: nothing else changes the template.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Template = dict[str, Any]

# Types that the emulator's CloudFormation refuses together with the whole template.
REFUSED_TYPES = frozenset(
    {
        "AWS::ApplicationInsights::Application",
        "AWS::Backup::BackupSelection",
        "AWS::Budgets::Budget",
        "AWS::CloudWatch::AnomalyDetector",
        "AWS::CloudWatch::CompositeAlarm",
        "AWS::EventSchemas::Registry",
        "AWS::EventSchemas::Schema",
        "AWS::Events::Archive",
        "AWS::Events::EventBusPolicy",
        "AWS::IAM::OIDCProvider",
        "AWS::Logs::QueryDefinition",
        "AWS::SQS::QueueInlinePolicy",
        "AWS::SecretsManager::ResourcePolicy",
        "AWS::SecretsManager::RotationSchedule",
        "AWS::WAFv2::WebACLAssociation",
    }
)


@dataclass(frozen=True, slots=True)
class Patch:
    """One difference: ``apply`` changes the given template and returns what it touched."""

    name: str
    reason: str
    apply: Callable[[Template], list[str]]


def _resources(template: Template) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from template.get("Resources", {}).items()


def _statements(node: Any) -> Iterator[tuple[list[Any], dict[str, Any]]]:
    """Every policy statement below ``node``, with the list that holds it."""
    if isinstance(node, dict):
        listed = node.get("Statement")
        if isinstance(listed, list):
            yield from ((listed, item) for item in list(listed) if isinstance(item, dict))
        for value in node.values():
            yield from _statements(value)
    elif isinstance(node, list):
        for value in node:
            yield from _statements(value)


def _alternatives(statement: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The statement itself, or those that an ``Fn::If`` chooses from."""
    if "Fn::If" not in statement:
        yield statement
        return
    for choice in statement["Fn::If"][1:]:
        if isinstance(choice, dict):
            yield from _alternatives(choice)


def _drop_refused_types(template: Template) -> list[str]:
    refused = [name for name, body in _resources(template) if body.get("Type") in REFUSED_TYPES]
    for name in refused:
        del template["Resources"][name]
    _drop_references(template, frozenset(refused))
    return refused


def _drop_metric_math(template: Template) -> list[str]:
    found = [
        name
        for name, body in _resources(template)
        if body.get("Type") == "AWS::CloudWatch::Alarm" and "Metrics" in body["Properties"]
    ]
    for name in found:
        del template["Resources"][name]
    _drop_references(template, frozenset(found))
    return found


def _drop_references(template: Template, gone: frozenset[str]) -> None:
    for _, body in _resources(template):
        depends = body.get("DependsOn")
        if isinstance(depends, str) and depends in gone:
            del body["DependsOn"]
        elif isinstance(depends, list):
            body["DependsOn"] = [name for name in depends if name not in gone]
    outputs = template.get("Outputs", {})
    for name in [key for key, value in outputs.items() if _mentions(value, gone)]:
        del outputs[name]


def _mentions(node: Any, names: frozenset[str]) -> bool:
    if isinstance(node, dict):
        target = node.get("Ref", node.get("Fn::GetAtt"))
        first = target[0] if isinstance(target, list) else str(target).partition(".")[0]
        return first in names or any(_mentions(value, names) for value in node.values())
    return isinstance(node, list) and any(_mentions(value, names) for value in node)


def _drop_deployment_preference(template: Template) -> list[str]:
    touched = []
    functions = template.get("Globals", {}).get("Function", {})
    if functions.pop("DeploymentPreference", None) is not None:
        touched.append("Globals")
    for name, body in _resources(template):
        if body.get("Properties", {}).pop("DeploymentPreference", None) is not None:
            touched.append(name)
    return touched


def _drop_secure_transport(template: Template) -> list[str]:
    touched = []
    for name, body in _resources(template):
        for listed, statement in _statements(body):
            if statement.get("Effect") == "Deny" and "aws:SecureTransport" in json.dumps(statement):
                listed.remove(statement)
                touched.append(name)
    empty = [
        name
        for name, body in _resources(template)
        if name in touched
        and body["Type"] == "AWS::SQS::QueuePolicy"
        and not body["Properties"]["PolicyDocument"]["Statement"]
    ]
    for name in empty:
        del template["Resources"][name]
    _drop_references(template, frozenset(empty))
    return touched


PATCHES = (
    Patch(
        "refused-types",
        "The emulator's CloudFormation refuses the whole template for these resource types.",
        _drop_refused_types,
    ),
    Patch(
        "metric-math",
        "The emulator refuses alarms that add several metrics up.",
        _drop_metric_math,
    ),
    Patch(
        "gradual-deployment",
        "DeploymentPreference becomes CodeDeploy resources, which the emulator refuses.",
        _drop_deployment_preference,
    ),
    Patch(
        "secure-transport",
        "Denying aws:SecureTransport=false denies everyone here: loopback speaks plain HTTP.",
        _drop_secure_transport,
    ),
)


def patched(template: Template) -> tuple[Template, dict[str, list[str]]]:
    """A patched copy of a parsed template, and the names that each patch touched."""
    local = copy.deepcopy(template)
    return local, {patch.name: patch.apply(local) for patch in PATCHES}


def read_template(path: Path) -> Template:
    """Parse a template; short forms such as ``!Ref`` become their long forms."""
    from samtranslator.yaml_helper import yaml_parse  # noqa: PLC0415 (only a build needs it)

    parsed: Template = yaml_parse(path.read_text(encoding="utf-8"))
    return parsed
