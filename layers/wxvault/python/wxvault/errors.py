"""Every error wxvault raises: one small tree; each has code, remedy and data, none a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping


class WxvaultError(Exception):
    """Base of all errors.

    ``code`` is stable and meant for programs, ``message`` says what happened, ``remedy`` says
    what a person can do about it. ``wechat_errcode`` is WeChat's own code where WeChat was the
    reason.
    No argument may ever be a secret: messages are logged and sent to callers. So they must have a
    form in UTF-8: a caller's JSON may name a field by half a surrogate pair, which becomes ``?``.
    """

    code: ClassVar[str] = "internal"
    default_remedy: ClassVar[str] = "Try again; if it stays, look at the function's log."

    def __init__(
        self, message: str, *, remedy: str | None = None, wechat_errcode: int | None = None
    ) -> None:
        message = message.encode("utf-8", "replace").decode("utf-8")
        super().__init__(message)
        self.message = message
        self.remedy = remedy if remedy is not None else self.default_remedy
        self.wechat_errcode = wechat_errcode


class ConfigurationError(WxvaultError):
    """A parameter, an environment variable or a secret is missing or malformed.

    The message names the field, never its value.
    """

    code = "configuration"
    field: str = ""
    default_remedy = "Correct the named parameter or secret and deploy or wait five minutes."

    def __init__(self, field: str, problem: str, *, remedy: str | None = None) -> None:
        super().__init__(f"{field}: {problem}", remedy=remedy)
        self.field = field


# --- what callers send ---------------------------------------------------------------------------


class InvalidRequestError(WxvaultError):
    """A caller's request has a field that cannot be accepted; nothing was changed."""

    code = "invalid_request"
    field: str = ""
    default_remedy = "Correct the named field and send the request again."

    def __init__(self, field: str, problem: str, *, remedy: str | None = None) -> None:
        super().__init__(f"{field}: {problem}", remedy=remedy)
        self.field = field


class RequestTooLargeError(WxvaultError):
    """A body is larger than the function accepts."""

    code = "request_too_large"
    default_remedy = "Send a smaller body."


class UnknownSessionError(WxvaultError):
    """No authorisation session has this id (or it belongs to another tenant)."""

    code = "unknown_session"
    default_remedy = "Ask the platform for a new authorisation link."


class SessionExpiredError(WxvaultError):
    """The authorisation session is past its end."""

    code = "session_expired"
    default_remedy = "Ask the platform for a new authorisation link."


class MintLimitError(WxvaultError):
    """A session asked for too many pre-authorisation codes, or too fast."""

    code = "mint_limit"
    default_remedy = (
        "Wait three seconds and press the button once; after 20 tries ask for a new link."
    )


class LandingLimitError(WxvaultError):
    """A session's landing was shown more authorization codes than its button can have brought."""

    code = "landing_limit"
    default_remedy = (
        "Ask the platform for a new authorisation link; what was confirmed in WeChat counts anyway."
    )


class LaunchCookieMissingError(WxvaultError):
    """A browser that did not launch the registration's link has come back with its ticket."""

    code = "not_launched_here"
    default_remedy = (
        "Open the link and press its button in this very browser, with cookies allowed."
    )


class RegistrationRunningError(WxvaultError):
    """An application for a mini program with the same data is under way already."""

    code = "registration_running"
    default_remedy = (
        "Wait for its result: WeChat takes such applications one after the other, and gives a "
        "person 24 hours to confirm."
    )


# --- pushes --------------------------------------------------------------------------------------


class MessageError(WxvaultError):
    """Base: a push (or reply) cannot be opened; nothing of it was believed."""

    code = "message"


class BadSignatureError(MessageError):
    """``msg_signature`` fits none of the configured Tokens."""

    code = "bad_signature"
    default_remedy = (
        "Compare the Token (消息校验Token) in WeChat's console with the push secret's `tokens`."
    )


class BadEnvelopeError(MessageError):
    """The envelope, its base64, its padding or its length is broken. ``stage`` says where."""

    code = "bad_envelope"
    stage: str = ""
    default_remedy = (
        "Compare the EncodingAESKey (消息加解密Key) in WeChat's console with the push secret's "
        "`encoding_aes_keys`."
    )

    def __init__(self, stage: str, problem: str, *, remedy: str | None = None) -> None:
        super().__init__(f"{stage}: {problem}", remedy=remedy)
        self.stage = stage


