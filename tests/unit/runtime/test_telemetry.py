"""Logs and metrics: what is written, and what never is."""

from __future__ import annotations

import io
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from wxvault.errors import WeChatRefusedError
from wxvault.runtime import telemetry
from wxvault.runtime.redaction import redact, redact_text

if TYPE_CHECKING:
    from collections.abc import Iterator

TICKET = "ticket@@@" + "Tk-fake_" * 10 + "abcdef"
PRE_AUTH_CODE = "preauthcode@@@" + "Pc-fake_" * 10 + "abcdef"
CODE = "queryauthcode@@@" + "Cd-fake_" * 10 + "abcdef"
REFRESH_TOKEN = "refreshtoken@@@" + "Zz-fake_refresh_token_value_of_43_charactersX"
ACCESS_TOKEN = "51_" + "Ab9-fake_Token" * 11
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
APPSECRET = "0123456789abcdef0123456789abcdef"
SHAPED = [TICKET, PRE_AUTH_CODE, CODE, REFRESH_TOKEN, ACCESS_TOKEN, AES_KEY]


@dataclass(frozen=True, slots=True)
class Context:
    """What Lambda passes along."""

    function_name: str = "token"
    aws_request_id: str = "req-1"


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Return what the logger ``wxvault`` writes."""
    stream = io.StringIO()
    handler = telemetry.logger.logger_handler
    assert isinstance(handler, logging.StreamHandler)
    before = handler.setStream(stream)
    yield stream
    if before is not None:
        handler.setStream(before)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """Return the written JSON lines."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize("secret", SHAPED)
@pytest.mark.parametrize(
    "form",
    ["{}", "x={}&y", "https://api.weixin.qq.com/x?component_access_token={}", "({})", '"{}",'],
)
def test_a_value_of_secret_shape_is_masked_anywhere(secret: str, form: str) -> None:
    """Raw or percent-encoded, in a sentence or in a URL."""
    for written_as in (secret, secret.replace("@", "%40"), secret.replace("@", "%2540")):
        assert secret[-20:] not in redact_text(form.format(written_as))


@pytest.mark.parametrize("before", ["x" * 50, "a@b", "7", "1_", "%3D", "é", "ticket@@"])
def test_what_stands_before_a_secret_does_not_hide_it(before: str) -> None:
    """Letters, digits and halves of a secret may run into it without a blank."""
    for secret in (TICKET, TICKET.replace("@", "%40")):
        assert secret[-20:] not in redact_text(before + secret)


def test_a_session_id_in_a_path_is_masked() -> None:
    """Whoever has it may authorise for the tenant, so a logged path must not show it."""
    session_id = "Zk3-" + "fake_Session" * 3 + "abc"
    assert redact_text(f"GET /authorize/{session_id}/x") == "GET /authorize/***/x"


