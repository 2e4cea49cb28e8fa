"""What every function is given: runtime, alias, log, layers, environment, network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.template import translation
from tests.template.reading import of_type, target

Resources = dict[str, dict[str, Any]]

ROOT = translation.TEMPLATE.parent

COMMON = {
    "WXVAULT_COMPONENT_APPID": "ComponentAppid",
    "WXVAULT_TABLE_NAME": "Table",
    "WXVAULT_SEALING_KEY_ARN": "SealingKey.Arn",
    "WXVAULT_OVERLAP_SECONDS": "OverlapSeconds",
    "WXVAULT_REVOKED_RETENTION_DAYS": "RevokedRetentionDays",
    "POWERTOOLS_SERVICE_NAME": "AWS::StackName",
    "POWERTOOLS_METRICS_NAMESPACE": "wxvault",
    "POWERTOOLS_LOG_LEVEL": "LogLevel",
    "POWERTOOLS_LOGGER_LOG_EVENT": "false",
}
OWN = {
    "PUBLIC_BASE_URL": "PublicBaseUrl",
    "RETURN_URLS": "ReturnUrls",
    "PUSH_SECRET_ARN": "PushSecretArn",
    "PUSH_MAX_AGE_SECONDS": "PushMaxAgeSeconds",
    "APP_SECRET_ARN": "AppSecretArn",
    "WECHAT_API_BASE": "WeChatApiBase",
    "WECHAT_PC_PAGE_BASE": "WeChatPcPageBase",
    "WECHAT_H5_PAGE_BASE": "WeChatH5PageBase",
    "RENEW_QUEUE_URL": "RenewQueue",
    "EXCHANGE_QUEUE_URL": "ExchangeQueue",
    "RENEW_FUNCTION": "RenewFunctionAliaslive",
    "RESYNC_FUNCTION": "ResyncFunctionAliaslive",
    "EVENT_BUS_NAME": "EventBus",
    "EGRESS_ADDRESS": "EgressAddress",
    "RENEW_DEAD_LETTERS_URL": "RenewDeadLetters",
    "EXCHANGE_DEAD_LETTERS_URL": "ExchangeDeadLetters",
    "SWEEP_DEAD_LETTERS_URL": "SweepDeadLetters",
    "RESYNC_DEAD_LETTERS_URL": "ResyncDeadLetters",
    "RESPONDER_FUNCTION_ARN": "ResponderFunctionArn",
}
OF_THE_STATUS = """
    PUBLIC_BASE_URL EGRESS_ADDRESS RENEW_QUEUE_URL EXCHANGE_QUEUE_URL
    RENEW_DEAD_LETTERS_URL EXCHANGE_DEAD_LETTERS_URL SWEEP_DEAD_LETTERS_URL
    RESYNC_DEAD_LETTERS_URL
