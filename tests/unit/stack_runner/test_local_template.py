"""The local copy of the template: each patch takes out what it names, and nothing else changes."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.stack.local_template import PATCHES, REFUSED_TYPES, patched, read_template
from sandbox.stack.places import TEMPLATE


def role(*statements: dict[str, Any]) -> dict[str, Any]:
    """A role resource with one inline policy."""
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    policies = [{"PolicyName": "rights", "PolicyDocument": document}]
    return {"Type": "AWS::IAM::Role", "Properties": {"Policies": policies}}


def template(**resources: dict[str, Any]) -> dict[str, Any]:
    """A template with these resources."""
    return {"Resources": resources}


def test_a_template_without_differences_stays_as_it_is() -> None:
    """What the emulator understands is deployed as it is written."""
    original = template(Queue={"Type": "AWS::SQS::Queue"}, Role=role({"Effect": "Allow"}))
    local, touched = patched(original)
    assert local == original
    assert not any(touched.values())


def test_the_original_is_never_changed() -> None:
    """Patching works on a copy."""
    original = template(Archive={"Type": "AWS::Events::Archive"})
    patched(original)
    assert "Archive" in original["Resources"]


@pytest.mark.parametrize("kind", sorted(REFUSED_TYPES))
def test_refused_types_go_with_whatever_refers_to_them(kind: str) -> None:
    """A refused resource leaves no dangling output and no dependency behind."""
    original = template(
        Gone={"Type": kind},
        Queue={"Type": "AWS::SQS::Queue", "DependsOn": "Gone"},
        Topic={"Type": "AWS::SNS::Topic", "DependsOn": ["Gone", "Queue"]},
    )
    original["Outputs"] = {
        "One": {"Value": {"Ref": "Gone"}},
        "Two": {"Value": {"Fn::GetAtt": ["Gone", "Arn"]}},
        "Three": {"Value": {"Fn::GetAtt": "Queue.Arn"}},
    }
    local, touched = patched(original)
    assert local["Resources"] == {
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Topic": {"Type": "AWS::SNS::Topic", "DependsOn": ["Queue"]},
    }
    assert list(local["Outputs"]) == ["Three"]
    assert touched["refused-types"] == ["Gone"]


def test_alarms_that_add_up_go_and_others_stay() -> None:
    """The emulator knows alarms on one metric only."""
    one = {"Type": "AWS::CloudWatch::Alarm", "Properties": {"MetricName": "Errors"}}
    several = {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Metrics": [{"Id": "all"}]}}
    local, touched = patched(template(One=one, Several=several))
    assert list(local["Resources"]) == ["One"]
    assert touched["metric-math"] == ["Several"]


def test_deployment_preferences_go() -> None:
    """Neither Globals nor a function asks for CodeDeploy."""
    original = template(
        One={"Type": "AWS::Serverless::Function", "Properties": {"DeploymentPreference": {}}}
    )
    original["Globals"] = {"Function": {"DeploymentPreference": {"Type": "AllAtOnce"}}}
    local, touched = patched(original)
    assert local["Globals"] == {"Function": {}}
    assert local["Resources"]["One"]["Properties"] == {}
    assert touched["gradual-deployment"] == ["Globals", "One"]


def test_only_denials_of_plain_http_go() -> None:
    """The other statements of the same policy stay; an empty queue policy goes as a whole."""
    plain = {"Effect": "Deny", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    kept = {"Effect": "Allow", "Action": "sqs:SendMessage"}

    def policy(*statements: dict[str, Any]) -> dict[str, Any]:
        document = {"Statement": list(statements)}
        return {"Type": "AWS::SQS::QueuePolicy", "Properties": {"PolicyDocument": document}}

    local, touched = patched(template(Both=policy(plain, kept), One=policy(plain)))
    assert local["Resources"] == {"Both": policy(kept)}
    assert touched["secure-transport"] == ["Both", "One"]


def test_every_patch_says_what_it_is_for() -> None:
    """Names are unique, reasons are sentences: `patches` prints them, template tests go by them."""
    assert len({patch.name for patch in PATCHES}) == len(PATCHES)
    assert all(patch.reason.endswith(".") for patch in PATCHES)


def test_patching_the_projects_template_twice_changes_nothing_more() -> None:
    """One pass takes all out that has to go, and every function is still there."""
    original = read_template(TEMPLATE)
    local, _ = patched(original)
    again, touched = patched(local)
    assert again == local
    assert not any(touched.values())
    functions = "AWS::Serverless::Function"
    kinds = [body["Type"] for body in local["Resources"].values()]
    assert kinds.count(functions) == str(original).count(f"'{functions}'")
