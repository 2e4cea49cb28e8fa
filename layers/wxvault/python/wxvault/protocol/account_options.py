"""The three options of an account that a platform may read and set (选项), and their values.

Page: openApi/authorization-management/api_getauthorizeroptioninfo and api_setauthorizeroptioninfo.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wxvault.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

_OFF_ON: Final = {"0": ("off", "关闭"), "1": ("on", "开启")}

OPTIONS: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "location_report": {
        "0": ("never", "无上报"),
        "1": ("when a conversation is entered", "进入会话时上报"),
        "2": ("every five seconds", "每5s上报"),
    },
    "voice_recognize": _OFF_ON,
    "customer_service": _OFF_ON,
}
"""By name, what each value means in English and Chinese."""


def check_name(name: object) -> str:
    """Return the name of an option.

    Raises:
        InvalidRequestError: there is no option of this name.
    """
    if not isinstance(name, str) or name not in OPTIONS:
        raise InvalidRequestError("option_name", f"must be one of {', '.join(OPTIONS)}")
    return name


def check_value(name: str, value: object) -> str:
    """Return a value that this option can have, as WeChat wants it: a text.

    Raises:
        InvalidRequestError: it is none.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or value not in OPTIONS[name]:
        known = ", ".join(f'"{one}" ({words[0]})' for one, words in OPTIONS[name].items())
        raise InvalidRequestError("option_value", f"of {name} must be one of {known}")
    return value


def value_words(name: str, value: str) -> tuple[str, str]:
    """Return what a value means in English and Chinese; an unknown one stands for itself."""
    return OPTIONS[name].get(value, (value, value))
