"""WeChat's token rules as short scripts: both models of WeChat have to follow them, word by word.

A script is a list of lines, an expectation is what each of them brings: values are named in the
order in which they first appear (``A1`` an access token, ``R1`` a refresh token, ``K1`` a component
token, ``C1`` a code), a refusal is its errcode, ``yes`` and ``no`` say whether WeChat honours a
token. Lines that bring nothing are expected to bring an empty text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

SecondExchange = Literal["refused", "new", "same"]

LIFE: Final = 7200
OVERLAP: Final = 300
CODE_LIFE: Final = 3600
OTHER: Final = "wx00000000000000b2"
ONE: Final = "wx00000000000000a1"
_APPIDS: Final = {"one": ONE, "other": OTHER}


class Model(Protocol):
    """A model of WeChat. Every call brings values by kind (A, R, K), or an errcode."""

    def wait(self, seconds: float) -> None:
        """Let time pass."""

    def confirm(self, appid: str) -> str:
        """A merchant confirms: return the code."""

    def cancel(self, appid: str) -> None:
        """A merchant cancels."""

    def component(self) -> dict[str, str] | int:
        """Buy a component token."""

    def exchange(self, component: str, code: str) -> dict[str, str] | int:
        """Exchange a code."""

    def refresh(self, component: str, appid: str, refresh_token: str) -> dict[str, str] | int:
        """Renew a token."""

    def info(self, component: str, appid: str) -> dict[str, str] | int:
        """Ask for the refresh token."""

    def honours(self, appid: str, access_token: str) -> bool:
        """Say whether an access token is honoured."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what is done, what it brings, and in which modes of WeChat."""

    script: dict[str, str]
    """Each line with what it brings; a line that is repeated has blanks behind it."""
    second: tuple[SecondExchange, ...] = ("refused", "new", "same")
    rotates: tuple[bool, ...] = (False, True)


RULES: Final[dict[str, Rule]] = {
    "a code brings both tokens": Rule(
        {"confirm one": "C1", "exchange C1": "A1 R1", "honours one A1": "yes", "info one": "R1"}
    ),
    "a code nobody made is refused": Rule({"exchange nonsense": "61009"}),
    "a code ends after an hour": Rule(
        {"confirm one": "C1", f"wait {CODE_LIFE}": "", "exchange C1": "61010"}
    ),
    "a code lives for nearly an hour": Rule(
        {"confirm one": "C1", f"wait {CODE_LIFE - 1}": "", "exchange C1": "A1 R1"}
    ),
    "a second exchange is refused": Rule(
        {
            "confirm one": "C1",
            "exchange C1": "A1 R1",
            "exchange C1 ": "61009",
            f"wait {CODE_LIFE}": "",
            "exchange C1  ": "61009",
            "honours one A1": "yes",
            "info one": "R1",
        },
        second=("refused",),
    ),
    "a second exchange brings new ones, and the first end": Rule(
        {
            "confirm one": "C1",
            "exchange C1": "A1 R1",
            "exchange C1 ": "A2 R2",
            "refresh one R1": "61023",
            f"wait {OVERLAP - 1}": "",
            "honours one A1": "yes",
            "wait 1": "",
            "honours one A1 ": "no",
            "honours one A2": "yes",
            "info one": "R2",
            f"wait {CODE_LIFE}": "",
            "exchange C1  ": "61010",
        },
        second=("new",),
    ),
    "a second exchange brings the same": Rule(
        {
            "confirm one": "C1",
            "exchange C1": "A1 R1",
            "exchange C1 ": "A1 R1",
            f"wait {CODE_LIFE}": "",
            "exchange C1  ": "A1 R1",
            "honours one A1": "yes",
        },
        second=("same",),
    ),
    "another code supersedes": Rule(
        {
            "confirm one": "C1",
            "exchange C1": "A1 R1",
            "confirm one ": "C2",
            "honours one A1": "yes",
            "exchange C2": "A2 R2",
            "refresh one R1": "61023",
            f"wait {OVERLAP - 1}": "",
            "honours one A1 ": "yes",
            "wait 1": "",
            "honours one A1  ": "no",
            "honours one A2": "yes",
            "info one": "R2",
        }
    ),
    "codes may be exchanged in any order": Rule(
        {
            "confirm one": "C1",
            "confirm one ": "C2",
            "exchange C2": "A1 R1",
            "exchange C1": "A2 R2",
            f"wait {OVERLAP}": "",
            "honours one A1": "no",
            "honours one A2": "yes",
            "info one": "R2",
        }
    ),
    "a renewal keeps the refresh token": Rule(
        {
            "confirm one": "C1",
            "exchange C1": "A1 R1",
            "refresh one R1": "A2 R1",
            "refresh one R1 ": "A3 R1",
            "info one": "R1",
        },
        rotates=(False,),
    ),
    "a renewal rotates the refresh token": Rule(
        {
            "confirm one": "C1",
            "exchange C1": "A1 R1",
            "refresh one R1": "A2 R2",
            "refresh one R1 ": "61023",
            "info one": "R2",
            "refresh one R2": "A3 R3",
        },
        rotates=(True,),
    ),
    "the order of execution supersedes, each token for itself": Rule(
        {
            "confirm one": "C1",
            "exchange C1": "A1 R1",
            "wait 10": "",
            "refresh one R1": "A2 R1",
            "wait 100": "",
            "refresh one R1 ": "A3 R1",
            f"wait {OVERLAP - 101}": "",
            "honours one A1": "yes",
            "wait 1": "",
            "honours one A1 ": "no",
            "honours one A2": "yes",
            "wait 99": "",
            "honours one A2 ": "yes",
            "wait 1 ": "",
            "honours one A2  ": "no",
            "honours one A3": "yes",
        },
        rotates=(False,),
    ),
    "a token ends with its life, superseded or not": Rule(
        {
            "confirm one": "C1",
            "exchange C1": "A1 R1",
            f"wait {LIFE - 10}": "",
            "component": "K1",
            "refresh one R1": "A2 R1",
            "wait 9": "",
            "honours one A1": "yes",
            "wait 1": "",
            "honours one A1 ": "no",
            "honours one A2": "yes",
        },
        rotates=(False,),
    ),
    "the renewal of nobody is refused": Rule({"refresh one R9": "61003", "info one": "61003"}),
    "another's refresh token is refused": Rule(
        {
            "confirm one": "C1",
            "exchange C1": "A1 R1",
            "confirm other": "C2",
            "exchange C2": "A2 R2",
            "refresh one R2": "61023",
            "refresh other R1": "61023",
            "honours one A2": "no",
        }
    ),
    "nobody knows a refresh token before the exchange": Rule({"confirm one": "C1", "info one": ""}),
    "a cancellation ends everything at once": Rule(
        {
            "confirm one": "C1",
            "exchange C1": "A1 R1",
            "confirm one ": "C2",
            "cancel one": "",
            "honours one A1": "no",
            "refresh one R1": "61003",
            "info one": "61003",
            "exchange C2": "61009",
            "exchange C1 ": "61009",
        }
    ),
    "who comes back begins anew": Rule(
        {
            "confirm one": "C1",
            "exchange C1": "A1 R1",
            "cancel one": "",
            "wait 5": "",
            "confirm one ": "C2",
            "refresh one R1": "61023",
            "info one": "",
            "exchange C2": "A2 R2",
            "honours one A1": "no",
            "honours one A2": "yes",
            "exchange C1 ": "61009",
        }
    ),
    "component tokens overlap": Rule(
        {
            "confirm one": "C1",
            "component": "K1",
            "component ": "K2",
            "exchange C1 by K1": "A1 R1",
            f"wait {OVERLAP - 1}": "",
            "info one by K1": "R1",
            "wait 1": "",
            "info one by K1 ": "40001",
            "refresh one R1 by K1": "40001",
            "info one by K2": "R1",
        }
    ),
    "a component token ends with its life": Rule(
        {"confirm one": "C1", "component": "K1", f"wait {LIFE}": "", "exchange C1 by K1": "expired"}
    ),
    "nonsense is no component token": Rule({"confirm one": "C1", "info one by nonsense": "40001"}),
}

