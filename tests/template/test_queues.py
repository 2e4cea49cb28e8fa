"""Queues, what consumes them, the bus and the schedule."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.template.reading import of_type, target

Resources = dict[str, dict[str, Any]]

PAIRS = {"RenewQueue": "RenewDeadLetters", "ExchangeQueue": "ExchangeDeadLetters"}
DEAD_LETTERS = {*PAIRS.values(), "SweepDeadLetters", "ResyncDeadLetters"}
FOURTEEN_DAYS = 1209600


def test_every_queue_has_dead_letters_or_is_for_them(resources: Resources) -> None:
    """A queue that is added has to be given its place here."""
    assert set(of_type(resources, "AWS::SQS::Queue")) == set(PAIRS) | DEAD_LETTERS


@pytest.mark.parametrize(("name", "dead_letters"), PAIRS.items())
def test_a_job_is_tried_five_times(resources: Resources, name: str, dead_letters: str) -> None:
    """A job stays invisible for six time-outs of its function and is set aside after five tries."""
    queue = resources[name]["Properties"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 5
    assert target(queue["RedrivePolicy"]["deadLetterTargetArn"]) == f"{dead_letters}.Arn"
    assert queue["VisibilityTimeout"] == 150
    # Long enough to reach the dead letters, short enough not to outlive what the sweep repeats.
    assert 5 * queue["VisibilityTimeout"] < queue["MessageRetentionPeriod"] == 3600
    allow = resources[dead_letters]["Properties"]["RedriveAllowPolicy"]
    assert allow["redrivePermission"] == "byQueue"
    (source,) = allow["sourceQueueArns"]
    assert target(source) == (
        f"arn:${{AWS::Partition}}:sqs:${{AWS::Region}}:${{AWS::AccountId}}:{target(queue['QueueName'])}"
    )


@pytest.mark.parametrize("name", sorted(DEAD_LETTERS))
def test_dead_letters_are_kept_for_fourteen_days(resources: Resources, name: str) -> None:
    """There is time to look at what failed for good."""
    assert resources[name]["Properties"]["MessageRetentionPeriod"] == FOURTEEN_DAYS


def test_queues_are_encrypted(resources: Resources) -> None:
    """Every queue is encrypted at rest."""
    for name, queue in of_type(resources, "AWS::SQS::Queue").items():
        assert queue["SqsManagedSseEnabled"] is True, name


def test_queues_are_reached_over_tls_only(resources: Resources) -> None:
    """Every queue refuses every request that does not come over TLS."""
    (policy,) = of_type(resources, "AWS::SQS::QueuePolicy").values()
    assert {target(queue) for queue in policy["Queues"]} == set(PAIRS) | DEAD_LETTERS
    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Sid": "OverTlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sqs:*",
            "Resource": "*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ]


@pytest.mark.parametrize(
    ("queue", "function", "batch", "scaling"),
    [
        ("RenewQueue", "Renew", 10, {"MaximumConcurrency": {"Ref": "RenewConcurrency"}}),
        ("ExchangeQueue", "ExchangeWorker", 5, None),
    ],
)
def test_mappings(
    resources: Resources, queue: str, function: str, batch: int, scaling: dict[str, Any] | None
) -> None:
    """Jobs go to the alias at once, in batches that answer for each message by itself."""
    mappings = of_type(resources, "AWS::Lambda::EventSourceMapping")
    assert len(mappings) == len(PAIRS)
    (mapping,) = (
        one for one in mappings.values() if target(one["EventSourceArn"]) == f"{queue}.Arn"
    )
    assert target(mapping["FunctionName"]) == f"{function}FunctionAliaslive"
    assert mapping["BatchSize"] == batch
    assert mapping["MaximumBatchingWindowInSeconds"] == 0
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping.get("ScalingConfig") == scaling
    timeout = resources[f"{function}Function"]["Properties"]["Timeout"]
    assert resources[queue]["Properties"]["VisibilityTimeout"] >= 6 * timeout


def test_the_bus_keeps_an_archive_only_if_asked(
    template: dict[str, Any], resources: Resources
) -> None:
    """MessageArchiveDays above 0 keeps the vault's events, 0 keeps nothing."""
    assert template["Conditions"]["KeepsEvents"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "MessageArchiveDays"}, 0]}]
    }
    archive = resources["EventArchive"]
    assert archive["Type"] == "AWS::Events::Archive"
    assert archive["Condition"] == "KeepsEvents"
    assert target(archive["Properties"]["SourceArn"]) == "EventBus.Arn"
    assert archive["Properties"]["EventPattern"] == {"source": ["wxvault"]}
    assert archive["Properties"]["RetentionDays"] == {"Ref": "MessageArchiveDays"}


