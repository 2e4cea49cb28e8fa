"""What raises an alarm, and whom it tells."""

from __future__ import annotations

from typing import Any

import pytest

from tests.template.reading import of_type, target

Resources = dict[str, dict[str, Any]]

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
    # What did not open is healed by itself, but somebody has been at the table.
    "SealBrokenAlarm": ("SealBroken", "Sum", 300, 1, "GreaterThan", 0, "notBreaching"),
    # Nothing is handed out: the one alarm that a person must act on at once.
    "SealingKeyAlarm": ("SealingKeyUnusable", "Sum", 60, 1, "GreaterThan", 0, "notBreaching"),
    "CallbackServerErrorsAlarm": (
        "CallbackServerErrors-${AWS::StackName}",
        "Sum",
        300,
        1,
        "GreaterThan",
        0,
        "notBreaching",
    ),
    **{
        f"{queue}DeadLettersAlarm": (
            # Not NumberOfMessagesSent: what SQS moves by itself is not counted there.
            "ApproximateNumberOfMessagesVisible",
            "Maximum",
            60,
            1,
            "GreaterThan",
            0,
            "notBreaching",
        )
        for queue in ("Renew", "Exchange", "Sweep")
    },
}


def test_these_are_all_alarms(resources: Resources) -> None:
    """An alarm that is added has to be described here."""
    assert set(of_type(resources, "AWS::CloudWatch::Alarm")) == set(ALARMS)


@pytest.mark.parametrize("name", ALARMS)
def test_alarm(resources: Resources, name: str) -> None:
    """An alarm watches what it says, for as long as it says, and says what missing data means."""
    alarm = resources[name]["Properties"]
    assert (
        target(alarm["MetricName"]),
        alarm["Statistic"],
        alarm["Period"],
        alarm["EvaluationPeriods"],
        alarm["ComparisonOperator"].removesuffix("Threshold"),
        alarm["Threshold"],
        alarm["TreatMissingData"],
    ) == ALARMS[name]
    assert len(alarm["AlarmDescription"]) > 40


@pytest.mark.parametrize("name", ALARMS)
def test_alarms_tell_the_topic_if_there_is_one(resources: Resources, name: str) -> None:
    """Alarm and all-clear go to AlarmTopicArn; without it they go nowhere."""
    alarm = resources[name]["Properties"]
    told = {"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}
    assert alarm["AlarmActions"] == told
    assert alarm["OKActions"] == told


@pytest.mark.parametrize(
    "name", ["NoTicketAlarm", "OverdueAuthorizersAlarm", "SealBrokenAlarm", "SealingKeyAlarm"]
)
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


@pytest.mark.parametrize("queue", ["Renew", "Exchange", "Sweep"])
def test_every_dead_letter_queue_is_watched(resources: Resources, queue: str) -> None:
    """A message in any dead-letter queue raises an alarm."""
    alarm = resources[f"{queue}DeadLettersAlarm"]["Properties"]
    assert alarm["Namespace"] == "AWS/SQS"
    assert alarm["Dimensions"] == [
        {"Name": "QueueName", "Value": {"Fn::GetAtt": [f"{queue}DeadLetters", "QueueName"]}}
    ]


def test_server_errors_of_the_callback_are_counted_from_the_access_log(
    resources: Resources,
) -> None:
    """The metric counts 5xx of the push route, whoever made them: function, time-out, gateway."""
    (counter,) = of_type(resources, "AWS::Logs::MetricFilter").values()
    assert target(counter["LogGroupName"]) == "AccessLogs"
    assert counter["FilterPattern"] == (
        '{ ($.routeKey = "POST /wechat/events") && ($.status >= 500) }'
    )
    (counted,) = counter["MetricTransformations"]
    alarm = resources["CallbackServerErrorsAlarm"]["Properties"]
    assert counted["MetricNamespace"] == alarm["Namespace"]
    assert counted["MetricName"] == alarm["MetricName"]
    assert counted["MetricValue"] == "1"
    assert "Dimensions" not in alarm
