"""What raises an alarm, and whom it tells."""

from __future__ import annotations

from typing import Any

import pytest

from tests.template.reading import of_type, target

Resources = dict[str, dict[str, Any]]
Watched = tuple[str, str, int, int, str, float, str]

# What functions write themselves.
OWN_METRICS = {
    "AuthorizerFailing",
    "AuthorizerLost",
    "AuthorizerSupersededElsewhere",
    "UnsentEventSeconds",
    "MessageUnreadable",
    "OverdueAuthorizers",
    "PushRefused",
    "ResponderFailed",
    "SealBroken",
    "SecretMalformed",
    "SweepWithoutComponentToken",
    "TicketReceived",
}


def above(
    threshold: float, metric: str, statistic: str = "Sum", *, seconds: int = 300, periods: int = 1
) -> Watched:
    """Return an alarm on too much of something; without data there is nothing to say."""
    return (metric, statistic, seconds, periods, "GreaterThan", threshold, "notBreaching")


# alarm: metric, statistic, seconds, periods, comparison, threshold, missing data
ALARMS = {
    # Forty-five minutes without one of the tickets that come every ten; silence is the point.
    "NoTicketAlarm": ("TicketReceived", "Sum", 900, 3, "LessThan", 1, "breaching"),
    # Fifteen minutes with never none overdue; the sweep says 0 too, so silence is as bad.
    "OverdueAuthorizersAlarm": (
        "OverdueAuthorizers",
        "Minimum",
        300,
        3,
        "GreaterThan",
        0,
        "breaching",
    ),
    # Fifteen minutes in which every sweep found something due and no component token.
    "NoComponentTokenAlarm": above(0, "SweepWithoutComponentToken", periods=3),
    "AuthorizerFailingAlarm": above(0, "AuthorizerFailing"),
    "AuthorizerLostAlarm": above(0, "AuthorizerLost"),
    "SupersededElsewhereAlarm": above(0, "AuthorizerSupersededElsewhere"),
    "SealBrokenAlarm": above(0, "SealBroken"),
    # Nothing is handed out: the one alarm that a person must act on at once.
    "SealingKeyAlarm": above(0, "SealingKeyUnusable", seconds=60),
    "SecretMalformedAlarm": above(0, "SecretMalformed"),
    # Five minutes: whoever wrote an event could not send it, nor could some sweeps.
    "EventsNotSentAlarm": above(300, "UnsentEventSeconds", "Maximum"),
    # Half an hour, so that it speaks before NoTicketAlarm does.
    "PushesRefusedAlarm": above(2, "PushRefused", seconds=900, periods=2),
    "ResponderFailedAlarm": above(5, "ResponderFailed"),
    "MessageUnreadableAlarm": above(0, "MessageUnreadable"),
    "CallbackServerErrorsAlarm": above(0, "CallbackServerErrors-${AWS::StackName}"),
    "PushesThrottledAlarm": above(0, "PushesThrottled-${AWS::StackName}"),
    "CallbackSlowAlarm": above(2500, "Duration", "p90", seconds=900, periods=2),
    "FrontDoorServerErrorsAlarm": above(10, "5xx", periods=3),
    "FunctionErrorsAlarm": above(0, "Errors", periods=2),
    "FunctionThrottlesAlarm": above(0, "Throttles", periods=2),
    "BehalfErrorsAlarm": above(0, "Errors", periods=2),
    "BehalfThrottlesAlarm": above(0, "Throttles", periods=2),
    "RenewQueueAgeAlarm": above(900, "ApproximateAgeOfOldestMessage", "Maximum"),
    "ExchangeQueueAgeAlarm": above(300, "ApproximateAgeOfOldestMessage", "Maximum"),
    **{
        # Not NumberOfMessagesSent: what SQS moves by itself is not counted there.
        f"{queue}DeadLettersAlarm": above(
            0, "ApproximateNumberOfMessagesVisible", "Maximum", seconds=60
        )
        for queue in ("Renew", "Exchange", "Sweep", "Resync")
    },
}
OWN = {name for name, told in ALARMS.items() if told[0] in OWN_METRICS}


def test_these_are_all_alarms(resources: Resources) -> None:
    """An alarm that is added has to be described here."""
    assert set(of_type(resources, "AWS::CloudWatch::Alarm")) == set(ALARMS)


def watched(alarm: dict[str, Any]) -> tuple[str, str, int]:
    """Return metric, statistic and period, also of an alarm that adds several metrics up."""
    if "Metrics" in alarm:
        _, *parts = alarm["Metrics"]
        (found,) = {
            (one["MetricStat"]["Metric"]["MetricName"], one["MetricStat"]["Stat"], period)
            for one in parts
            for period in [one["MetricStat"]["Period"]]
        }
        return found
    statistic = alarm.get("Statistic") or alarm["ExtendedStatistic"]
    return target(alarm["MetricName"]), statistic, alarm["Period"]


@pytest.mark.parametrize("name", ALARMS)
def test_alarm(resources: Resources, name: str) -> None:
    """An alarm watches what it says, for as long as it says, and says what missing data means."""
    alarm = resources[name]["Properties"]
    assert (
        *watched(alarm),
        alarm["EvaluationPeriods"],
        alarm["ComparisonOperator"].removesuffix("Threshold"),
        alarm["Threshold"],
        alarm["TreatMissingData"],
    ) == ALARMS[name]
    assert "DatapointsToAlarm" not in alarm


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_says_what_happened_and_what_to_do(resources: Resources, name: str) -> None:
    """Whoever is woken reads at least two sentences, within what CloudWatch keeps."""
    text = target(resources[name]["Properties"]["AlarmDescription"])
    assert len(text) < 1024
    assert text.count(". ") + text.count("; ") >= 1, text


