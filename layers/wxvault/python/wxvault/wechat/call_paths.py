"""Which of WeChat's paths a caller may have called, and which of its tokens each wants. Pure.

The host is fixed, so a path is all that decides what a token is used for. It is made of plain
segments only: nothing that any reader of a URL could take for something else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from wxvault.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLAIN: Final = re.compile(r"(?:/[A-Za-z0-9_-]{1,64}){1,8}", re.ASCII)
_LONGEST: Final = 200

# Here the component's token would be needed, or one is given out.
_REFUSED_TREES: Final = ("/cgi-bin/component", "/wxa/component", "/sns")
_TOKEN_PATHS: Final = frozenset({"/cgi-bin/token", "/cgi-bin/stable_token", "/cgi-bin/gettoken"})
# Its answer has the authorization code of a new mini program, which no caller is shown.
_REUSE_PATH: Final = "/cgi-bin/account/fastregister"

# The calls that take the component's token and give out no token, code or ticket.
COMPONENT_PATHS: Final = frozenset(
    {
        # Code drafts and templates.
        "/wxa/gettemplatedraftlist",
        "/wxa/addtotemplate",
        "/wxa/gettemplatelist",
        "/wxa/deletetemplate",
        # Fast registration, and the media that its forms name.
        "/cgi-bin/component/fastregisterweapp",
        "/wxa/component/fastregisterpersonalweapp",
        "/wxa/component/fastregisterbetaweapp",
        "/cgi-bin/media/upload",
        # Quota and diagnostics.
        "/cgi-bin/openapi/quota/get",
        "/cgi-bin/openapi/quota/clear",
        "/cgi-bin/openapi/rid/get",
        "/cgi-bin/clear_quota",
        "/cgi-bin/getcallbackip",
        "/cgi-bin/get_api_domain_ip",
    }
)

_TOKEN_NAMES: Final = ("access_token", "component_access_token")
_LONGEST_QUERY: Final = 4096


def account_path(path: str) -> str:
    """Return the path of a call for an authorizer, with its leading slash.

    Raises:
        InvalidRequestError: it is no plain path, or one that is not called for authorizers.
    """
    plain = _plain(path)
    # WeChat may not care about case; then neither must we.
    lower = plain.lower()
    if any(lower == tree or lower.startswith(tree + "/") for tree in _REFUSED_TREES):
        raise InvalidRequestError(
            "path",
            "is not called with an authorizer's token",
            remedy="Use /component-call for what takes the component's token, and /login for "
            "logins.",
        )
    if lower in _TOKEN_PATHS:
        raise InvalidRequestError(
            "path",
            "gives out tokens",
            remedy="Look tokens up at wxvault: one that is fetched beside it ends the present one.",
        )
    if lower == _REUSE_PATH:
        raise InvalidRequestError(
            "path",
            "registers a mini program whose code would be lost",
            remedy="Send kind reuse to POST /tenants/{tenant_id}/registrations: the new mini "
            "program then becomes an authorizer of the tenant.",
        )
    return plain


def component_path(path: str) -> str:
    """Return the path of a call with the component's token, with its leading slash.

    Raises:
        InvalidRequestError: it is no plain path, or none of the closed list.
    """
    plain = _plain(path)
    if plain not in COMPONENT_PATHS:
        raise InvalidRequestError(
            "path",
            "is not one of the paths that are called with the component's token",
            remedy=f"Use one of {', '.join(sorted(COMPONENT_PATHS))}.",
        )
    return plain


def token_name(path: str) -> str:
    """Return under which name a path takes its token in the query."""
    own = path.startswith(("/cgi-bin/component/", "/wxa/component/"))
    return "component_access_token" if own else "access_token"


def checked_query(query: Mapping[str, str]) -> dict[str, str]:
    """Return the caller's query parameters.

    Raises:
        InvalidRequestError: a token is among them, or they are too long.
    """
    for name in query:
        # Whoever reads a query may trim names, or not care about case.
        if re.sub(r"[^a-z_]", "", name.lower()) in _TOKEN_NAMES:
            raise InvalidRequestError(
                "query",
                f"{_TOKEN_NAMES[0]} is not yours to give: wxvault puts in its own",
                remedy="Leave the token out of the query.",
            )
    if sum(len(name) + len(value) for name, value in query.items()) > _LONGEST_QUERY:
        raise InvalidRequestError("query", f"is longer than {_LONGEST_QUERY} characters")
    return dict(query)


def _plain(path: str) -> str:
    rooted = path if path.startswith("/") else f"/{path}"
    if len(rooted) > _LONGEST or _PLAIN.fullmatch(rooted) is None:
        raise InvalidRequestError(
            "path",
            "must be the plain path of one of WeChat's APIs, such as /cgi-bin/menu/get: letters, "
            "digits, - and _ between single slashes, without host, dots or %",
        )
    return rooted
