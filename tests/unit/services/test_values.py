"""The values that use cases hand around: they cannot be changed, and their secrets do not show."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.services.kit import NOW, access, authorized, bare, find, secrets_of, with_component
from wxvault import services
from wxvault.services.onboarding_state import Ticket
from wxvault.services.state import TokenChange, unchanged

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.house import House

SECRET = "s3cret" * 8


def values() -> list[type[Any]]:
    """Find every dataclass of the use cases."""
    names = [
        f"wxvault.services.{module.name}" for module in pkgutil.iter_modules(services.__path__)
    ]
    return [
        value
        for name in names
        for value in vars(importlib.import_module(name)).values()
        if isinstance(value, type) and value.__module__ == name and dataclasses.is_dataclass(value)
    ]


@pytest.mark.parametrize(
    "value", values(), ids=lambda value: f"{value.__module__}.{value.__name__}"
)
def test_values_are_frozen_and_slotted(value: type[Any]) -> None:
    """What was decided cannot be changed on its way to the table."""
    assert value.__dataclass_params__.frozen
    assert "__slots__" in vars(value)


def launch(house: House) -> tuple[object, list[str]]:
    """Return what the button answers, and its secrets."""
    session_id = house.onboarding.create("tenant", {}).session_id
    launched = house.onboarding.launch(session_id, "")
    return launched, [launched.cookie, launched.onward_url]


def create(house: House, style: str) -> tuple[object, list[str]]:
    """Return a new session, and its secrets."""
    created = house.onboarding.create("tenant", {"style": style})
    code = (created.plugin or {}).get("preAuthCode", created.launch_url)
    return created, [created.session_id, str(code)]


def found() -> tuple[object, list[str]]:
    """Return what a look-up finds, and its secret."""
    house = authorized()
    return find(house), [find(house).access_token]


def state_in_the_table() -> tuple[object, list[str]]:
    """Return an item as it was read, with its sealed values, and its secrets."""
    house = authorized()
    known = house.tokens.get("wx00000000000000a1")
    assert known is not None
    return (known, known.item and unchanged(known)), [str(one) for one in secrets_of(house)]


SHOWN: dict[str, Callable[[], tuple[object, list[str]]]] = {
    "Found": found,
    "Launch": lambda: launch(with_component()),
    "Created": lambda: create(with_component(), "pc"),
    "Created for the plugin": lambda: create(with_component(), "plugin"),
    "Access": lambda: (access(SECRET), [SECRET]),
    "TokenChange": lambda: (
        dataclasses.replace(unchanged(bare()), refresh_token=SECRET, access=access(SECRET)),
        [SECRET],
    ),
    "Ticket": lambda: (Ticket(SECRET, 1, NOW), [SECRET]),
    "TokenState": state_in_the_table,
}


@pytest.mark.parametrize("shown", SHOWN.values(), ids=SHOWN)
def test_secrets_do_not_show(shown: Callable[[], tuple[object, list[str]]]) -> None:
    """Whoever logs a value by mistake logs no secret."""
    value, secrets = shown()
    assert secrets
    assert [secret for secret in secrets if secret in repr(value)] == []


def test_an_unchanged_item_stays_as_it_is() -> None:
    """Every fact that a change can name is taken over from the item, if nothing else is said."""
    told = {field.name for field in dataclasses.fields(TokenChange)}
    marked = bare(
        attempts=1,
        last_errcode=2,
        refused_address="203.0.113.7",
        verifying=True,
        api_ability=False,
        authorized_at=3,
        unauthorized_at=4,
        grant_undated=True,
        tenant_id="tenant",
        tenant_by_redirect=True,
        forced_at=5.0,
        forced_times=(6.0, 7.0),
        due_at=8.0,
    )
    facts = {field.name for field in dataclasses.fields(marked)} & told
    change = unchanged(marked)
    # Who holds the lease is no fact of a change: a change only ever takes or gives one.
    for name in facts - {"lease_id", "lease_until"}:
        assert getattr(change, name) == getattr(marked, name), name
    assert change.secrets == "keep"
    assert change.events == ()
    doings = (change.release, change.raise_fence, change.clear_mark, change.new_mark)
    assert not any(doings)