def test_the_schedule_wakes_the_sweep(resources: Resources) -> None:
    """A schedule without play, one retry within the minute, then the dead letters."""
    schedule = of_type(resources, "AWS::Scheduler::Schedule")["SweepFunctionSchedule"]
    assert schedule["ScheduleExpression"] == {
        "Fn::If": [
            "SweepsEveryMinute",
            "rate(1 minute)",
            {"Fn::Sub": "rate(${SweepMinutes} minutes)"},
        ]
    }
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert schedule["Target"] == {
        "Arn": {"Ref": "SweepFunctionAliaslive"},
        "RoleArn": {"Fn::GetAtt": ["ScheduleRole", "Arn"]},
        "DeadLetterConfig": {"Arn": {"Fn::GetAtt": ["SweepDeadLetters", "Arn"]}},
        "RetryPolicy": {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 1},
    }
    # A fixed name would collide with a second deployment in the same account.
    assert "Name" not in schedule


def test_the_schedule_wakes_the_resync(resources: Resources) -> None:
    """At night in China, some time within an hour; what it sends makes it a real run."""
    schedule = of_type(resources, "AWS::Scheduler::Schedule")["ResyncFunctionSchedule"]
    assert schedule["ScheduleExpression"] == "cron(7 3 * * ? *)"
    assert schedule["ScheduleExpressionTimezone"] == "Asia/Shanghai"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 60}
    wanted = schedule["Target"]
    assert wanted["Arn"] == {"Ref": "ResyncFunctionAliaslive"}
    assert json.loads(wanted["Input"]) == {"scheduled": True}
    assert wanted["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["ResyncDeadLetters", "Arn"]}}
    assert "Name" not in schedule


def test_a_failed_resync_is_repeated(resources: Resources) -> None:
    """The next one by its schedule comes a day later, so Lambda tries twice more; then it is told.

    Run twice it does nothing twice.
    """
    config = configured(resources, "ResyncFunction")
    assert config["MaximumRetryAttempts"] == 2
    assert config["DestinationConfig"] == {
        "OnFailure": {"Destination": {"Fn::GetAtt": ["ResyncDeadLetters", "Arn"]}}
    }


def configured(resources: Resources, function: str) -> dict[str, Any]:
    """Return how asynchronous invokes of a function's alias are dealt with."""
    (found,) = (
        config
        for config in of_type(resources, "AWS::Lambda::EventInvokeConfig").values()
        if target(config["FunctionName"]) == function
    )
    assert found["Qualifier"] == "live"
    return found


def test_a_failed_sweep_is_not_repeated(resources: Resources) -> None:
    """Lambda does not repeat a sweep by itself: the next minute looks again."""
    config = configured(resources, "SweepFunction")
    assert config["MaximumRetryAttempts"] == 0
    assert config["MaximumEventAgeInSeconds"] == 60
    # Told, because a sweep that fails every time says nothing else.
    assert config["DestinationConfig"] == {
        "OnFailure": {"Destination": {"Fn::GetAtt": ["SweepDeadLetters", "Arn"]}}
    }
