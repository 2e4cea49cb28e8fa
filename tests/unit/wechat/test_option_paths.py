"""The paths of the options: which token goes where, and both appids in every body."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.wechat.test_component_api import (
    ACCESS_TOKEN,
    AUTHORIZER,
    COMPONENT,
    COMPONENT_TOKEN,
    api,
)
from wxvault.errors import WeChatUnknownError

BODY = {
    "component_appid": COMPONENT,
    "authorizer_appid": AUTHORIZER,
    "option_name": "voice_recognize",
}


def test_the_current_paths_take_the_authorizers_token() -> None:
    """Read and set, with all ids whichever of WeChat's pages is right about them."""
    component, http = api({"option_name": "voice_recognize", "option_value": "1"})
    assert component.option(COMPONENT, ACCESS_TOKEN, AUTHORIZER, "voice_recognize") == "1"
    component.set_option(COMPONENT, ACCESS_TOKEN, AUTHORIZER, "voice_recognize", "0")
    query = {"access_token": ACCESS_TOKEN}
    assert http.sent == [
        ("/cgi-bin/component/get_authorizer_option", query, BODY),
        ("/cgi-bin/component/set_authorizer_option", query, BODY | {"option_value": "0"}),
    ]


def test_the_old_paths_take_the_component_token() -> None:
    """The same bodies, as the old pages want them."""
    component, http = api({"option_name": "voice_recognize", "option_value": "1"})
    assert component.old_option(COMPONENT, COMPONENT_TOKEN, AUTHORIZER, "voice_recognize") == "1"
    component.set_old_option(COMPONENT, COMPONENT_TOKEN, AUTHORIZER, "voice_recognize", "0")
    query = {"component_access_token": COMPONENT_TOKEN}
    assert http.sent == [
        ("/cgi-bin/component/api_get_authorizer_option", query, BODY),
        ("/cgi-bin/component/api_set_authorizer_option", query, BODY | {"option_value": "0"}),
    ]


@pytest.mark.parametrize("value", ["0", 2, "new_value"])
def test_a_value_is_text(value: object) -> None:
    """WeChat may send a number; one that nobody knows is passed on."""
    component, _ = api({"option_value": value})
    assert component.option(COMPONENT, ACCESS_TOKEN, AUTHORIZER, "x") == str(value)


@pytest.mark.parametrize("answer", [{}, {"option_value": None}, {"option_value": "a b\n"}])
def test_an_answer_without_a_value_is_none(answer: dict[str, Any]) -> None:
    """What the option is, is unknown then."""
    component, _ = api(answer)
    with pytest.raises(WeChatUnknownError, match="option_value"):
        component.option(COMPONENT, ACCESS_TOKEN, AUTHORIZER, "x")