"""
# function: (folder, handler, seconds, what it is told beside COMMON)
FUNCTIONS: dict[str, tuple[str, str, int, str]] = {
    "Callback": (
        "callback",
        "app.handler",
        4,
        "PUSH_SECRET_ARN PUSH_MAX_AGE_SECONDS RENEW_QUEUE_URL EXCHANGE_QUEUE_URL EVENT_BUS_NAME",
    ),
    "Message": (
        "message",
        "app.handler",
        5,
        (
            "PUSH_SECRET_ARN PUSH_MAX_AGE_SECONDS RENEW_QUEUE_URL EXCHANGE_QUEUE_URL"
            " EVENT_BUS_NAME RESPONDER_FUNCTION_ARN"
        ),
    ),
    "Sessions": (
        "auth_url",
        "sessions.handler",
        12,
        "PUBLIC_BASE_URL RETURN_URLS WECHAT_API_BASE RENEW_FUNCTION",
    ),
    "Launch": (
        "auth_url",
        "launch.handler",
        12,
        "PUBLIC_BASE_URL WECHAT_API_BASE WECHAT_PC_PAGE_BASE WECHAT_H5_PAGE_BASE RENEW_FUNCTION",
    ),
    "Landing": (
        "exchange",
        "landing.handler",
        10,
        "PUBLIC_BASE_URL RETURN_URLS EXCHANGE_QUEUE_URL",
    ),
    "ExchangeWorker": (
        "exchange",
        "worker.handler",
        25,
        "WECHAT_API_BASE RENEW_FUNCTION RESYNC_FUNCTION EXCHANGE_QUEUE_URL EVENT_BUS_NAME",
    ),
    "Sweep": (
        "refresh",
        "sweep.handler",
        55,
        "RENEW_QUEUE_URL EXCHANGE_QUEUE_URL RENEW_FUNCTION EVENT_BUS_NAME",
    ),
    "Renew": (
        "refresh",
        "renew.handler",
        25,
        "APP_SECRET_ARN WECHAT_API_BASE EVENT_BUS_NAME",
    ),
    "Resync": (
        "accounts",
        "resync.handler",
        900,
        "WECHAT_API_BASE RENEW_QUEUE_URL RENEW_FUNCTION EVENT_BUS_NAME",
    ),
    "Token": ("token", "app.handler", 12, "RENEW_FUNCTION"),
    "Accounts": (
        "accounts",
        "accounts.handler",
        29,
        f"WECHAT_API_BASE RENEW_FUNCTION EVENT_BUS_NAME {OF_THE_STATUS}",
    ),
    "Call": (
        "call",
        "app.handler",
        29,
        "WECHAT_API_BASE WECHAT_H5_PAGE_BASE RENEW_FUNCTION",
    ),
}
CALL_WECHAT = {"Sessions", "Launch", "ExchangeWorker", "Renew", "Accounts", "Call", "Resync"}


@pytest.fixture(name="function", params=FUNCTIONS)
def _function(request: pytest.FixtureRequest) -> str:
    """Return each function's name in turn."""
    name: str = request.param
    return name


def test_these_are_all_functions(resources: Resources) -> None:
    """A function that is added has to be described here."""
    functions = of_type(resources, "AWS::Lambda::Function")
    assert set(functions) == {f"{name}Function" for name in FUNCTIONS}


def test_code_and_time(resources: Resources, function: str) -> None:
    """The handler exists where the template says, and has the time that the house gives it."""
    folder, handler, seconds, _ = FUNCTIONS[function]
    properties = resources[f"{function}Function"]["Properties"]
    assert properties["Code"]["S3Key"] == f"functions/{folder}"
    assert properties["Handler"] == handler
    assert properties["Timeout"] == seconds
    assert Path(ROOT, "functions", folder, f"{handler.partition('.')[0]}.py").is_file()


def test_runtime(resources: Resources, function: str) -> None:
    """Python 3.13 on the chosen processor; no tracing, and no concurrency set aside."""
    properties = resources[f"{function}Function"]["Properties"]
    assert properties["Runtime"] == "python3.13"
    assert properties["Architectures"] == [{"Ref": "Architecture"}]
    assert properties["MemorySize"] == 512
    assert "TracingConfig" not in properties
    assert "ReservedConcurrentExecutions" not in properties
    layers = [target(layer) for layer in properties["Layers"]]
    assert [resources[layer]["Properties"]["Content"]["S3Key"] for layer in layers] == [
        "layers/dependencies",
        "layers/wxvault",
    ]


def test_callers_use_an_alias_that_follows_every_change(
    resources: Resources, function: str
) -> None:
    """The alias points to a version that any change, of the environment too, makes anew."""
    alias = resources[f"{function}FunctionAliaslive"]["Properties"]
    assert alias["Name"] == "live"
    version = alias["FunctionVersion"]["Fn::GetAtt"][0]
    assert target(resources[version]["Properties"]["FunctionName"]) == f"{function}Function"
    source = translation.source()["Resources"][f"{function}Function"]["Properties"]
    assert source["AutoPublishAliasAllProperties"] is True


def test_log(resources: Resources, function: str) -> None:
    """Each function writes JSON to a log group of its own that forgets after thirty days."""
    logging = resources[f"{function}Function"]["Properties"]["LoggingConfig"]
    assert logging == {
        "LogFormat": "JSON",
        "ApplicationLogLevel": {"Ref": "LogLevel"},
        "SystemLogLevel": "WARN",
        "LogGroup": {"Ref": f"{function}Logs"},
    }
    assert resources[f"{function}Logs"]["Properties"]["RetentionInDays"] == 30


