"""What the use cases need of the world, as small protocols; the adapters fit them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wxvault.services.state import (
        Lease,
        NotAcquired,
        Purpose,
        Settled,
        TokenChange,
        TokenState,
    )

# --- WeChat --------------------------------------------------------------------------------------


class IssuedToken(Protocol):
    """A component token."""

    @property
    def access_token(self) -> str:
        """The token."""

    @property
    def expires_in(self) -> int:
        """Its life in seconds."""


class MintedCode(Protocol):
    """A pre-authorisation code."""

    @property
    def code(self) -> str:
        """The code."""

    @property
    def expires_in(self) -> int:
        """Its life in seconds."""


class Refreshed(IssuedToken, Protocol):
    """An authorizer's renewed token."""

    @property
    def refresh_token(self) -> str | None:
        """The refresh token that came with it."""


class AuthorizerAnswer(Protocol):
    """What WeChat says of an authorizer."""

    @property
    def authorizer_appid(self) -> str:
        """Whose it is."""

    @property
    def refresh_token(self) -> str | None:
        """The refresh token, if WeChat has one."""

    @property
    def func_info(self) -> tuple[int, ...]:
        """Numbers of the permission sets that were granted."""


class Grant(AuthorizerAnswer, Protocol):
    """What a code was exchanged for."""

    @property
    def access_token(self) -> str | None:
        """The access token; None for an account without API ability."""

    @property
    def expires_in(self) -> int | None:
        """Its life in seconds."""


class ListedAuthorizer(Protocol):
    """One entry of WeChat's list."""

    @property
    def authorizer_appid(self) -> str:
        """Who it is."""

    @property
    def refresh_token(self) -> str | None:
        """The refresh token; None for one whose code was never exchanged."""


class AuthorizerPage(Protocol):
    """A page of WeChat's list."""

    @property
    def total_count(self) -> int | None:
        """How many there are in all, if WeChat says so."""

    @property
    def listed(self) -> Sequence[ListedAuthorizer]:
        """What could be read."""

    @property
    def received(self) -> int:
        """How many entries came."""

    @property
    def strange(self) -> int:
        """How many of them could not be read."""


class WeChat(Protocol):
    """WeChat's component endpoints: WeChatRefusedError and WeChatUnknownError may come of each."""

    def component_token(self, component_appid: str, appsecret: str, ticket: str, /) -> IssuedToken:
        """Buy a component token."""

    def pre_auth_code(self, component_appid: str, component_token: str, /) -> MintedCode:
        """Mint a pre-auth code."""

    def query_auth(
        self, component_appid: str, component_token: str, authorization_code: str, /
    ) -> Grant:
        """Exchange an authorization code."""

    def refresh(
        self,
        component_appid: str,
        component_token: str,
        authorizer_appid: str,
        refresh_token: str,
        /,
    ) -> Refreshed:
        """Renew an authorizer's token."""

    def authorizer_info(
        self, component_appid: str, component_token: str, authorizer_appid: str, /
    ) -> AuthorizerAnswer:
        """Ask about an authorizer."""

    def authorizer_list(
        self, component_appid: str, component_token: str, offset: int, count: int, /
    ) -> AuthorizerPage:
        """Read a page of the list of all authorizers."""


# --- the vault -----------------------------------------------------------------------------------


class Tokens(Protocol):
    """TOKEN items; None for the appid is the component's own."""

    def get(self, authorizer_appid: str | None) -> TokenState | None:
        """Read one, strongly consistent."""

    def access_token(self, state: TokenState) -> str | None:
        """Open the access token."""

    def refresh_token(self, state: TokenState) -> str | None:
        """Open the refresh token."""

    def acquire(  # noqa: PLR0913 -- one request, every part of it named
        self,
        authorizer_appid: str | None,
        purpose: Purpose,
        *,
        now: float,
        lease_id: str,
        mark: str,
        generation: int | None = None,
    ) -> Lease | NotAcquired:
        """Take the lease and mark the item."""

    def extend(self, lease: Lease, *, now: float) -> Lease | None:
        """Lengthen the lease before a second question."""

    def settle(
        self,
        lease: Lease,
        decide: Callable[[TokenState], TokenChange],
        *,
        also: Sequence[Any] = (),
    ) -> Settled | None:
        """Write what came of a question, if the lease is still held; ``also``: vault's writes."""

    def amend(
        self,
        authorizer_appid: str | None,
        decide: Callable[[TokenState | None], TokenChange | None],
        *,
        also: Sequence[Any] = (),
    ) -> Settled | None:
        """Change an item from outside its lease."""
