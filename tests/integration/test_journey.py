"""The whole journey over the template's table and KMS: the services, the vault, and AWS's rules."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.fakes.house import COMPONENT, MERCHANT, House
from tests.integration.both_tables import BothTables
from tests.integration.conftest import TABLE
from wxvault.errors import AuthorizerRevokedError, NoTicketError, UnknownAuthorizerError
from wxvault.services.onboarding_state import CodeStatus
from wxvault.services.state import Status
from wxvault.vault.keys import fingerprint
from wxvault.vault.sealing import KmsDataKeys, Sealing

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient

    from wxvault.vault.table import DynamoTable

SECOND = "wx00000000000000a2"


@pytest.fixture
def house(table: DynamoTable, kms: KMSClient, key_arn: str) -> House:
    """Return a house on DynamoDB and KMS, with the table in memory as its witness."""
    house = House(table=BothTables(table))
    keys = KmsDataKeys(kms, key_arn, COMPONENT, house.clock)
    return House(
        table=house.table,
        clock=house.clock,
        sealing=Sealing(keys, random.Random(1).randbytes),
    )


def status(house: House, appid: str = MERCHANT) -> Status:
    """Return where a merchant stands."""
    state = house.tokens.get(appid)
    assert state is not None
    return state.status


def test_from_the_first_ticket_to_coming_back(house: House) -> None:
    """Ticket, authorisation, look-up, renewal, cancellation, return: the token is always live."""
    wechat = house.wechat
    with pytest.raises(NoTicketError):
        house.lookup.find(None)
    house.push_ticket()
    house.work()
    with pytest.raises(UnknownAuthorizerError):
        house.lookup.find(MERCHANT)

    code = wechat.confirm(MERCHANT)
    house.push_authorized(code)
    house.work()
    first = house.lookup.find(MERCHANT)
    assert wechat.honours(MERCHANT, first.access_token)
    known = house.codes.get(fingerprint(code))
    assert known is not None
    assert known.status is CodeStatus.DONE
    assert wechat.calls.count("query_auth") == 1

    house.clock.sleep(6600)
    house.push_ticket()
    house.sweep.run()
    house.work()
    second = house.lookup.find(MERCHANT)
    assert second.access_token != first.access_token
    assert second.generation == first.generation + 1
    assert wechat.honours(MERCHANT, second.access_token)
    assert wechat.calls.count("refresh") == 1

    wechat.cancel(MERCHANT)
    house.push_unauthorized()
    with pytest.raises(AuthorizerRevokedError):
        house.lookup.find(MERCHANT)
    house.work()
    assert status(house) is Status.REVOKED
    state = house.tokens.get(MERCHANT)
    assert state is not None
    assert not state.has_access
    assert not state.has_refresh

    house.clock.sleep(60)
    house.push_authorized(wechat.confirm(MERCHANT))
    house.work()
    third = house.lookup.find(MERCHANT)
    assert wechat.honours(MERCHANT, third.access_token)
    assert status(house) is Status.ACTIVE
    assert house.bus.kinds() == [
        "authorizer.authorized",
        "authorizer.revoked",
        "authorizer.authorized",
    ]
    first, *others = [detail["sequence"] for _, detail in house.bus.sent]
    assert others == [first + 1, first + 2]


def test_a_browsers_way_binds_the_tenant(house: House) -> None:
    """Session, launch, redirect before the push, exchange: the merchant is the tenant's."""
    house.push_ticket()
    house.work()
    created = house.onboarding.create("acme", {"return_url": "https://shop.example.com/back"})
    launch = house.onboarding.launch(created.session_id, "Mozilla/5.0 (X11; Linux x86_64)")
    code = house.wechat.confirm(MERCHANT)
    session = house.landing.session(created.session_id)
    house.landing.arrive(session, code, [launch.cookie])
    house.work()
    state = house.tokens.get(MERCHANT)
    assert state is not None
    assert (state.tenant_id, state.tenant_by_redirect) == ("acme", True)
    (minted,) = parse_qs(urlsplit(launch.onward_url).query)["pre_auth_code"]
    house.push_authorized(code, pre_auth_code=minted)
    house.work()
    state = house.tokens.get(MERCHANT)
    assert state is not None
    assert (state.tenant_id, state.tenant_by_redirect) == ("acme", False)
    assert state.status is Status.ACTIVE
    assert house.onboarding.status("acme", created.session_id).authorizers == (MERCHANT,)
    assert house.wechat.honours(MERCHANT, house.lookup.find(MERCHANT).access_token)


def test_trouble_on_the_way_is_healed(house: House) -> None:
    """Silence after WeChat has executed a renewal: within a few sweeps the token is live again."""
    house.authorize()
    house.authorize(SECOND)
    house.clock.sleep(6600)
    house.push_ticket()
    house.wechat.faults["refresh"] = ["silent_after", "silent_before"]
    house.settle()
    for appid in (MERCHANT, SECOND):
        found = house.lookup.find(appid)
        assert house.wechat.honours(appid, found.access_token)
        state = house.tokens.get(appid)
        assert state is not None
        assert state.unresolved_mark is None


def test_nothing_readable_is_left_in_the_table(house: House, client: DynamoDBClient) -> None:
    """After a whole journey no token, code, ticket or session id stands in it, wrapped as text."""
    house.push_ticket()
    created = house.onboarding.create("acme", {})
    house.work()
    launch = house.onboarding.launch(created.session_id, "Mozilla/5.0")
    token = house.authorize()
    code = house.wechat.confirm(SECOND)
    house.push_authorized(code, SECOND)
    house.work()
    stored = repr(client.scan(TableName=TABLE)["Items"])
    secrets = {
        token,
        code,
        created.session_id,
        launch.cookie,
        *house.wechat.tickets,
        *house.wechat.owners,
        *house.wechat.component.tokens,
        *(one for account in house.wechat.accounts.values() for one in account.tokens),
    }
    assert len(secrets) >= 9
    assert not [secret for secret in secrets if secret in stored]
