"""SESSION, PREAUTH and REGISTRATION items: who asked for what.

By a session's id, by a pre-authorisation code it minted, or by the application it made.
"""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING

from wxvault.services.onboarding_state import PreAuthCode, Session
from wxvault.services.registration_state import (
    FAILED,
    SUCCEEDED,
    Applicant,
    Applied,
    Result,
)
from wxvault.vault.expressions import (
    EXISTS,
    MISSING,
    Absent,
    Compare,
    Condition,
    ConditionFailedError,
    Item,
    Put,
    Update,
    Value,
    all_of,
    any_of,
    equals,
    is_past_its_end,
)
from wxvault.vault.keys import fingerprint, pre_auth_key, registration_key, session_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wxvault.clock import Clock
    from wxvault.vault.table import Table

_PRE_AUTH_KEPT_SECONDS = 7 * 24 * 3600
_REGISTRATION_KEPT_SECONDS = 7 * 24 * 3600
_KEPT_AFTER_END_SECONDS = 24 * 3600
_ASKING = frozenset({"asking_tenant_id", "asking_session_sha256", "asking_again", "asking_until"})
_ASKING_SECONDS = 15.0
"""Longer than *sessions* has for one request, which is 12 s, and the clocks may differ."""
MINTS_PER_SESSION = 20
MINT_PAUSE_SECONDS = 3.0
CODES_PER_SESSION = 60


