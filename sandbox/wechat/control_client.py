"""A typed client of the control API, for tests and for the runner of the local stack."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import requests

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class ControlError(Exception):
    """The sandbox refused a control request: HTTP status, its code, its sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status = status
        self.code = code
        super().__init__(f"{code}: {message}")


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What a merchant's confirmation brought. ``redirect_url`` None: there is no redirect.

    ``change`` is authorized, updateauthorized or unchanged; ``push_id`` None: nothing was pushed.
    """

    change: str
    auth_code: str = field(repr=False)
    expires_in: int
    redirect_url: str | None = field(repr=False)
    push_id: str | None


@dataclass(frozen=True, slots=True)
class PushReport:
    """What became of a push. ``state`` is held, waiting, delivered or failed.

    Each attempt has attempt, ok, status, body, error, ms and time.
    """

    push_id: str
    info_type: str
    authorizer_appid: str
    created_at: float
    state: str
    attempts: list[dict[str, Any]]
    reply: dict[str, Any] | None = field(default=None, repr=False)
    """The passive reply that a user's message was answered with, decrypted."""


@dataclass(frozen=True, slots=True)
class TokenCheck:
    """What WeChat thinks of an access token.

    ``verdict`` is honoured, superseded (past its overlap), expired, revoked or unknown; ``current``
    says that it is the newest of its owner. ``authorizer_appid`` None: the component's.
    """

    known: bool
    honoured: bool
    current: bool
    verdict: str
    kind: str = ""
    authorizer_appid: str | None = None
    issued_at: float | None = None
    expires_at: float | None = None
    superseded_at: float | None = None


@dataclass(frozen=True, slots=True)
class IssuedAccess:
    """An access token that was issued, by its hash, and what became of it; unix time in seconds.

    ``authorizer_appid`` None: a component token. A superseded one is honoured for the overlap.
    """

    authorizer_appid: str | None
    sha256: str
    issued_at: float
    expires_at: float
    superseded_at: float | None = None
    revoked_at: float | None = None


@dataclass(frozen=True, slots=True)
class IssuedSecret:
    """A secret that exists in this WeChat."""

    kind: str
    value: str = field(repr=False)
    authorizer_appid: str | None
    issued_at: float