_EXPIRED = {40001: "40001", 42001: "expired"}


@dataclass
class _Names:
    """Names for values, in the order in which they appear."""

    by_value: dict[str, str] = field(default_factory=dict)
    by_name: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def of(self, kind: str, value: str) -> str:
        if value not in self.by_value:
            self.counts[kind] = self.counts.get(kind, 0) + 1
            name = f"{kind}{self.counts[kind]}"
            self.by_value[value], self.by_name[name] = name, value
        return self.by_value[value]


def follow(model: Model, script: dict[str, str]) -> dict[str, str]:
    """Have a model follow a script; return what each line brings."""
    names, brought = _Names(), {}
    first = model.component()
    assert isinstance(first, dict)
    current = first["K"]
    for line in script:
        words, _, by = line.strip().partition(" by ")
        component = names.by_name.get(by, by) if by else current
        answer = _act(model, component, words.split(), names)
        if isinstance(answer, dict):
            current = answer.get("K", current)
            answer = " ".join(names.of(kind, value) for kind, value in answer.items() if value)
        brought[line] = answer
    return brought


def _act(model: Model, component: str, words: list[str], names: _Names) -> dict[str, str] | str:
    verb, *values = words
    given = [_APPIDS.get(value, names.by_name.get(value, value)) for value in values]
    acts: dict[str, Callable[..., object]] = {
        "wait": lambda seconds: model.wait(float(seconds)),
        "confirm": lambda appid: {"C": model.confirm(appid)},
        "cancel": model.cancel,
        "component": model.component,
        "exchange": lambda code: model.exchange(component, code),
        "refresh": lambda appid, token: model.refresh(component, appid, token),
        "info": lambda appid: model.info(component, appid),
        "honours": lambda appid, token: "yes" if model.honours(appid, token) else "no",
    }
    answer = acts[verb](*given)
    if isinstance(answer, int):
        return _EXPIRED.get(answer, str(answer))
    return answer if isinstance(answer, dict | str) else ""
