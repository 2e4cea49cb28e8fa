"""What a refused call is told with: everything but its secrets, however it was written."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from wxvault.wechat.rid_answers import SECRET_WORDS, without_secrets

APPSECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
SHORT = "s3cr-et/+="
FIELDS = (
    "component_appsecret",
    "component_secret",
    "appsecret",
    "secret",
    "AppSecret",
    "component_verify_ticket",
    "ComponentVerifyTicket",
    "ticket",
    "access_token",
    "component_access_token",
    "authorizer_access_token",
    "authorizer_refresh_token",
    "refresh_token",
    "token",
    "pre_auth_code",
    "authorization_code",
    "AuthorizationCode",
    "auth_code",
    "js_code",
    "code",
    "session_key",
    "session-key",
    "EncodingAESKey",
    "encoding_aes_key",
    "password",
)


def answer(**request: Any) -> dict[str, Any]:
    """Return WeChat's answer about a call."""
    plain = {"invoke_time": 1_800_000_000, "cost_in_ms": 30, "client_ip": "203.0.113.7"}
    return {"errcode": 0, "errmsg": "ok", "request": {**plain, **request}}


def written(body: Any) -> list[Any]:
    """Return a body in every form in which WeChat may repeat it."""
    text = json.dumps(body)
    return [
        body,
        text,
        json.dumps(body, indent=2),
        json.dumps([text]),
        json.dumps({"body": text}),
        json.dumps({"a": json.dumps({"b": text})}),
        urlencode(body),
        urlencode({"data": text}),
        urlencode({"data": urlencode(body)}),
        urlencode({"u": f"https://a.example/x?{urlencode(body)}"}),
        json.dumps({"u": f"https://a.example/x?{urlencode(body)}"}),
    ]


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("place", ["request_body", "response_body", "request_url", "news"])
def test_a_field_of_a_secret_name_is_masked_in_every_form(name: str, place: str) -> None:
    """JSON, JSON in JSON, forms, queries and each in the other, in whatever field it stands."""
    for body in written({"appid": "wx0123456789abcdef", name: SHORT}):
        value = f"/cgi-bin/x?{body}" if place == "request_url" and isinstance(body, str) else body
        told = json.dumps(without_secrets(answer(**{place: value})))
        for form in (SHORT, quote(SHORT, safe=""), quote(SHORT), json.dumps(SHORT)[1:-1]):
            assert form not in told, (value, told)


@pytest.mark.parametrize("value", ["AbCd1234==", "k=v", "https://a.example/?b=c", "plain"])
def test_a_field_of_the_request_itself_may_be_a_secret(value: str) -> None:
    """WeChat may add fields; their names decide, whatever their values look like."""
    shown = without_secrets(answer(component_access_token=value, request_body=""))
    assert shown["request"]["component_access_token"] == "***"


@pytest.mark.parametrize(
    "text",
    [
        f'{{"access_token":"{SHORT}"',
        f"access_token%3D{SHORT}",
        f"https://x.example/z?access%5Ftoken={SHORT}",
        f"<access_token>{SHORT}</access_token>",
    ],
)
@pytest.mark.parametrize("place", ["request_body", "response_body"])
def test_a_text_within_that_cannot_be_read_is_left_out(place: str, text: str) -> None:
    """The body around it is shown all the same."""
    shown = json.dumps(without_secrets(answer(**{place: json.dumps({"about": "x", "data": text})})))
    assert SHORT not in shown
    assert "about" in shown


def test_every_word_of_the_list_is_needed() -> None:
    """Each word hides a field that no other word would hide."""
    assert {
        word
        for word in SECRET_WORDS
        if any(
            [one for one in SECRET_WORDS if one in "".join(filter(str.isalpha, name.lower()))]
            == [word]
            for name in FIELDS
        )
    } == set(SECRET_WORDS)


def test_what_people_look_for_stays() -> None:
    """Time, address, path, what was asked and what was answered."""
    told = without_secrets(
        answer(
            request_url="/cgi-bin/component/api_component_token?lang=zh_CN",
            request_body=json.dumps({"component_appid": "wx0123456789abcdef", "nick": "示例"}),
            response_body='{"errcode":61004,"errmsg":"access clientip requestIP: 203.0.113.7"}',
        )
    )
    request = told["request"]
    assert request["client_ip"] == "203.0.113.7"
    assert request["request_url"] == "/cgi-bin/component/api_component_token?lang=zh_CN"
    assert json.loads(request["request_body"])["nick"] == "示例"
    said = {"errcode": 61004, "errmsg": "access clientip requestIP: 203.0.113.7"}
    assert json.loads(request["response_body"]) == said
    form = "appid=wx0123456789abcdef&name=%E7%A4%BA&n=1"
    assert without_secrets(answer(request_body=form))["request"]["request_body"] == form
    assert without_secrets(answer(request_body=""))["request"]["request_body"] == ""


@pytest.mark.parametrize(
    "body",
    [
        f'{{"component_appid":"wx0123456789abcdef","component_appsecret":"{SHORT}',
        f'"{SHORT}"',
        SHORT,
        f"<xml><AppSecret>{SHORT}</AppSecret></xml>",
        f'--x\r\nContent-Disposition: form-data; name="secret"\r\n\r\n{SHORT}\r\n--x--',
        quote(json.dumps({"secret": SHORT}), safe=""),
        quote(quote(f"secret={SHORT}", safe=""), safe=""),
        json.dumps({"component_appsecret": SHORT}).encode("utf-16-le").decode("latin-1"),
        f"data={quote(quote(f'secret={SHORT}', safe=''), safe='')}",
        "[" * 100_000,
        '{"a":' * 200 + f'"{SHORT}"' + "}" * 200,
    ],
    ids=lambda body: body[:30],
)
@pytest.mark.parametrize("place", ["request_body", "response_body", "request_url", "news"])
def test_what_cannot_be_read_is_left_out(place: str, body: str) -> None:
    """A body that was cut off, of another form, or written in too many layers."""
    told = without_secrets(answer(**{place: body}))["request"][place]
    assert SHORT not in told
    assert "***" in told


@pytest.mark.parametrize(
    "text",
    [f"invalid secret {APPSECRET}!", f"secret={SHORT} hint: [x]", f"secret: {SHORT}, try again"],
)
def test_a_sentence_hides_what_looks_or_is_named_like_a_secret(text: str) -> None:
    """An AppSecret is 32 hexadecimal digits wherever it stands; a name may stand before a value."""
    for told in (
        without_secrets({"errcode": 76001, "errmsg": text}),
        without_secrets(answer(response_body=json.dumps({"errcode": 1, "errmsg": text}))),
        without_secrets({"request": text}),
        without_secrets(answer(request_body={"list": [{"x": [text]}]})),
    ):
        shown = json.dumps(told)
        assert "***" in shown
        assert APPSECRET not in shown
        assert SHORT not in shown


def test_four_mib_are_read_in_time() -> None:
    """No text of the caller's makes the function think for long."""
    for text in ("a" * (1 << 22), "a=" * (1 << 21), "a=b&" * (1 << 18), "x.-" * (1 << 20)):
        without_secrets(answer(request_body=text, news=json.dumps({"a": text})))
