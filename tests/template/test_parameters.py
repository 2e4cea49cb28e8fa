"""What a person may answer when deploying, and what the stack tells them afterwards."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.template import translation
from tests.template.reading import strings, target

PARAMETERS = {
    "ComponentAppid",
    "PublicBaseUrl",
    "DomainName",
    "CertificateArn",
    "HostedZoneId",
    "PushSecretArn",
    "AppSecretArn",
    "ReturnUrls",
    "Egress",
    "SubnetIds",
    "SecurityGroupIds",
    "WeChatApiBase",
    "WeChatPcPageBase",
    "WeChatH5PageBase",
    "RenewConcurrency",
    "ResponderFunctionArn",
    "SweepMinutes",
    "OverlapSeconds",
    "PushMaxAgeSeconds",
    "RevokedRetentionDays",
    "MessageArchiveDays",
    "AlarmTopicArn",
    "Architecture",
    "LogLevel",
}

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:wxvault/push-AbC123"
CHINESE_SECRET = "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:push-AbC123"
LOCAL = ["http://localhost:8000", "http://127.0.0.1:8000", "http://127.0.0.1", "http://[::1]:80"]
NOT_A_BASE = [
    "",
    "auth.example.com",
    "ftp://auth.example.com",
    "http://auth.example.com",
    "http://localhost.example.com",
    "http://127.0.0.1.example.com",
    "http://127.0.0.1@example.com",
    "https://user@auth.example.com",
    "https://auth.example.com/",
    "https://auth.example.com/path",
    "https://auth.example.com?x=1",
    "https://auth.example.com#x",
    "https://auth.example.com\\@evil.example",
    "https://auth.example.com ",
    "https://",
]
ACCEPTED = {
    "ComponentAppid": ["wx0123456789abcdef"],
    "PublicBaseUrl": ["https://auth.example.com", "https://auth.example.com:8443", *LOCAL],
    "PushSecretArn": [SECRET, CHINESE_SECRET],
    "AppSecretArn": [SECRET, CHINESE_SECRET],
    "ReturnUrls": [
        "",
        "https://app.example.com",
        "https://app.example.com/wechat/",
        "https://app.example.com/a,https://other.example.com:8443/b",
        "http://localhost:3000/a,http://127.0.0.1/b",
    ],
    "DomainName": ["", "auth.example.com"],
    "CertificateArn": ["", "arn:aws:acm:us-east-1:123456789012:certificate/0a1b"],
    "HostedZoneId": ["", "Z0123456789ABCDEFGHIJ"],
    "ResponderFunctionArn": [
        "",
        "arn:aws:lambda:us-east-1:123456789012:function:responder",
        "arn:aws-cn:lambda:cn-north-1:123456789012:function:my_Responder-2:live",
    ],
    "AlarmTopicArn": ["", "arn:aws-cn:sns:cn-north-1:123456789012:alarms"],
    "WeChatApiBase": ["https://api.weixin.qq.com", *LOCAL],
    "WeChatPcPageBase": ["https://mp.weixin.qq.com", *LOCAL],
    "WeChatH5PageBase": ["https://open.weixin.qq.com", *LOCAL],
}
NOT_WECHAT = [
    *NOT_A_BASE,
    "https://auth.example.com",
    "https://localhost:8000",
    "https://api.weixin.qq.com.example.com",
    "https://api.weixin.qq.com:8443",
    "http://api.weixin.qq.com",
    "https://apixweixin.qq.com",
]
REFUSED = {
    "ComponentAppid": ["", "wx0123456789ABCDEF", "wx0123456789abcde", "gh_0123456789ab"],
    "PublicBaseUrl": NOT_A_BASE,
    "PushSecretArn": ["", "wxvault/push", SECRET.removesuffix("-AbC123")],
    "AppSecretArn": ["", "wxvault/app", SECRET.removesuffix("-AbC123")],
    "ReturnUrls": [
        "http://app.example.com",
        "http://localhost.example.com",
        "https://user@app.example.com",
        "https://app.example.com\\@evil.example",
        "https://app.example.com/a?b=c",
        "https://app.example.com/a#b",
        "https://app.example.com, https://other.example.com",
        "https://app.example.com,",
        ",https://app.example.com",
        "https://app.example.com,javascript:x",
        "javascript:alert(1)",
    ],
    "DomainName": ["https://auth.example.com", "auth.example.com/", "-auth.example.com"],
    "CertificateArn": ["certificate/0a1b"],
    "HostedZoneId": ["/hostedzone/Z0123456789"],
    "ResponderFunctionArn": ["responder", "arn:aws:lambda:us-east-1:123456789012:function:*"],
    "AlarmTopicArn": ["alarms"],
    "WeChatApiBase": NOT_WECHAT,
    "WeChatPcPageBase": NOT_WECHAT,
    "WeChatH5PageBase": NOT_WECHAT,
}
CASES = [
    (name, value, expected)
    for table, expected in ((ACCEPTED, True), (REFUSED, False))
    for name, values in table.items()
    for value in values
]


@pytest.fixture(name="parameters", scope="module")
def _parameters() -> dict[str, dict[str, Any]]:
    """Return the parameters as written."""
    found: dict[str, dict[str, Any]] = translation.source()["Parameters"]
    return found


def test_these_are_all_parameters(parameters: dict[str, Any]) -> None:
    """Every parameter has a word of explanation and a place in the list of questions."""
    assert set(parameters) == PARAMETERS
    assert all(parameter["Description"] for parameter in parameters.values())
    groups = translation.source()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    asked = [name for group in groups for name in group["Parameters"]]
    assert sorted(asked) == sorted(PARAMETERS)


def test_every_parameter_has_an_effect(template: dict[str, Any]) -> None:
    """No parameter is asked for in vain (Rules count: they are what a value is checked against)."""
    used = {
        name
        for part in ("Conditions", "Resources", "Outputs")
        for text in strings(template[part])
        for name in [text, *re.findall(r"\$\{(\w+)\}", text)]
    }
    assert used >= PARAMETERS


@pytest.mark.parametrize(("name", "value", "expected"), CASES)
def test_patterns(
    parameters: dict[str, dict[str, Any]], name: str, value: str, *, expected: bool
) -> None:
    """A parameter accepts what works and refuses what looks like it, before anything is made."""
    assert bool(re.fullmatch(parameters[name]["AllowedPattern"], value)) is expected


def test_a_refusal_says_in_words_what_is_wanted(parameters: dict[str, dict[str, Any]]) -> None:
    """Nobody has to read a regular expression to learn what to answer."""
    for name, parameter in parameters.items():
        if {"AllowedPattern", "MinValue"} & set(parameter):
            assert parameter["ConstraintDescription"].startswith(("Give ", "This is ")), name


def test_limits_of_the_numbers(parameters: dict[str, dict[str, Any]]) -> None:
    """Defaults and limits are the house's numbers."""
    numbers = {
        name: (one["Default"], one["MinValue"], one["MaxValue"])
        for name, one in parameters.items()
        if one["Type"] == "Number"
    }
    assert numbers == {
        # SQS event sources accept 2 to 1000.
        "RenewConcurrency": (4, 2, 1000),
        # Overdue authorizers are watched in steps of five minutes.
        "SweepMinutes": (1, 1, 5),
        "OverlapSeconds": (300, 120, 300),
        "PushMaxAgeSeconds": (3600, 0, 604800),
        "RevokedRetentionDays": (30, 1, 3650),
        "MessageArchiveDays": (0, 0, 3650),
    }


