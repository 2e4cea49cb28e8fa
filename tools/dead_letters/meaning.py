"""What a dead letter was for. Nothing of what it says is shown unless it has the shape of a job."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wxvault.errors import InvalidRequestError
from wxvault.runtime.jobs import (
    ClearQuota,
    LookAtTickets,
    exchange_job,
    is_release_job,
    is_ticket_job,
    release_job,
    renew_job,
    ticket_job,
)
from wxvault.runtime.queues import read_job

if TYPE_CHECKING:
    from tools.dead_letters.queues import DeadLetters, Letter
    from wxvault.runtime.token_requests import TokenRequest

_WORD = re.compile(r"[A-Za-z0-9_.]{1,60}")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a letter asked for; without any of the subjects: a wake-up, or no job of ours."""

    text: str
    authorizer_appid: str | None = None
    component: bool = False
    code_sha256: str | None = None
    ticket_sha256: str | None = None
    release_code_sha256: str | None = None
    wake_up: bool = False
    problem: str | None = None
    """Why it cannot be read, or what was said of it when it was set aside."""

    @property
    def is_job(self) -> bool:
        """Whether a consumer can read it."""
        named = self.authorizer_appid or self.code_sha256 or self.ticket_sha256
        return self.component or bool(named or self.release_code_sha256)


def meaning(queue: DeadLetters, letter: Letter) -> Meaning:
    """Read a letter as its consumer would."""
    if queue.source_url is None:
        return _wake_up(letter)
    try:
        job = read_job(letter.body)
        if "code_sha256" in job:
            code = exchange_job(job)
            return Meaning(f"exchange of the code with the hash {code[:12]}…", code_sha256=code)
        if is_ticket_job(job):
            ticket = ticket_job(job)
            text = f"registration by the ticket with the hash {ticket[:12]}…"
            return Meaning(text, ticket_sha256=ticket)
        if is_release_job(job):
            code = release_job(job)
            text = f"answer owed to a test account of WeChat, code with the hash {code[:12]}…"
            return Meaning(text, release_code_sha256=code)
        wanted = renew_job(job)
    except InvalidRequestError as error:
        size = len(letter.body.encode())
        return Meaning(f"no job of ours, {size} bytes", problem=error.message)
    return _renew_job(wanted)


def _renew_job(wanted: TokenRequest | LookAtTickets | ClearQuota) -> Meaning:
    match wanted:
        case LookAtTickets():
            # The sweep asks for it again as long as it is wanted.
            return Meaning("look at the tickets", wake_up=True)
        case ClearQuota():
            return Meaning("reset of a quota", problem="this is done by direct invoke only")
        case _ if wanted.authorizer_appid is None:
            return Meaning("renewal of the component token", component=True)
        case _:
            appid = wanted.authorizer_appid
            return Meaning(f"renewal for {appid}", authorizer_appid=appid)


def _wake_up(letter: Letter) -> Meaning:
    """Read what the scheduler (in attributes) or Lambda (in the body) says of a failed event."""
    attached = letter.attributes
    if "ERROR_CODE" in attached:
        code = attached["ERROR_CODE"].get("StringValue")
        return Meaning(
            "wake-up that did not reach its function",
            wake_up=True,
            problem=f"the scheduler was told {_word(code)}",
        )
    told = _object(letter.body)
    context, answer = told.get("requestContext"), told.get("responsePayload")
    if isinstance(context, dict) and "condition" in context:
        kind = answer.get("errorType") if isinstance(answer, dict) else None
        return Meaning(
            "wake-up that its function failed at",
            wake_up=True,
            problem=f"{_word(context['condition'])}, {_word(kind)}; the function's log says more",
        )
    return Meaning(f"no event of ours, {len(letter.body.encode())} bytes", problem="unknown form")


def _object(body: str) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _word(value: object) -> str:
    """Return a word such as an error's name, and never anything longer."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else "no reason"