class AppidMismatchError(MessageError):
    """The push is for another component than the one this deployment serves."""

    code = "appid_mismatch"
    default_remedy = "Point the other platform's event URL at its own deployment."


class PushTooOldError(MessageError):
    """The push's timestamp is further away than PushMaxAgeSeconds."""

    code = "push_too_old"
    default_remedy = (
        "Raise PushMaxAgeSeconds, up to a week. With 0 pushes of any age are taken, so that"
        " somebody who recorded one can have a notice told again weeks later."
    )


# --- authorizers and their tokens ----------------------------------------------------------------


class UnknownAuthorizerError(WxvaultError):
    """The table holds no authorizer with this appid."""

    code = "unknown_authorizer"
    default_remedy = "Create an authorisation link for the merchant and let them authorise."


class AuthorizerPendingError(WxvaultError):
    """The merchant has confirmed, but the code is not exchanged yet."""

    code = "authorizer_pending"
    default_remedy = "Try again in a few seconds."


class AuthorizerRevokedError(WxvaultError):
    """The merchant has cancelled the authorisation."""

    code = "authorizer_revoked"
    default_remedy = "Send the merchant a new authorisation link if they want to come back."


class AuthorizerLostError(WxvaultError):
    """WeChat refuses the refresh token and knows no other."""

    code = "authorizer_lost"
    default_remedy = "Ask the merchant to authorise once more."


class NoApiAbilityError(WxvaultError):
    """The account is authorised but has no API ability, so WeChat issues no token for it."""

    code = "no_api_ability"
    default_remedy = "The merchant's account must be registered completely (and verified) first."


class NotForgettableError(WxvaultError):
    """An authorizer is active, or may become so right now; nothing was changed.

    ``passing``: it may be forgotten soon.
    """

    code = "not_forgettable"
    passing: bool = False
    default_remedy = (
        "Have the merchant cancel the authorisation first (at mp.weixin.qq.com), or assign the "
        "authorizer to nobody."
    )

    def __init__(self, message: str, *, remedy: str | None = None, passing: bool = False) -> None:
        super().__init__(message, remedy=remedy)
        self.passing = passing


class RenewalInProgressError(WxvaultError):
    """A token is being renewed or checked right now and was not ready in time."""

    code = "renewal_in_progress"
    default_remedy = "Try again in a few seconds."


class RenewalFailingError(WxvaultError):
    """WeChat refused the latest renewal; the next try waits for its back-off."""

    code = "renewal_failing"
    default_remedy = "Try again later; the reason is in the log of the renew function."


class NoTicketError(WxvaultError):
    """No valid component_verify_ticket has arrived."""

    code = "no_ticket"
    default_remedy = (
        "Enter the event URL in WeChat's console (授权事件接收URL) and wait up to ten minutes for "
        "the first push. WeChat is asked to start its pushes by itself; `make status` says more."
    )


class SealBrokenError(WxvaultError):
    """A sealed value cannot be opened: it was changed, moved, or sealed with another key."""

    code = "seal_broken"
    default_remedy = (
        "Nothing to do for this value: it is asked of WeChat again. Find out who has written to "
        "the table."
    )


class BusyError(WxvaultError):
    """Others changed the same item again and again; nothing was written."""

    code = "busy"
    default_remedy = "Try again in a moment; nothing was changed."


class SealingKeyError(WxvaultError):
    """The sealing key cannot be used now: nothing can be sealed, nor opened that is not known.

    Nobody asks WeChat for what could not be kept; everything goes on when the key is back.
    """

    code = "sealing_key_unusable"
    default_remedy = "Nothing to do if it passes; else look at the sealing key and at KMS itself."


PUT_OFF = (
    NoTicketError,
    RenewalFailingError,
    RenewalInProgressError,
    SealBrokenError,
    SealingKeyError,
)
"""Why there is no component token (or key) right now; what needed it stays due and comes again."""


class TableUnavailableError(WxvaultError):
    """DynamoDB refused a request or did not answer it; whether a write was done is unknown."""

    code = "table_unavailable"
    default_remedy = "Try again; if it stays, compare the function's role with the table."


class EventNotSentError(WxvaultError):
    """The bus did not take an event, and the table could not keep it either."""

    code = "event_not_sent"
    default_remedy = (
        "Nothing to do if it passes: WeChat pushes again. Else look at the bus and at the table."
    )