def test_no_parameter_holds_a_secret(parameters: dict[str, dict[str, Any]]) -> None:
    """Secrets come by the ARN of a secret: parameters can be read by anyone who sees the stack."""
    assert not [name for name in parameters if re.search("Secret(?!Arn)|Token|Key", name)]


def test_parameters_that_need_each_other(template: dict[str, Any]) -> None:
    """A domain needs its certificate, a record its domain, egress by subnets the subnets."""
    rules = template["Rules"]
    asked = {
        name: [assertion["Assert"] for assertion in rule["Assertions"]]
        for name, rule in rules.items()
    }
    assert asked == {
        "DomainNeedsCertificate": [given("CertificateArn")],
        "RecordNeedsDomain": [given("DomainName")],
        "SubnetsAreNamed": [listed("SubnetIds"), listed("SecurityGroupIds")],
    }
    assert rules["SubnetsAreNamed"]["RuleCondition"] == {
        "Fn::Equals": [{"Ref": "Egress"}, "subnets"]
    }
    assert rules["DomainNeedsCertificate"]["RuleCondition"] == given("DomainName")
    assert rules["RecordNeedsDomain"]["RuleCondition"] == given("HostedZoneId")


def given(name: str) -> dict[str, Any]:
    """Return the condition that a parameter is not empty."""
    return {"Fn::Not": [{"Fn::Equals": [{"Ref": name}, ""]}]}


