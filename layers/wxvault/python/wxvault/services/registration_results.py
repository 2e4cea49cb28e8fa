"""Results of registrations that WeChat pushes: whose they are, and what they end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from wxvault.protocol.registrations import result_sha256
from wxvault.services.registration_state import FAILED, SUCCEEDED, Applicant, Result

if TYPE_CHECKING:
    from wxvault.clock import Clock
    from wxvault.protocol.pushes import FastRegistration


class ResultStore(Protocol):
    """Where applications and their sessions are kept."""

    def applied_by(self, registration_sha256: str, *, now: float) -> Applicant | None:
        """Tell whose it is."""

    def application_failed(self, registration_sha256: str, applicant: Applicant) -> None:
        """Note that an application has come to nothing."""

    def note_result(self, session_sha256: str, result: Result) -> None:
        """Write what came of a session's registration."""


class RegistrationResults:
    """Takes in what came of registrations. It opens nothing, and asks nobody."""

    def __init__(self, store: ResultStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def note(self, push: FastRegistration, msg: str) -> Applicant | None:
        """End the session whose application this is the result of; None: nobody's here.

        ``msg`` is WeChat's, without what must not be kept.
        """
        registration = result_sha256(push)
        if registration is None:
            return None
        applicant = self._store.applied_by(registration, now=self._clock.now())
        if applicant is None:
            return None
        succeeded = push.status == 0 and push.appid is not None
        if not succeeded:
            self._store.application_failed(registration, applicant)
        outcome = SUCCEEDED if succeeded else FAILED
        result = Result(outcome, push.status, msg or None, authorizer_appid=push.appid)
        self._store.note_result(applicant.session_sha256, result)
        return applicant