NOT_DURABLE = (BusyError, SealingKeyError, TableUnavailableError, EventNotSentError)
"""Why a push could not be kept or told: it gets no ``success``, so WeChat sends it again."""


# --- WeChat's answers ----------------------------------------------------------------------------


class WeChatError(WxvaultError):
    """Base: a call to WeChat brought no good answer. ``path`` has no query."""

    code = "wechat"
    path: str = ""

    def __init__(
        self,
        message: str,
        *,
        path: str,
        remedy: str | None = None,
        wechat_errcode: int | None = None,
    ) -> None:
        super().__init__(message, remedy=remedy, wechat_errcode=wechat_errcode)
        self.path = path


class WeChatRefusedError(WeChatError):
    """WeChat answered with an errcode: nothing was issued.

    ``answer`` is WeChat's whole answer, without secrets, where a caller had it called: some
    errcodes carry data.
    """

    code = "wechat_refused"
    answer: Mapping[str, Any] | None = None

    def __init__(
        self,
        message: str,
        *,
        path: str,
        remedy: str | None = None,
        wechat_errcode: int | None = None,
        answer: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, path=path, remedy=remedy, wechat_errcode=wechat_errcode)
        self.answer = answer


class TokenRefusedError(WeChatRefusedError):
    """WeChat refuses a token that has just been renewed, or that is too young to be renewed."""

    code = "token_refused"
    default_remedy = (
        "Find out what else fetches tokens for the same account (another system, a second "
        "deployment) and switch it off: each one that it fetches ends ours."
    )


class MinuteQuotaError(WeChatRefusedError):
    """45011: too many calls in this minute; nothing was executed."""

    code = "minute_quota"
    default_remedy = "Send it again after a minute. If it stays, call less often."


class DailyQuotaError(WeChatRefusedError):
    """45009: no call of this kind is left for today; nothing was executed."""

    code = "daily_quota"
    default_remedy = (
        "Wait for midnight in Beijing, or reset the quota (ten times a month): quota_clear of the "
        "client, or WeChat's console."
    )


class PermissionMissingError(WeChatRefusedError):
    """61007: the merchant has not granted the permission set that this call belongs to."""

    code = "permission_missing"
    default_remedy = (
        "Ask the merchant to authorise once more and to grant the permission set of this call."
    )


class WeChatUnknownError(WeChatError):
    """Time-out, reset, or not JSON: WeChat may or may not have executed the call."""

    code = "wechat_unreachable"
    default_remedy = "Nothing to do: it is tried again by itself. If it stays, check the egress."


class AnswerTooLargeError(WeChatUnknownError):
    """WeChat has executed a call, but its answer is larger than is passed on; it was cut off."""

    code = "answer_too_large"
    default_remedy = (
        "Look a token up and fetch it from WeChat yourself, from an address on the platform's list."
    )


# --- errors that travelled -----------------------------------------------------------------------


def from_answer(described: object) -> WxvaultError:
    """Rebuild the typed error from the ``error`` object of another function's answer.

    A code that is not known here becomes a plain WxvaultError.
    """
    fields = described if isinstance(described, dict) else {}
    remedy, errcode = fields.get("remedy"), fields.get("wechat_errcode")
    kind = _by_code().get(str(fields.get("code", "")), WxvaultError)
    error = kind.__new__(kind)
    WxvaultError.__init__(
        error,
        str(fields.get("message", "the other function gave no reason")),
        remedy=remedy if isinstance(remedy, str) else None,
        wechat_errcode=errcode if isinstance(errcode, int) else None,
    )
    # The message begins with what these classes also have as an attribute.
    subject = error.message.partition(":")[0]
    if isinstance(error, ConfigurationError | InvalidRequestError):
        error.field = subject
    elif isinstance(error, BadEnvelopeError):
        error.stage = subject
    elif isinstance(error, WeChatError):
        error.path = subject.rpartition(" ")[2]
    return error


def _by_code() -> dict[str, type[WxvaultError]]:
    known: dict[str, type[WxvaultError]] = {}
    waiting: list[type[WxvaultError]] = [WxvaultError]
    while waiting:
        kind = waiting.pop()
        if "code" in vars(kind):
            known[kind.code] = kind
        waiting.extend(kind.__subclasses__())
    return known