class SandboxControl:
    """One sandbox, by its base URL. Close it, or use it with ``with``; threads may share it."""

    def __init__(self, base_url: str, *, timeout: float = 60) -> None:
        self.base_url = base_url.rstrip("/")
        self._timeout = timeout
        self._session = requests.Session()
        self._session.trust_env = False

    def close(self) -> None:
        """Let go of the connection."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- configuration

    def health(self) -> dict[str, Any]:
        """Return status, component_appid, now, tickets_stopped."""
        return self._get("health")

    def wait_ready(self, timeout: float = 10) -> None:
        """Wait until the sandbox answers. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                self.health()
            except requests.ConnectionError:
                if time.monotonic() > deadline:
                    raise TimeoutError("the sandbox does not answer") from None
                time.sleep(0.05)
            else:
                return

    def configure(self, **settings: Any) -> dict[str, Any]:
        """Change settings by name (see Settings; ``life`` sets both token lives)."""
        return self._post("configure", settings)

    def settings(self) -> dict[str, Any]:
        """Return the settings without the secrets."""
        return self._get("settings")

    def advance(self, seconds: float) -> float:
        """Move the sandbox's clock forward. Returns its time."""
        return float(self._post("clock", {"advance": seconds})["now"])

    def state(self) -> dict[str, Any]:
        """Return component and accounts: hashes and ends of tokens, no values."""
        return self._get("state")

    # --- merchants

    def merchants(self) -> list[dict[str, Any]]:
        """Return the accounts with their authorisation."""
        return list(self._get("merchants")["merchants"])

    def merchant(self, authorizer_appid: str) -> dict[str, Any]:
        """Return one account. Raises KeyError."""
        for merchant in self.merchants():
            if merchant["appid"] == authorizer_appid:
                return merchant
        raise KeyError(authorizer_appid)

    def add_merchant(self, **values: Any) -> dict[str, Any]:
        """Add an account (fields of Merchant; appid, user_name and nick_name are made up)."""
        return self._post("merchants", values)

    def crowd(self, count: int) -> list[str]:
        """Make accounts that have authorised long ago, elsewhere; return their appids."""
        appids: list[str] = self._post("crowd", {"count": count})["authorizer_appids"]
        return appids

    def confirm(  # noqa: PLR0913 - every one optional but the first
        self,
        authorizer_appid: str,
        *,
        link: str = "",
        referer: str = "",
        pre_auth_code: str = "",
        redirect_uri: str = "",
        func_ids: Iterable[int] | None = None,
        push: str = "now",
        options: Mapping[str, Any] | None = None,
    ) -> Confirmation:
        """Let a merchant confirm. ``push``: now, first, hold or none.

        With ``link`` and ``referer`` the link is checked as the page checks it.
        """
        values: dict[str, Any] = {"authorizer_appid": authorizer_appid, "push": push}
        if link:
            values |= {"link": link, "referer": referer}
        if pre_auth_code:
            values["pre_auth_code"] = pre_auth_code
        if redirect_uri:
            values["redirect_uri"] = redirect_uri
        if func_ids is not None:
            values["func_ids"] = list(func_ids)
        return Confirmation(**self._post("confirm", _with(values, options)))

    def plugin_authorize(
        self,
        authorizer_appid: str,
        call: Mapping[str, Any],
        *,
        func_ids: Iterable[int] | None = None,
        push: str = "now",
        options: Mapping[str, Any] | None = None,
    ) -> Confirmation:
        """Let a merchant confirm in the plugin.

        ``call`` is what the mini program passes: platformAppID, preAuthCode, authType, bizAppid.
        """
        values = {**call, "authorizer_appid": authorizer_appid, "push": push}
        if func_ids is not None:
            values["func_ids"] = list(func_ids)
        return Confirmation(**self._post("plugin/authorize", _with(values, options)))

    def cancel(
        self,
        authorizer_appid: str,
        *,
        push: str = "now",
        options: Mapping[str, Any] | None = None,
    ) -> str | None:
        """Let a merchant cancel. Returns the push's id."""
        values = {"authorizer_appid": authorizer_appid, "push": push}
        answer = self._post("cancel", _with(values, options))["push_id"]
        return None if answer is None else str(answer)

    # --- tokens

    def expire(self, authorizer_appid: str = "", kind: str = "access") -> bool:
        """End something by hand; without appid of the component.

        Authorizer: access, revoke, supersede, refresh, refresh_replaced, refresh_gone, codes.
        Component: access, revoke, supersede, ticket, pre_auth_codes.
        """
        values: dict[str, Any] = {"kind": kind}
        values |= (
            {"authorizer_appid": authorizer_appid} if authorizer_appid else {"component": True}
        )
        return bool(self._post("expire", values)["expired"])

    def check(self, access_token: str) -> TokenCheck:
        """Ask about an access token, an authorizer's or the component's."""
        return TokenCheck(**self._post("check", {"access_token": access_token}))

    def tokens(self) -> list[IssuedAccess]:
        """Return every access token issued so far."""
        return [IssuedAccess(**token) for token in self._get("tokens")["tokens"]]

    # --- pushes

    def push_ticket(
        self, *, options: Mapping[str, Any] | None = None, wait: bool = True
    ) -> PushReport:
        """Issue a ticket and push it; ``wait``: until it has been answered or given up."""
        return PushReport(**self._post("ticket", _with({"wait": wait}, options)))

    def stop_tickets(self) -> None:
        """Stop the pushes of tickets, as after many failures."""
        self._post("ticket/stop", {})

    def push_xml(
        self,
        xml: str,
        *,
        info_type: str = "raw",
        url: str = "",
        options: Mapping[str, Any] | None = None,
        wait: bool = True,
    ) -> PushReport:
        """Encrypt this XML and push it, to the event URL unless another ``url`` is given."""
        values = {"xml": xml, "info_type": info_type, "url": url, "wait": wait}
        return PushReport(**self._post("push", _with(values, options)))

    def push_body(
        self,
        body: str,
        query: Mapping[str, str],
        *,
        options: Mapping[str, Any] | None = None,
        wait: bool = True,
    ) -> PushReport:
        """Push exactly this body with exactly this query."""
        values = {"body": body, "query": dict(query), "wait": wait}
        return PushReport(**self._post("push", _with(values, options)))

    def push_registration(
        self, *, options: Mapping[str, Any] | None = None, wait: bool = True, **values: Any
    ) -> tuple[PushReport, str]:
        """Push the result of a fast registration (kind, status, msg, merchant, info).

        Returns the push and the appid of the new mini program ("" when it failed).
        """
        answer = self._post("push/registration", _with({**values, "wait": wait}, options))
        appid = str(answer.pop("registered_appid"))
        return PushReport(**answer), appid

    def registrations(self) -> list[dict[str, Any]]:
        """Return the applications for mini programs: task_id, kind, task_status, info."""
        return list(self._get("registrations")["applications"])

    def finish_registration(
        self, task_id: str, *, options: Mapping[str, Any] | None = None, **values: Any
    ) -> tuple[str, str]:
        """Let a person confirm or fail an application (status, msg, shape, beside).

        Returns the push's id and the appid of the new mini program ("" when it failed).
        """
        answer = self._post(
            "registrations/finish", _with({"task_id": task_id, "wait": True, **values}, options)
        )
        return str(answer["push_id"]), str(answer["registered_appid"])

    def reuse(self, link: str, referer: str) -> str:
        """Let an administrator confirm a link; returns where the browser is sent."""
        answer = self._post("registrations/reuse", {"link": link, "referer": referer})
        return str(answer["redirect_url"])

    def plan_push(self, info_type: str, options: Mapping[str, Any], count: int = 1) -> None:
        """Let the next pushes of this kind be delivered in this way."""
        self._post("push/plan", {"info_type": info_type, "options": dict(options), "count": count})

    def release_push(self, push_id: str = "") -> list[str]:
        """Let a held push go; without an id all of them. Returns which."""
        return list(self._post("push/release", {"push_id": push_id})["released"])

    def resend_push(
        self, push_id: str, *, options: Mapping[str, Any] | None = None, wait: bool = True
    ) -> PushReport:
        """Push the same content once more."""
        return PushReport(
            **self._post("push/resend", _with({"push_id": push_id, "wait": wait}, options))
        )

    def wait_push(self, push_id: str, timeout: float = 20) -> PushReport:
        """Wait until a push has been answered or given up."""
        return PushReport(**self._get("push/wait", push_id=push_id, timeout=timeout))

    def wait_idle(self, timeout: float = 20) -> bool:
        """Wait until no push is on its way."""
        return bool(self._get("push/wait", timeout=timeout)["idle"])

    def pushes(self, info_type: str = "") -> list[PushReport]:
        """Return the pushes so far, oldest first."""
        return [PushReport(**p) for p in self._get("pushes", info_type=info_type)["pushes"]]

    # --- messages of users

    def send_message(  # noqa: PLR0913 - every one optional but the first
        self,
        authorizer_appid: str,
        content: str = "",
        *,
        msg_type: str = "text",
        openid: str = "",
        fields: Mapping[str, Any] | None = None,
        as_json: bool = False,
        options: Mapping[str, Any] | None = None,
        wait: bool = True,
    ) -> PushReport:
        """Let a user send something to an account; ``fields`` are further elements of it.

        Without ``openid`` it is a user who was never seen before.
        """
        values = {
            "authorizer_appid": authorizer_appid,
            "content": content,
            "msg_type": msg_type,
            "openid": openid,
            "fields": dict(fields or {}),
            "as_json": as_json,
            "wait": wait,
        }
        return PushReport(**self._post("message", _with(values, options)))

    def sent_messages(self, authorizer_appid: str = "") -> list[dict[str, Any]]:
        """Return the customer-service messages that platforms have sent.

        Each has authorizer_appid, touser, msgtype and content.
        """
        return list(self._get("sent", authorizer_appid=authorizer_appid)["sent"])

    # --- faults, log, secrets

    def login_code(self, authorizer_appid: str, *, scope: str = "", openid: str = "") -> str:
        """Return what ``wx.login`` gives a user (no scope), or the OAuth page (a scope)."""
        values = {"authorizer_appid": authorizer_appid, "scope": scope, "openid": openid}
        return str(self._post("login_code", values)["code"])

    def add_draft(self, **values: Any) -> int:
        """Let a developer have uploaded code: user_version, user_desc. Returns the draft's id."""
        return int(self._post("draft", values)["draft_id"])

    def add_media(self, size: int, content_type: str = "image/png") -> str:
        """Let a file of so many bytes exist at WeChat, for every account. Returns its id."""
        return str(self._post("media", {"size": size, "content_type": content_type})["media_id"])

    def add_open_account(self, principal_name: str, *, foreign: bool = False) -> str:
        """Let an open-platform account exist; ``foreign``: made by hand, so no API may touch it."""
        values = {"principal_name": principal_name, "foreign": foreign}
        return str(self._post("open_account", values)["open_appid"])

    def add_fault(self, kind: str, path: str = "", **values: Any) -> int:
        """Let a fault wait for the next calls (fields of Fault). Returns its id."""
        return int(self._post("faults", {"kind": kind, "path": path, **values})["id"])

    def clear_faults(self) -> int:
        """Take all faults away. Returns how many there were."""
        return int(self._post("faults/clear", {})["cleared"])

    def faults(self) -> list[dict[str, Any]]:
        """Return the faults that still wait."""
        return list(self._get("faults")["faults"])

    def log(self, since: int = 0) -> list[dict[str, Any]]:
        """Return what happened after entry ``since``."""
        return list(self._get("log", since=since)["entries"])

    def last_seq(self) -> int:
        """Return the number of the newest log entry, to be given as ``since`` later."""
        return int(self._get("log/last")["seq"])

    def counts(self, since: int = 0) -> dict[str, Any]:
        """Return {"paths": {path: {calls, executed, ok}}, "authorizers": {appid: {path: ...}}}."""
        return self._get("counts", since=since)

    def count(
        self, path: str, *, authorizer_appid: str = "", since: int = 0, what: str = "executed"
    ) -> int:
        """Return one figure: ``what`` is calls, executed or ok."""
        table = self.counts(since)
        rows = (
            table["authorizers"].get(authorizer_appid, {}) if authorizer_appid else table["paths"]
        )
        return int(rows.get(path, {}).get(what, 0))

    def secrets(self) -> list[IssuedSecret]:
        """Return every secret issued so far, for a search for leaks."""
        return [IssuedSecret(**secret) for secret in self._get("secrets")["secrets"]]

    # --- HTTP

    def _get(self, name: str, **query: Any) -> dict[str, Any]:
        return self._answer(
            self._session.get(
                f"{self.base_url}/_sandbox/{name}", params=query, timeout=self._timeout
            )
        )

    def _post(self, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
        return self._answer(
            self._session.post(
                f"{self.base_url}/_sandbox/{name}", json=dict(values), timeout=self._timeout
            )
        )

    @staticmethod
    def _answer(response: requests.Response) -> dict[str, Any]:
        answer: dict[str, Any] = response.json()
        if not response.ok:
            error = answer["error"]
            raise ControlError(response.status_code, error["code"], error["message"])
        return answer


def _with(values: Mapping[str, Any], options: Mapping[str, Any] | None) -> dict[str, Any]:
    return {**values, "options": dict(options)} if options is not None else dict(values)