class Sessions:
    """The authorisation sessions of one component."""

    def __init__(self, table: Table, component_appid: str, clock: Clock) -> None:
        self._table = table
        self._component_appid = component_appid
        self._clock = clock

    def create(self, session: Session) -> None:
        """Write a new session; its id is random, so nothing stands there yet."""
        attributes: dict[str, Value] = {
            "tenant_id": session.tenant_id,
            "created_at": session.created_at,
            "expires_at": session.expires_at,
            "style": session.style,
            "auth_type": session.auth_type,
            # Kept a day longer than it can be used: whoever asks is told that it has expired.
            "delete_after": int(session.expires_at + _KEPT_AFTER_END_SECONDS),
        }
        optional: dict[str, Value] = {
            "tenant_name": session.tenant_name,
            "biz_appid": session.biz_appid,
            "category_id_list": list(session.category_id_list) or None,
            "return_url": session.return_url,
            "state": session.state,
            "registration": session.registration,
            "copy_wx_verify": session.copy_wx_verify or None,
            "subject_sha256": session.subject_sha256,
        }
        attributes |= {name: value for name, value in optional.items() if value is not None}
        key = session_key(self._component_appid, session.session_sha256)
        try:
            self._table.write(Put(key, attributes, condition=MISSING))
        except ConditionFailedError as refusal:
            # This very session, written twice by the client because an answer was lost?
            if refusal.item is None or _read(session.session_sha256, refusal.item) != session:
                raise

    def get(self, session_sha256: str) -> Session | None:
        """Read a session, strongly consistent, expired or not; None a day after its end."""
        item = self._table.get(session_key(self._component_appid, session_sha256))
        if item is None or is_past_its_end(item, self._clock.now()):
            return None
        return _read(session_sha256, item)

    def count_mint(self, session_sha256: str, *, now: float, mint_id: str | None = None) -> bool:
        """Count one pre-auth code before it is asked for; False: too many, or too fast.

        ``mint_id`` is this press's own, so that it is counted once however often it is written.
        """
        update = Update(
            session_key(self._component_appid, session_sha256),
            condition=all_of(
                Compare("expires_at", ">", now),
                any_of(Absent("codes_minted"), Compare("codes_minted", "<", MINTS_PER_SESSION)),
                any_of(Absent("minted_at"), Compare("minted_at", "<=", now - MINT_PAUSE_SECONDS)),
            ),
            set={"minted_at": now, **({} if mint_id is None else {"mint_id": mint_id})},
            add={"codes_minted": 1},
        )
        try:
            self._table.write(update)
        except ConditionFailedError as refusal:
            # Counted by this very write, repeated by the client after its answer was lost?
            return mint_id is not None and (refusal.item or {}).get("mint_id") == mint_id
        return True

    def count_landing(self, session_sha256: str) -> bool:
        """Count one code that its landing is shown for the first time; False: too many.

        A count too many, by a client that repeats the write, does no harm: the bound is generous.
        """
        update = Update(
            session_key(self._component_appid, session_sha256),
            condition=all_of(
                EXISTS,
                any_of(Absent("codes_landed"), Compare("codes_landed", "<", CODES_PER_SESSION)),
            ),
            add={"codes_landed": 1},
        )
        try:
            self._table.write(update)
        except ConditionFailedError:
            return False
        return True

    def remember_mint(
        self, session: Session, pre_auth_code: str, cookie_sha256: str | None, *, now: float
    ) -> None:
        """Write which session minted a code (kept for seven days), and its browser's cookie."""
        self._table.write(
            Put(
                pre_auth_key(self._component_appid, fingerprint(pre_auth_code)),
                {
                    "tenant_id": session.tenant_id,
                    "session_sha256": session.session_sha256,
                    "delete_after": int(now + _PRE_AUTH_KEPT_SECONDS),
                },
            )
        )
        if cookie_sha256 is not None:
            self._add(session.session_sha256, {"launch_cookies": frozenset({cookie_sha256})}, {})

    def note_launch(self, session_sha256: str, cookie_sha256: str) -> None:
        """Note the cookie of a browser in which a link was launched that needs no code."""
        self._add(session_sha256, {"launch_cookies": frozenset({cookie_sha256})}, {})

    def minted_by(self, pre_auth_sha256: str, *, now: float) -> PreAuthCode | None:
        """Tell which session and tenant a pre-auth code was minted for."""
        item = self._table.get(pre_auth_key(self._component_appid, pre_auth_sha256))
        if item is None or is_past_its_end(item, now):
            return None
        return PreAuthCode(str(item["tenant_id"]), str(item["session_sha256"]))

    def confirm(self, session_sha256: str) -> None:
        """Note that a code of this session has arrived."""
        self._add(session_sha256, {}, {"confirmed": True})

    def add_authorizer(self, session_sha256: str, authorizer_appid: str) -> None:
        """Note that this session brought an authorizer."""
        self._add(
            session_sha256, {"authorizers": frozenset({authorizer_appid})}, {"confirmed": True}
        )

    def drop_authorizer(self, session_sha256: str, authorizer_appid: str) -> None:
        """Note that an authorizer came from elsewhere after all."""
        update = Update(
            session_key(self._component_appid, session_sha256),
            condition=EXISTS,
            take={"authorizers": frozenset({authorizer_appid})},
        )
        with contextlib.suppress(ConditionFailedError):
            self._table.write(update)

    # --- registrations ---------------------------------------------------------------------------

    def apply(self, session: Session, registration_sha256: str) -> Applied:
        """Write who applies, before WeChat is asked. Nobody loses a registration by that.

        An application like it is under way until WeChat gives such applications up (the session's
        end), or has refused it, or said what came of it. One of the same tenant to which WeChat
        gave no answer may be made again, unless WeChat has said yes to another tenant before;
        not while the answer may still come.
        """
        now = self._clock.now()
        key = registration_key(self._component_appid, registration_sha256)
        asking: dict[str, Value] = {
            "asking_tenant_id": session.tenant_id,
            "asking_session_sha256": session.session_sha256,
            "asking_again": False,
            "asking_until": now + _ASKING_SECONDS,
            "open_until": session.expires_at,
            "delete_after": int(now + _REGISTRATION_KEPT_SECONDS),
        }
        nobodys = any_of(MISSING, Compare("delete_after", "<=", now))
        heard_nothing = all_of(
            equals("asking_tenant_id", session.tenant_id),
            # Until then the answer may still come, to whoever is asking.
            Compare("asking_until", "<=", now),
            any_of(Absent("tenant_id"), equals("tenant_id", session.tenant_id)),
        )
        writes = (
            (Put(key, asking, condition=nobodys), Applied.NEW),
            (Update(key, condition=Compare("open_until", "<=", now), set=asking), Applied.NEW),
            (
                Update(key, condition=heard_nothing, set=asking | {"asking_again": True}),
                Applied.AGAIN,
            ),
        )
        for write, applied in writes:
            try:
                self._table.write(write)
            except ConditionFailedError as refusal:
                stands = refusal.item or {}
                # This very application, written twice by the client because an answer was lost?
                if stands.get("asking_session_sha256") == session.session_sha256:
                    return Applied.AGAIN if stands.get("asking_again") else Applied.NEW
            else:
                return applied
        return Applied.NOT

    def application_answered(
        self, session: Session, registration_sha256: str, *, accepted: bool
    ) -> None:
        """Note what WeChat said to an application. By a yes the registration is the session's.

        A refused one is forgotten and stands in nobody's way, but for one that was made again: its
        refusal says nothing of the time before, which had no answer.
        """
        own = equals("asking_session_sha256", session.session_sha256)
        if accepted:
            owner = Applicant(session.tenant_id, session.session_sha256)
            self._answer(registration_sha256, own, _owned_by(owner))
        else:
            only_once = Compare("asking_again", "=", value=False)
            self._answer(registration_sha256, all_of(own, only_once), {"open_until": 0})
            self.application_unanswered(session, registration_sha256)

    def application_unanswered(self, session: Session, registration_sha256: str) -> None:
        """Note that no answer will come any more: it may be made again at once."""
        update = Update(
            registration_key(self._component_appid, registration_sha256),
            condition=equals("asking_session_sha256", session.session_sha256),
            set={"asking_until": 0},
        )
        with contextlib.suppress(ConditionFailedError):
            self._table.write(update)

    def note_subject(self, session_sha256: str, subject_sha256: str) -> None:
        """Note the fingerprint of what WeChat has to be asked with about an application."""
        self._add(session_sha256, {}, {"subject_sha256": subject_sha256})

    def applied_by(self, registration_sha256: str, *, now: float) -> Applicant | None:
        """Tell whose a registration is: who was told yes, or has had no answer yet.

        None also where these are two tenants: nobody can tell whose application WeChat has.
        """
        item = self._table.get(registration_key(self._component_appid, registration_sha256))
        if item is None or is_past_its_end(item, now):
            return None
        owner = _applicant(item, "")
        asking = _applicant(item, "asking_")
        if owner is None or asking is None:
            return owner or asking
        return asking if asking.tenant_id == owner.tenant_id else None

    def application_failed(self, registration_sha256: str, applicant: Applicant) -> None:
        """Note that an application has come to nothing: another one like it may be made.

        WeChat has had it, then, whatever it had answered.
        """
        asks = equals("asking_session_sha256", applicant.session_sha256)
        owns = equals("session_sha256", applicant.session_sha256)
        own = any_of(asks, all_of(Absent("asking_session_sha256"), owns))
        self._answer(registration_sha256, own, _owned_by(applicant) | {"open_until": 0})

    def note_result(self, session_sha256: str, result: Result) -> None:
        """Write what came of a session's registration; a failure never replaces a success."""
        told: dict[str, Value] = {
            "outcome": result.outcome,
            "outcome_status": result.status,
            "outcome_msg": result.msg,
            "outcome_reason": result.reason,
            "registered_appid": result.authorizer_appid,
        }
        open_still = any_of(Absent("outcome"), equals("outcome", FAILED))
        update = Update(
            session_key(self._component_appid, session_sha256),
            condition=EXISTS if result.outcome == SUCCEEDED else all_of(EXISTS, open_still),
            set={name: value for name, value in told.items() if value is not None},
            remove=frozenset(name for name, value in told.items() if value is None),
        )
        with contextlib.suppress(ConditionFailedError):
            self._table.write(update)

    # --- inside ----------------------------------------------------------------------------------

    def _answer(
        self, registration_sha256: str, condition: Condition, told: Mapping[str, Value]
    ) -> None:
        update = Update(
            registration_key(self._component_appid, registration_sha256),
            condition=condition,
            set=told,
            remove=_ASKING,
        )
        # Somebody else is asking by now: what was said to this one changes nothing for them.
        with contextlib.suppress(ConditionFailedError):
            self._table.write(update)

    def _add(
        self, session_sha256: str, sets: dict[str, frozenset[str]], told: dict[str, Value]
    ) -> None:
        update = Update(
            session_key(self._component_appid, session_sha256),
            condition=EXISTS,
            set=told,
            add=sets,
        )
        try:
            self._table.write(update)
        except ConditionFailedError:
            # The session was deleted at the end of its life: nobody asks for it any more.
            return


def _owned_by(owner: Applicant) -> dict[str, Value]:
    return {"tenant_id": owner.tenant_id, "session_sha256": owner.session_sha256}


def _applicant(item: Item, prefix: str) -> Applicant | None:
    tenant_id, sha256 = item.get(f"{prefix}tenant_id"), item.get(f"{prefix}session_sha256")
    return None if tenant_id is None or sha256 is None else Applicant(str(tenant_id), str(sha256))


def _read(session_sha256: str, item: Item) -> Session:
    values = {field.name: item.get(field.name) for field in dataclasses.fields(Session)}
    present = {name: value for name, value in values.items() if value is not None}
    categories = present.pop("category_id_list", [])
    present.pop("session_sha256", None)
    return Session(
        session_sha256=session_sha256,
        category_id_list=tuple(categories) if isinstance(categories, list) else (),  # type: ignore[arg-type]
        **present,  # type: ignore[arg-type]  # the vault wrote these itself
    )
