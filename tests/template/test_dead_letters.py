"""Nothing dies unseen: whatever is delivered asynchronously has dead letters, each with an alarm.

These tests name no queue, so that one that is added later is held to the same.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.template.reading import of_type, target

Resources = dict[str, dict[str, Any]]

FOURTEEN_DAYS = 1209600


def dead_letters(resources: Resources) -> set[str]:
    """Return the queues that set nothing aside themselves; the tool knows them by this too."""
    queues = of_type(resources, "AWS::SQS::Queue")
    return {name for name, queue in queues.items() if "RedrivePolicy" not in queue}


def places(resources: Resources) -> dict[str, Any]:
    """Return everything that delivers something later, with where its failures go to."""
    found: dict[str, Any] = {}
    for name, queue in of_type(resources, "AWS::SQS::Queue").items():
        if name not in dead_letters(resources):
            found[name] = queue["RedrivePolicy"]["deadLetterTargetArn"]
    for name, schedule in of_type(resources, "AWS::Scheduler::Schedule").items():
        found[name] = schedule["Target"].get("DeadLetterConfig", {}).get("Arn")
    for name, rule in of_type(resources, "AWS::Events::Rule").items():
        for each in rule["Targets"]:
            found[f"{name} {each['Id']}"] = each.get("DeadLetterConfig", {}).get("Arn")
    for name, subscription in of_type(resources, "AWS::SNS::Subscription").items():
        found[name] = subscription.get("RedrivePolicy", {}).get("deadLetterTargetArn")
    for name, config in of_type(resources, "AWS::Lambda::EventInvokeConfig").items():
        found[name] = config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
    return found


def test_whatever_is_delivered_later_has_dead_letters(resources: Resources) -> None:
    """Queues, schedules, rules, subscriptions and asynchronous invokes say where failures go."""
    ends = {f"{name}.Arn" for name in dead_letters(resources)}
    found = places(resources)
    woken = {"SweepFunctionSchedule", "ResyncFunctionSchedule"}
    assert {"RenewQueue", "ExchangeQueue", *woken} <= set(found)
    for name, where in found.items():
        assert where is not None, f"{name}: what fails here is gone"
        assert target(where) in ends, name


def test_what_is_woken_asynchronously_says_what_becomes_of_a_failure(resources: Resources) -> None:
    """A function that a schedule or a rule wakes has its failures sent on as well."""
    woken = {
        target(schedule["Target"]["Arn"])
        for schedule in of_type(resources, "AWS::Scheduler::Schedule").values()
    } | {
        target(each["Arn"])
        for rule in of_type(resources, "AWS::Events::Rule").values()
        for each in rule["Targets"]
    }
    configured = {
        f"{target(config['FunctionName'])}Alias{config['Qualifier']}"
        for config in of_type(resources, "AWS::Lambda::EventInvokeConfig").values()
    }
    aliases = set(of_type(resources, "AWS::Lambda::Alias"))
    assert woken & aliases
    assert woken & aliases <= configured


def test_every_consumer_sets_aside_single_messages(resources: Resources) -> None:
    """One bad message of a batch does not take the others along."""
    mappings = of_type(resources, "AWS::Lambda::EventSourceMapping")
    assert mappings
    for name, mapping in mappings.items():
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"], name


def test_every_dead_letter_queue_is_kept_sealed_and_used(resources: Resources) -> None:
    """Fourteen days, encrypted, open to its own source only, and somebody sends to it."""
    used = {target(where) for where in places(resources).values()}
    sources = {
        target(queue["RedrivePolicy"]["deadLetterTargetArn"]): target(queue["QueueName"])
        for queue in of_type(resources, "AWS::SQS::Queue").values()
        if "RedrivePolicy" in queue
    }
    for name in dead_letters(resources):
        queue = resources[name]["Properties"]
        assert queue["MessageRetentionPeriod"] == FOURTEEN_DAYS, name
        assert queue["SqsManagedSseEnabled"] is True, name
        assert f"{name}.Arn" in used, name
        allow = queue["RedriveAllowPolicy"]
        source = sources.get(f"{name}.Arn")
        if source is None:
            assert allow == {"redrivePermission": "denyAll"}, name
        else:
            assert allow["redrivePermission"] == "byQueue", name
            (arn,) = allow["sourceQueueArns"]
            assert target(arn).endswith(f":${{AWS::AccountId}}:{source}"), name


def test_every_dead_letter_queue_raises_an_alarm_that_says_what_to_run(
    resources: Resources,
) -> None:
    """The first letter is an alarm, and its text has the command for this stack and queue."""
    watched = {}
    for name, alarm in of_type(resources, "AWS::CloudWatch::Alarm").items():
        if alarm.get("MetricName") == "ApproximateNumberOfMessagesVisible":
            (dimension,) = alarm["Dimensions"]
            assert dimension["Name"] == "QueueName"
            watched[target(dimension["Value"])] = name
            title = target(dimension["Value"]).removesuffix("DeadLetters.QueueName").lower()
            text = target(alarm["AlarmDescription"])
            assert text.endswith(f"make dlq STACK=${{AWS::StackName}} QUEUE={title}"), name
            assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (0, "GreaterThanThreshold")
    assert set(watched) == {f"{name}.QueueName" for name in dead_letters(resources)}


def test_every_queue_with_work_is_watched_for_its_age(resources: Resources) -> None:
    """A message that grows old in a queue is nobody's failure yet, but somebody's problem."""
    watched = {
        target(alarm["Dimensions"][0]["Value"])
        for alarm in of_type(resources, "AWS::CloudWatch::Alarm").values()
        if alarm.get("MetricName") == "ApproximateAgeOfOldestMessage"
    }
    working = set(of_type(resources, "AWS::SQS::Queue")) - dead_letters(resources)
    assert watched == {f"{name}.QueueName" for name in working}


@pytest.mark.parametrize("broken", ["queue", "schedule", "invoke", "rule", "subscription"])
def test_the_test_sees_what_has_no_dead_letters(resources: Resources, broken: str) -> None:
    """A later resource without dead letters is found, whatever kind it is."""
    extra: dict[str, tuple[str, dict[str, Any]]] = {
        "queue": ("AWS::SQS::Queue", {}),
        "schedule": ("AWS::Scheduler::Schedule", {"Target": {"Arn": {"Ref": "X"}}}),
        "invoke": ("AWS::Lambda::EventInvokeConfig", {"FunctionName": "f", "Qualifier": "live"}),
        "rule": ("AWS::Events::Rule", {"Targets": [{"Id": "one", "Arn": {"Ref": "X"}}]}),
        "subscription": ("AWS::SNS::Subscription", {}),
    }
    kind, properties = extra[broken]
    more = resources | {"Later": {"Type": kind, "Properties": properties}}

    def check() -> None:
        test_whatever_is_delivered_later_has_dead_letters(more)
        test_every_dead_letter_queue_is_kept_sealed_and_used(more)

    with pytest.raises((AssertionError, KeyError)):
        check()