@pytest.mark.parametrize(
    "text",
    [
        "authorizer wxf8b4f85f3a794e77 renewed",
        "arn:aws:dynamodb:us-east-1:123456789012:table/wxvault-Table-1ABCDEFGHIJKL",
        "4711 of 9000, 12_000 left",
        "rid: 67a30dc9-302ecc6c-11466d6f",
        "3f2b7c1e-8f43-4f6e-9d3c-0c5b6f0a1d2e",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "谁@example.com",
        "Is it? Yes=no",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    """Appids, ARNs, hashes and ids are what a log is for."""
    assert redact_text(text) == text


@pytest.mark.parametrize(
    "name",
    [
        "access_token",
        "authorizer_refresh_token",
        "component_appsecret",
        "component_verify_ticket",
        "code",
        "auth_code",
        "pre_auth_code",
        "AuthorizationCode",
        "encoding_aes_keys",
        "Cookie",
        "msg_signature",
        "authorization",
        "SecretString",
        "session_key",
    ],
)
def test_a_value_is_masked_by_its_name(name: str) -> None:
    """What looks harmless is masked when its field says what it is, at any depth."""
    assert redact({"a": [{name: APPSECRET}]}) == {"a": [{name: "***"}]}
    assert redact({name: [APPSECRET]}) == {name: "***"}


def test_names_of_hashes_codes_and_ages_stay() -> None:
    """The log needs error codes and hashes."""
    harmless = {
        "code_sha256": "ab",
        "error_code": "x",
        "wechat_errcode": 61004,
        "ticket_age": 5,
        "access_expires_at": "soon",
        "push_secret_arn": "arn",
        "token": 5,
    }
    assert redact(harmless) == harmless


def test_anything_can_be_redacted() -> None:
    """Bytes, sets, exceptions, endless depth: always something JSON can hold."""
    deep: dict[str, Any] = {}
    deep["again"] = deep
    value = redact([b"secret", {1.5}, ValueError(TICKET), None, True, deep])
    text = json.dumps(value)
    assert "6 bytes" in text
    assert TICKET not in text


def test_the_library_logs_through_one_logger(written: io.StringIO) -> None:
    """A module's own logger ends up as a JSON line, redacted, with its fields."""
    log = logging.getLogger("wxvault.services.keeper")
    log.warning("renewal of %s", ACCESS_TOKEN, extra={"appid": "wx1", "refresh_token": "abc"})
    [line] = lines(written)
    assert line["level"] == "WARNING"
    assert line["service"] == "wxvault"
    assert line["message"] == "renewal of ***"
    assert line["appid"] == "wx1"
    assert line["refresh_token"] == "***"


def test_an_exception_is_logged_without_the_url_it_carries(written: io.StringIO) -> None:
    """Message, traceback and cause are masked; class and place stay."""

    def send() -> None:
        raise ValueError(f"url: /cgi-bin/x?component_access_token={APPSECRET}")

    def work() -> None:
        try:
            send()
        except ValueError as exc:
            raise RuntimeError(f"could not send {CODE}") from exc

    try:
        work()
    except RuntimeError as exc:
        telemetry.log_error("job failed", exc, appid="wx1")
    text = written.getvalue()
    assert APPSECRET not in text
    assert CODE not in text
    [line] = lines(written)
    assert line["exception_name"] == "RuntimeError"
    assert "test_telemetry.py" in line["exception"]
    assert line["appid"] == "wx1"


def test_an_error_of_ours_is_told_by_code_message_and_remedy(written: io.StringIO) -> None:
    """No traceback is needed for what is foreseen."""
    error = WeChatRefusedError("refused", path="/x", wechat_errcode=61004, remedy="add it")
    telemetry.log_error("renewal", error)
    [line] = lines(written)
    assert (line["error_code"], line["error"], line["remedy"], line["wechat_errcode"]) == (
        "wechat_refused",
        "refused",
        "add it",
        61004,
    )
    assert "exception" not in line


def test_every_invocation_leaves_a_line_and_its_metrics(
    written: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    """Outcome, time and request id; the metrics go out with one dimension."""

    def handler(event: str, context: Context) -> str:
        telemetry.count("Renewed")
        telemetry.count("Renewed", 2)
        telemetry.gauge("Overdue", 12.5)
        return event

    invoke = telemetry.observed(handler)
    assert invoke("a", Context()) == "a"
    assert invoke("b", Context()) == "b"
    first, second = lines(written)
    assert first["message"] == "invocation"
    assert (first["outcome"], first["cold"], second["cold"]) == ("done", True, False)
    assert (first["function"], first["request_id"]) == ("token", "req-1")
    assert first["duration_ms"] >= 0
    metrics = json.loads(capsys.readouterr().out.splitlines()[0])
    assert metrics["Renewed"] == [1.0, 2.0]
    assert metrics["Overdue"] == [12.5]
    assert metrics["service"] == "wxvault"
    described = metrics["_aws"]["CloudWatchMetrics"][0]
    assert described["Namespace"] == "wxvault"
    assert described["Dimensions"] == [["service"]]


def test_what_a_handler_raises_is_logged_and_replaced(written: io.StringIO) -> None:
    """Lambda prints the text of an exception: so it gets one without any."""

    def handler(event: object, context: object) -> None:
        raise KeyError(TICKET)

    with pytest.raises(telemetry.InvocationError) as caught:
        telemetry.observed(handler)({}, None)
    assert TICKET not in str(caught.value)
    assert caught.value.__context__ is None
    assert TICKET not in written.getvalue()
    [line] = lines(written)
    assert (line["outcome"], line["exception_name"]) == ("failed", "KeyError")


def test_other_libraries_are_quiet_and_redacted() -> None:
    """Their loggers say little, and Lambda's own handlers get it without secrets."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        telemetry.quiet_others()
        telemetry.quiet_others()
        assert len(handler.filters) == 1
        for name in ("urllib3", "botocore", "requests", "boto3"):
            logging.getLogger(name).info("GET /?access_token=%s", APPSECRET)
        assert stream.getvalue() == ""
        problem = ValueError(TICKET)
        logging.getLogger("botocore").error("/?access_token=%s", APPSECRET, exc_info=problem)
    finally:
        root.removeHandler(handler)
    assert "ValueError" in stream.getvalue()
    assert APPSECRET not in stream.getvalue()
    assert TICKET not in stream.getvalue()
