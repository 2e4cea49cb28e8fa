"""What goes wrong at WeChat, one thing after the other out of a shuffled deck."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from random import Random

    from sandbox.wechat.control_client import SandboxControl

COMPONENT_TOKEN: Final = "/cgi-bin/component/api_component_token"
PRE_AUTH_CODE: Final = "/cgi-bin/component/api_create_preauthcode"
QUERY_AUTH: Final = "/cgi-bin/component/api_query_auth"
AUTHORIZER_TOKEN: Final = "/cgi-bin/component/api_authorizer_token"
AUTHORIZER_INFO: Final = "/cgi-bin/component/api_get_authorizer_info"

# The vault waits 7 s for WeChat; WeChat executes what nobody waits for within 13 s more.
_TOO_SLOW: Final = 8.5


@dataclass(frozen=True, slots=True)
class Squall:
    """One thing that goes wrong: its name in the table, the sandbox's fault, at which paths."""

    name: str
    kind: str
    values: Mapping[str, Any] = field(default_factory=dict)
    paths: tuple[str, ...] = (AUTHORIZER_TOKEN, QUERY_AUTH, AUTHORIZER_INFO)
    component: bool = False
    """It concerns the component token, which is made due for it."""

    def hits(self, entry: Mapping[str, Any]) -> bool:
        """Say whether an entry of the sandbox's log is this one's doing."""
        if entry.get("fault") != self.kind:
            return False
        return self.kind != "errcode" or entry.get("errcode") == self.values["errcode"]


DECK: Final = (
    Squall("slow", "slow", {"seconds": 2.5}),
    Squall("slower than the vault waits", "slow", {"seconds": _TOO_SLOW, "executed": True}),
    Squall("dropped, not executed", "drop_before"),
    Squall("dropped after execution", "drop_after_execution"),
    Squall("executed late", "executed_late", {"seconds": 9, "hold": 1}),
    Squall("errcode -1, in bursts", "errcode", {"errcode": -1, "count": 3}),
    Squall("errcode 45009", "errcode", {"errcode": 45009}),
    Squall("errcode 61004", "errcode", {"errcode": 61004}, (AUTHORIZER_TOKEN, PRE_AUTH_CODE)),
    Squall("errcode 61006", "errcode", {"errcode": 61006}, (COMPONENT_TOKEN,), component=True),
    Squall("an HTML page", "html", {"executed": True}),
    Squall("connection reset", "reset", {"executed": True}),
    Squall("half an answer", "truncated"),
    Squall("503 without a body", "http_status", {"status": 503}),
)
_ONLY_THESE_ARE_FREQUENT: Final = (AUTHORIZER_TOKEN,)


@dataclass(slots=True)
class Weather:
    """Lets a squall wait at WeChat every ``pause`` seconds; none is forgotten by the shuffling."""

    wechat: SandboxControl
    chance: Random
    pause: float
    make_component_due: Callable[[], object]

    def run(self, stop: threading.Event) -> None:
        """Until ``stop`` is set."""
        deck = self._deck()
        while not stop.wait(self.pause * self.chance.uniform(0.5, 1.5)):
            self._let(next(deck))

    def _let(self, squall: Squall) -> None:
        often = [path for path in squall.paths if path in _ONLY_THESE_ARE_FREQUENT]
        path = self.chance.choice([*squall.paths, *often, *often])
        self.wechat.add_fault(squall.kind, path, **squall.values)
        if squall.component:
            self.make_component_due()

    def _deck(self) -> Iterator[Squall]:
        while True:
            yield from self.chance.sample(DECK, len(DECK))


def tally(entries: Iterable[Mapping[str, Any]], deck: Sequence[Squall] = DECK) -> dict[str, int]:
    """Count what the sandbox's log says went wrong, by the names in the deck."""
    found = {squall.name: 0 for squall in deck}
    for entry in entries:
        # Of two of a kind the slower one is told by its time.
        hits = [squall for squall in deck if squall.hits(entry)]
        if entry.get("fault") == "slow":
            hits = [
                squall
                for squall in hits
                if (entry["ms"] >= _TOO_SLOW * 1000) is (squall.values["seconds"] >= _TOO_SLOW)
            ]
        for squall in hits[:1]:
            found[squall.name] += 1
    return found
