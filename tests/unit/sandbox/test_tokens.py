"""The life of tokens: overlap, expiry, supersession in the order of execution."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.wechat.tokens import TokenLine, Verdict
from sandbox.wechat.values import Minter
from tests.unit.sandbox.kit import bench

if TYPE_CHECKING:
    from collections.abc import Callable


def test_old_token_lives_for_the_overlap() -> None:
    """A superseded token is honoured for the overlap, then it is not the latest any more."""
    line = TokenLine()
    old = line.issue("old", now=0, life=7200)
    new = line.issue("new", now=100, life=7200)
    assert line.current is new
    assert old.verdict(399.9, overlap=300) is Verdict.HONOURED
    assert old.verdict(400, overlap=300) is Verdict.SUPERSEDED
    assert new.verdict(400, overlap=300) is Verdict.HONOURED


def test_each_token_counts_its_own_overlap() -> None:
    """Two renewals in a row leave each older token its overlap from when it was superseded."""
    line = TokenLine()
    first = line.issue("first", now=0, life=7200)
    second = line.issue("second", now=10, life=7200)
    line.issue("third", now=200, life=7200)
    assert first.verdict(310, overlap=300) is Verdict.SUPERSEDED
    assert second.verdict(310, overlap=300) is Verdict.HONOURED


def test_token_expires_at_the_end_of_its_life() -> None:
    """A token is honoured before its end and expired from it on."""
    line = TokenLine()
    token = line.issue("token", now=0, life=600)
    assert token.verdict(599.9, overlap=300) is Verdict.HONOURED
    assert token.verdict(600, overlap=300) is Verdict.EXPIRED


def test_revoked_tokens_have_no_overlap() -> None:
    """Revocation ends current and superseded tokens at once."""
    line = TokenLine()
    old = line.issue("old", now=0, life=7200)
    new = line.issue("new", now=1, life=7200)
    assert line.revoke(2)
    assert line.current is None
    assert {old.verdict(2, 300), new.verdict(2, 300)} == {Verdict.REVOKED}
    assert not line.revoke(3)


def test_component_token_overlap_at_the_endpoints() -> None:
    """The old component token works for 300 s after a new one was asked for, then it is 40001."""
    b = bench()
    old, new = b.component_token(), b.component_token()
    listing = b.component(offset=0, count=10)
    assert "errcode" not in b.call("api_get_authorizer_list", listing, token=old)
    b.clock.move(300)
    assert b.call("api_get_authorizer_list", listing, token=old)["errcode"] == 40001
    assert "errcode" not in b.call("api_get_authorizer_list", listing, token=new)


def test_component_token_expires() -> None:
    """A component token past its life is 42001."""
    b = bench(life=600)
    token = b.component_token()
    b.clock.move(600)
    listing = b.component(offset=0, count=10)
    assert b.call("api_get_authorizer_list", listing, token=token)["errcode"] == 42001


@pytest.mark.parametrize(
    ("make", "length", "start"),
    [
        (Minter.ticket, 95, "ticket@@@"),
        (Minter.component_token, 157, ""),
        (Minter.access_token, 157, ""),
        (Minter.refresh_token, 58, "refreshtoken@@@"),
        (Minter.pre_auth_code, 100, "preauthcode@@@"),
        (Minter.authorization_code, 102, "queryauthcode@@@"),
        (Minter.appid, 18, "wx"),
        (Minter.user_name, 15, "gh_"),
        (Minter.app_secret, 32, ""),
        (Minter.encoding_aes_key, 43, ""),
    ],
)
def test_values_have_real_shapes(make: Callable[[Minter], str], length: int, start: str) -> None:
    """Every issued value has WeChat's prefix and length."""
    value = make(Minter())
    assert len(value) == length
    assert value.startswith(start)