@pytest.mark.parametrize("metric", ["Errors", "Throttles"])
def test_every_function_is_added_up(resources: Resources, metric: str) -> None:
    """A function that is added is watched too, by one alarm. CloudWatch adds up ten metrics."""
    found: list[str] = []
    for name in (f"Function{metric}Alarm", f"Behalf{metric}Alarm"):
        total, *parts = resources[name]["Properties"]["Metrics"]
        assert (total["Expression"], total["ReturnData"]) == ("SUM(METRICS())", True)
        assert 0 < len(parts) <= 10
        for part in parts:
            assert part["ReturnData"] is False
            each = part["MetricStat"]["Metric"]
            assert (each["Namespace"], each["MetricName"]) == ("AWS/Lambda", metric)
            (dimension,) = each["Dimensions"]
            assert dimension["Name"] == "FunctionName"
            found.append(target(dimension["Value"]))
    assert sorted(found) == sorted(of_type(resources, "AWS::Lambda::Function"))


def test_what_aws_measures_is_named_as_aws_names_it(resources: Resources) -> None:
    """Pushes by their function, 5xx by the API's only stage, ages by their queue."""
    slow = resources["CallbackSlowAlarm"]["Properties"]
    assert slow["Namespace"] == "AWS/Lambda"
    assert slow["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": "CallbackFunction"}}]
    door = resources["FrontDoorServerErrorsAlarm"]["Properties"]
    assert door["Namespace"] == "AWS/ApiGateway"
    assert door["Dimensions"] == [
        {"Name": "ApiId", "Value": {"Ref": "HttpApi"}},
        {"Name": "Stage", "Value": "$default"},
    ]
    for queue in ("Renew", "Exchange"):
        age = resources[f"{queue}QueueAgeAlarm"]["Properties"]
        assert age["Namespace"] == "AWS/SQS"
        assert age["Dimensions"] == [
            {"Name": "QueueName", "Value": {"Fn::GetAtt": [f"{queue}Queue", "QueueName"]}}
        ]


@pytest.mark.parametrize("name", ALARMS)
def test_alarms_tell_the_topic_if_there_is_one(resources: Resources, name: str) -> None:
    """Alarm and all-clear go to AlarmTopicArn; without it they go nowhere."""
    alarm = resources[name]["Properties"]
    told = {"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}
    assert alarm["AlarmActions"] == told
    assert alarm["OKActions"] == told


@pytest.mark.parametrize("name", sorted(OWN))
def test_own_metrics_carry_the_dimension_the_functions_write(
    resources: Resources, name: str
) -> None:
    """Alarm and function name a metric alike: namespace, and the service as its only dimension."""
    alarm = resources[name]["Properties"]
    for function in of_type(resources, "AWS::Lambda::Function").values():
        told = function["Environment"]["Variables"]
        assert alarm["Namespace"] == told["POWERTOOLS_METRICS_NAMESPACE"]
        assert alarm["Dimensions"] == [
            {"Name": "service", "Value": told["POWERTOOLS_SERVICE_NAME"]}
        ]


@pytest.mark.parametrize("queue", ["Renew", "Exchange", "Sweep", "Resync"])
def test_every_dead_letter_queue_is_watched(resources: Resources, queue: str) -> None:
    """A message in any dead-letter queue raises an alarm."""
    alarm = resources[f"{queue}DeadLettersAlarm"]["Properties"]
    assert alarm["Namespace"] == "AWS/SQS"
    assert alarm["Dimensions"] == [
        {"Name": "QueueName", "Value": {"Fn::GetAtt": [f"{queue}DeadLetters", "QueueName"]}}
    ]


# What is counted from the access log, whoever made it: function, time-out, or the gateway itself.
COUNTED = {
    "CallbackServerErrors": '{ ($.routeKey = "POST /wechat/events") && ($.status >= 500) }',
    "PushesThrottled": '{ ($.routeKey = "POST /wechat/*") && ($.status = 429) }',
}


def test_what_is_counted_from_the_access_log(resources: Resources) -> None:
    """Server errors of the push route, and what WeChat was turned away with: nothing else."""
    assert set(of_type(resources, "AWS::Logs::MetricFilter")) == set(COUNTED)


@pytest.mark.parametrize("name", COUNTED)
def test_an_alarm_watches_what_is_counted_from_the_access_log(
    resources: Resources, name: str
) -> None:
    """Each line that fits counts one, under the name that the alarm watches."""
    counter = resources[name]["Properties"]
    assert target(counter["LogGroupName"]) == "AccessLogs"
    assert counter["FilterPattern"] == COUNTED[name]
    (counted,) = counter["MetricTransformations"]
    alarm = resources[f"{name}Alarm"]["Properties"]
    assert counted["MetricNamespace"] == alarm["Namespace"]
    assert counted["MetricName"] == alarm["MetricName"]
    assert counted["MetricValue"] == "1"
    assert "Dimensions" not in alarm
