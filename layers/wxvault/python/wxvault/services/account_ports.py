"""What the use cases about accounts need beside the tokens; the adapters fit these protocols."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from wxvault.services.ports import AuthorizerAnswer, Tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wxvault.protocol.profiles import Profile
    from wxvault.services.account_values import Known
    from wxvault.services.selection import Page, Selection
    from wxvault.services.state import TokenState


class Described(AuthorizerAnswer, Protocol):
    """What WeChat says of an authorizer, with its profile."""

    @property
    def profile(self) -> Mapping[str, Any]:
        """WeChat's ``authorizer_info`` as it came."""


class DescribingWeChat(Protocol):
    """WeChat as far as it tells about accounts: as :class:`wxvault.services.ports.WeChat`."""

    def authorizer_info(
        self, component_appid: str, component_token: str, authorizer_appid: str, /
    ) -> Described:
        """Ask about an authorizer."""


class Directory(Protocol):
    """All authorizers."""

    def page(self, selection: Selection, *, limit: int, after: str | None = None) -> Page:
        """Read a page of a list, in order of appids."""


class Profiles(Protocol):
    """PROFILE items."""

    def get(self, authorizer_appid: str) -> Known:
        """Read what is known, which may be nothing."""

    def save(
        self,
        authorizer_appid: str,
        profile: Profile,
        permission_sets: Sequence[int],
        *,
        now: float,
    ) -> None:
        """Write what WeChat told."""

    def deletion(self, authorizer_appid: str) -> Any:
        """Return the write that forgets what is known."""

    def forget(self, authorizer_appid: str) -> None:
        """Forget what is known."""


class ForgettingTokens(Tokens, Protocol):
    """TOKEN items that may be deleted as well."""

    def forget(
        self,
        authorizer_appid: str,
        agree: Callable[[TokenState], None],
        *,
        also: Sequence[Any] = (),
    ) -> TokenState | None:
        """Delete an authorizer, if ``agree`` raises nothing; None: it was not there."""


class OpenCodes(Protocol):
    """Authorization codes that have not come to an end."""

    def has_open(self, authorizer_appid: str) -> bool:
        """Say whether a code of this authorizer is still to be exchanged."""
