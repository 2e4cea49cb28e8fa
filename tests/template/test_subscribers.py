"""The samples of subscribers: filtered, allowed what they need, and nothing is dropped silently."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox.stack.event_schemas import names, schema
from sandbox.stack.local_template import read_template

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "subscribers"
SAMPLES = sorted(path.parent.name for path in FOLDER.glob("*/template.yaml"))


@pytest.fixture(params=SAMPLES)
def resources(request: pytest.FixtureRequest) -> dict[str, dict[str, Any]]:
    """Return the resources of each sample."""
    found: dict[str, dict[str, Any]] = read_template(FOLDER / request.param / "template.yaml")[
        "Resources"
    ]
    return found


def rule(resources: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return what the one rule is made of."""
    (found,) = (one for one in resources.values() if one["Type"] == "AWS::Events::Rule")
    properties: dict[str, Any] = found["Properties"]
    return properties


def test_there_are_three() -> None:
    """A function, a queue, and an address in the web."""
    assert SAMPLES == ["lambda", "queue", "webhook"]


def test_it_hears_of_what_there_is(resources: dict[str, dict[str, Any]]) -> None:
    """It names events that exist and have the field that is filtered by; leaving is heard too."""
    pattern = rule(resources)["EventPattern"]
    assert pattern["source"] == ["wxvault"]
    mine = [{"Ref": "TenantId"}]
    moves = any(isinstance(wanted, dict) for wanted in pattern["detail-type"])
    either = {"$or": [{"tenant_id": mine}, {"from_tenant_id": mine}]}
    assert pattern["detail"] == (either if moves else {"tenant_id": mine})
    assert {"tenant_id", "from_tenant_id"} <= set(schema("authorizer.assigned")["properties"])
    for wanted in pattern["detail-type"]:
        prefix = wanted["prefix"] if isinstance(wanted, dict) else None
        meant = [name for name in names() if name == wanted or (prefix and name.startswith(prefix))]
        assert meant, wanted
        for name in meant:
            assert "tenant_id" in schema(name)["properties"]


def test_what_cannot_be_delivered_is_kept(resources: dict[str, dict[str, Any]]) -> None:
    """A day of retries, then the dead-letter queue, which EventBridge may write to; two weeks."""
    (target,) = rule(resources)["Targets"]
    assert target["RetryPolicy"] == {
        "MaximumEventAgeInSeconds": 86400,
        "MaximumRetryAttempts": 185,
    }
    arn = {"Fn::GetAtt": ["DeadLetters", "Arn"]}
    assert target["DeadLetterConfig"] == {"Arn": arn}
    assert resources["DeadLetters"]["Properties"]["MessageRetentionPeriod"] == 14 * 86400
    (policy,) = (one for one in resources.values() if one["Type"] == "AWS::SQS::QueuePolicy")
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    allowed = statement["Resource"]
    assert arn in (allowed if isinstance(allowed, list) else [allowed])
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Action"] == "sqs:SendMessage"
    assert statement["Condition"] == {
        "ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["Rule", "Arn"]}}
    }


def test_the_webhook_shows_who_it_is() -> None:
    """A key in a header, by https only, and a role that may post there and nowhere else."""
    template = read_template(FOLDER / "webhook" / "template.yaml")
    assert template["Parameters"]["Url"]["AllowedPattern"] == "https://.+"
    assert template["Parameters"]["Key"]["NoEcho"] is True
    made = template["Resources"]
    key = made["Connection"]["Properties"]["AuthParameters"]["ApiKeyAuthParameters"]
    assert key == {"ApiKeyName": "x-webhook-key", "ApiKeyValue": {"Ref": "Key"}}
    (policy,) = made["Role"]["Properties"]["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == "events:InvokeApiDestination"
    assert statement["Resource"] == {"Fn::GetAtt": ["Destination", "Arn"]}
    (target,) = made["Rule"]["Properties"]["Targets"]
    assert target["RoleArn"] == {"Fn::GetAtt": ["Role", "Arn"]}