def test_every_log_group_forgets(resources: Resources) -> None:
    """The access log too: nothing is kept for ever."""
    groups = of_type(resources, "AWS::Logs::LogGroup")
    assert set(groups) == {f"{name}Logs" for name in FUNCTIONS} | {"AccessLogs"}
    assert all(group["RetentionInDays"] == 30 for group in groups.values())


def test_environment(resources: Resources, function: str) -> None:
    """A function is told what it needs and no more."""
    variables = resources[f"{function}Function"]["Properties"]["Environment"]["Variables"]
    *_, own = FUNCTIONS[function]
    expected = COMMON | {f"WXVAULT_{name}": OWN[name] for name in own.split()}
    assert {name: target(value) for name, value in variables.items()} == expected


# What the things are called that a function is told of, on a machine without any of them.
SAMPLES = {
    "ComponentAppid": "wx0123456789abcdef",
    "Table": "wxvault-table",
    "SealingKey.Arn": "arn:aws:kms:us-east-1:123456789012:key/0a1b",
    "OverlapSeconds": "300",
    "RevokedRetentionDays": "30",
    "LogLevel": "INFO",
    "PublicBaseUrl": "https://auth.example.com",
    "ReturnUrls": "",
    "PushSecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:push-AbC123",
    "PushMaxAgeSeconds": "3600",
    "AppSecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:app-AbC123",
    "WeChatApiBase": "https://api.weixin.qq.com",
    "WeChatPcPageBase": "https://mp.weixin.qq.com",
    "WeChatH5PageBase": "https://open.weixin.qq.com",
    "RenewQueue": "https://sqs.us-east-1.amazonaws.com/123456789012/renew",
    "ExchangeQueue": "https://sqs.us-east-1.amazonaws.com/123456789012/exchange",
    "RenewFunctionAliaslive": "arn:aws:lambda:us-east-1:123456789012:function:renew:live",
    "EventBus": "wxvault",
    "ResponderFunctionArn": "",
}
ON_LAMBDA = {
    "AWS_LAMBDA_FUNCTION_NAME": "wxvault",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "PYTHONPATH": str(ROOT / "layers" / "wxvault" / "python"),
    "PYTHONDONTWRITEBYTECODE": "1",
    "PATH": os.environ["PATH"],
}


def test_what_a_function_is_told_is_enough(resources: Resources, function: str) -> None:
    """With the variables of the template, and no others, the function puts itself together."""
    folder, handler, *_ = FUNCTIONS[function]
    variables = resources[f"{function}Function"]["Properties"]["Environment"]["Variables"]
    told = {name: SAMPLES.get(target(value), target(value)) for name, value in variables.items()}
    module, _, name = handler.partition(".")
    started = subprocess.run(
        [sys.executable, "-c", f"import {module}; assert callable({module}.{name})"],
        cwd=ROOT / "functions" / folder,
        env=ON_LAMBDA | told,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert started.returncode == 0, started.stderr


def test_network(resources: Resources, function: str) -> None:
    """Only functions that call WeChat live in the VPC, if there is one."""
    found = resources[f"{function}Function"]["Properties"].get("VpcConfig")
    if function not in CALL_WECHAT:
        assert found is None
        return
    assert found == {
        "Fn::If": [
            "HasVpc",
            {
                "SecurityGroupIds": {
                    "Fn::If": [
                        "OwnsVpc",
                        [{"Ref": "EgressSecurityGroup"}],
                        {"Ref": "SecurityGroupIds"},
                    ]
                },
                "SubnetIds": {
                    "Fn::If": [
                        "OwnsVpc",
                        [{"Ref": "PrivateSubnetA"}, {"Ref": "PrivateSubnetB"}],
                        {"Ref": "SubnetIds"},
                    ]
                },
            },
            {"Ref": "AWS::NoValue"},
        ]
    }


def test_layers_are_built_by_make() -> None:
    """Both layers are built by their Makefile, which puts bytecode beside the sources."""
    for name in ("DependenciesLayer", "WxvaultLayer"):
        layer = translation.source()["Resources"][name]
        assert layer["Metadata"]["BuildMethod"] == "makefile"
        makefile = Path(ROOT, layer["Properties"]["ContentUri"], "Makefile").read_text("utf-8")
        assert f"\nbuild-{name}:\n" in makefile
        assert "compileall" in makefile
        assert "unchecked-hash" in makefile
