"""Reading WeChat's list: in pages, again where it is silent, and never to anybody's harm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.wechat.state import LIST_LIMIT
from tests.fakes.house import House
from tests.unit.services.kit import authorized, later, refuse, snapshot, stored
from tests.unit.services.resync_kit import changes, merchants, resync, wipe
from wxvault.errors import NoTicketError, WeChatRefusedError, WeChatUnknownError
from wxvault.services.authorizer_list import PAGE

if TYPE_CHECKING:
    from tests.fakes.wechat import ListPage


def wiped() -> House:
    """Return a house that has lost the refresh token of its merchant."""
    house = authorized()
    wipe(house)
    return house


def test_a_list_that_could_not_be_read_to_its_end_accuses_nobody() -> None:
    """Who is on its missing part is left alone; who was seen is dealt with."""
    house = House()
    seen, unseen = merchants(house, 2)
    wipe(house, seen)
    house.wechat.page = 1
    read = house.wechat.authorizer_list
    house.wechat.authorizer_list = lambda component, token, offset, count: (  # type: ignore[method-assign]
        read(component, token, 0, count)
    )
    found = resync(house)
    assert not found.list_complete
    assert [one.authorizer_appid for one in found.changes] == [seen]
    assert found.counts == {"restore": 1, "list_incomplete": 1}
    assert not stored(house, unseen).verifying


def test_it_is_always_asked_for_as_many_as_wechat_gives_at_once() -> None:
    """500 for every page: one more would be refused with 40170, by the sandbox too."""
    house = House()
    merchants(house, 3)
    house.wechat.page = 1
    counts: list[int] = []
    read = house.wechat.authorizer_list

    def reading(component: str, token: str, offset: int, count: int, /) -> ListPage:
        counts.append(count)
        return read(component, token, offset, count)

    house.wechat.authorizer_list = reading  # type: ignore[method-assign]
    assert resync(house).list_complete
    assert counts == [PAGE] * 3
    assert PAGE == LIST_LIMIT == 500


# --- WeChat refuses or is silent -----------------------------------------------------------------


def test_a_page_is_asked_for_again() -> None:
    """Silence and -1 are tried again: to read a list twice changes nothing."""
    house = wiped()
    refuse(house, "authorizer_list", "silent_after", -1)
    found = resync(house)
    assert found.wechat_calls == 3
    assert changes(found) == [("restore", "refresh_token_missing")]


def test_a_refused_component_token_is_replaced_once() -> None:
    """As everywhere: read again, renewed once if it must be."""
    house = wiped()
    house.component.get()
    for issued in house.wechat.component.tokens.values():
        issued.until = house.clock.now() - 1
    later(house, 100)
    assert changes(resync(house)) == [("restore", "refresh_token_missing")]


@pytest.mark.parametrize(
    ("faults", "error"),
    [
        ([45009], WeChatRefusedError),
        ([-1, -1, -1], WeChatRefusedError),
        (["silent_before"] * 3, WeChatUnknownError),
    ],
)
def test_without_the_list_nothing_is_changed(
    faults: list[str | int], error: type[Exception]
) -> None:
    """WeChat refuses: an error, and nobody is taken for cancelled."""
    house = wiped()
    refuse(house, "authorizer_list", *faults)
    before = snapshot(house)
    with pytest.raises(error):
        resync(house)
    assert snapshot(house) == before


def test_without_a_ticket_it_says_so() -> None:
    """There is no component token yet: the error says what to do."""
    with pytest.raises(NoTicketError):
        resync(House())