def listed(name: str) -> dict[str, Any]:
    """Return the condition that a list parameter is not empty."""
    return {"Fn::Not": [{"Fn::Contains": [{"Ref": name}, ""]}]}


def test_outputs_name_what_to_paste_where(template: dict[str, Any]) -> None:
    """For every field of WeChat's console there is an output with the field's own name."""
    fields = {
        "EventsUrl": ("授权事件接收URL", "${PublicBaseUrl}/wechat/events"),
        "MessagesUrl": ("消息与事件接收URL", "${PublicBaseUrl}/wechat/$APPID$/messages"),
        "EgressIp": ("白名单IP", "EgressAddress"),
    }
    outputs = template["Outputs"]
    for name, (field, value) in fields.items():
        assert field in outputs[name]["Description"]
        assert target(outputs[name]["Value"]) == value
    assert outputs["EgressIp"]["Condition"] == "OwnsVpc"
    assert "授权发起页域名" in outputs["StartPageDomain"]["Description"]
    # The host: what stands between the slashes, up to the port.
    url = {"Fn::Split": ["/", {"Ref": "PublicBaseUrl"}]}
    host = {"Fn::Split": [":", {"Fn::Select": [2, url]}]}
    assert outputs["StartPageDomain"]["Value"] == {"Fn::Select": [0, host]}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TokenFunction", "TokenFunctionAliaslive"),
        ("SessionsFunction", "SessionsFunctionAliaslive"),
        ("AccountsFunction", "AccountsFunctionAliaslive"),
        ("RenewFunction", "RenewFunctionAliaslive"),
        ("SweepFunction", "SweepFunctionAliaslive"),
        ("ApiEndpoint", "HttpApi.ApiEndpoint"),
        ("ApiId", "HttpApi"),
        ("EventBusName", "EventBus"),
        ("TableName", "Table"),
        ("SealingKeyArn", "SealingKey.Arn"),
        ("RenewQueueUrl", "RenewQueue"),
        ("ExchangeQueueUrl", "ExchangeQueue"),
        ("TrustedCallerPolicyArn", "TrustedCallerPolicy"),
        ("SingleAppidCallerPolicyArn", "SingleAppidCallerPolicy"),
        ("SingleTenantCallerPolicyArn", "SingleTenantCallerPolicy"),
    ],
)
def test_outputs_for_callers(template: dict[str, Any], name: str, value: str) -> None:
    """What callers, policies and a person with a question need is an output."""
    output = template["Outputs"][name]
    assert output["Description"]
    assert target(output["Value"]) == value


def test_the_template_works_in_every_partition(template: dict[str, Any]) -> None:
    """No ARN and no host is tied to one partition; China's regions are another one."""
    for part in ("Resources", "Outputs", "Conditions", "Rules"):
        for text in strings(template[part]):
            assert "arn:aws" not in text
            assert "amazonaws.com.cn" not in text
            if "amazonaws.com" in text:
                # Service principals of these are the same in every partition.
                assert text in {
                    "lambda.amazonaws.com",
                    "scheduler.amazonaws.com",
                    "apigateway.amazonaws.com",
                }
