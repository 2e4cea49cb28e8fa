"""The page that explains what went wrong: to the merchant in plain words, to the platform below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wxvault import errors
from wxvault.runtime.pages.context import Words, both
from wxvault.runtime.pages.layout import Look, code, document, facts
from wxvault.runtime.pages.markup import Html, element

if TYPE_CHECKING:
    from wxvault.runtime.pages.context import PageContext

_UNKNOWN_LINK = (
    both("找不到这个授权链接", "This link is not known"),
    both(
        "链接可能不完整。请从平台发给你的消息中重新打开，或请平台发一个新的链接。",
        "It may be incomplete. Open it again from the platform's message, or ask for a new one.",
    ),
)
_EXPIRED = (
    both("授权链接已过期", "This link has expired"),
    both(
        "你的帐号没有任何变化。请联系平台获取新的授权链接。",
        "Nothing has changed for your account. Ask the platform for a new link.",
    ),
)
_TOO_OFTEN = (
    both("操作太频繁了", "That was a little too fast"),
    both(
        "请等几秒，返回上一页再点一次按钮。如果仍看到本页，请联系平台获取新的链接。",
        "Wait a few seconds, go back and press the button once. If this page comes again, ask the "
        "platform for a new link.",
    ),
)
_TOO_MANY = (
    both("这个授权链接已被使用太多次", "This link has been used too many times"),
    both(
        "如果你已在微信中确认授权，无需重复操作。否则请联系平台获取新的授权链接。",
        "If you have confirmed in WeChat, there is nothing more to do. If not, ask the platform "
        "for a new link.",
    ),
)
_OTHER_BROWSER = (
    both("请在同一个浏览器中完成", "Please stay in one browser"),
    both(
        "注册链接是在另一个浏览器中打开的，因此这里什么都没有发生。请在本浏览器中打开链接并点击按钮，再到微信确认。",
        "The link was opened in another browser, so nothing was done here. Open the link in this "
        "browser, press its button, and confirm in WeChat from there.",
    ),
)
_BAD_REQUEST = (
    both("这个请求不完整", "Something is missing from this request"),
    both(
        "请从授权链接重新开始一次。",
        "Please start again from your link.",
    ),
)
_REFUSED = (
    both("微信没有接受这次请求", "WeChat did not accept the request"),
    both(
        "你的帐号没有任何变化。请把下方信息发给平台。",
        "Nothing has changed for your account. Please send the platform what stands below.",
    ),
)
_UNREACHABLE = (
    both("暂时无法连接微信", "WeChat cannot be reached right now"),
    both(
        "你的帐号没有任何变化。请稍后再试；如仍失败，请把下方信息发给平台。",
        "Nothing has changed for your account. Try again later; if it stays, send the platform "
        "what stands below.",
    ),
)
_NOT_READY = (
    both("平台暂时还没有准备好", "The platform is not ready yet"),
    both(
        "你的帐号没有任何变化。请稍后再试；如仍失败，请把下方信息发给平台。",
        "Nothing has changed for your account. Try again later; if it stays, send the platform "
        "what stands below.",
    ),
)
_OTHER = (
    both("出了点问题", "Something went wrong"),
    both(
        "请稍后再试；如仍失败，请把下方信息发给平台。",
        "Try again later; if it stays, send the platform what stands below.",
    ),
)

_TEXTS: Final[dict[type[BaseException], tuple[Words, Words]]] = {
    errors.UnknownSessionError: _UNKNOWN_LINK,
    errors.SessionExpiredError: _EXPIRED,
    errors.MintLimitError: _TOO_OFTEN,
    errors.LandingLimitError: _TOO_MANY,
    errors.LaunchCookieMissingError: _OTHER_BROWSER,
    errors.InvalidRequestError: _BAD_REQUEST,
    errors.RequestTooLargeError: _BAD_REQUEST,
    errors.WeChatError: _UNREACHABLE,
    errors.WeChatRefusedError: _REFUSED,
    errors.NoTicketError: _NOT_READY,
    errors.RenewalInProgressError: _NOT_READY,
    errors.RenewalFailingError: _NOT_READY,
    errors.ConfigurationError: _NOT_READY,
    errors.SealBrokenError: _NOT_READY,
    errors.BusyError: _NOT_READY,
    errors.SealingKeyError: _NOT_READY,
    errors.TableUnavailableError: _NOT_READY,
    BaseException: _OTHER,
}

_FOR_THE_PLATFORM = both("给平台的信息", "For the platform")
_CODE = both("错误代码", "Error code")
_WHAT = both("说明", "What happened")
_REMEDY = both("处理方法", "What to do")
_ERRCODE = both("微信返回码", "WeChat's return code")
_REQUEST = both("请求编号", "Request id")


def error_page(page: PageContext, error: BaseException) -> str:
    """Return the page for an error; of an unexpected exception it shows no text."""
    heading, lead = next(_TEXTS[kind] for kind in type(error).__mro__ if kind in _TEXTS)
    expired = isinstance(error, errors.SessionExpiredError)
    return document(
        page,
        page.say(heading),
        element("h1", page.say(heading)),
        element("p", page.say(lead), class_="lead"),
        _details(page, error),
        look=Look(sign="late" if expired else "stop", tone="bad", switch=False),
    )


def _details(page: PageContext, error: BaseException) -> Html:
    rows: list[tuple[str, Html | str]] = []
    if isinstance(error, errors.WxvaultError):
        rows += [
            (page.say(_CODE), code(error.code)),
            (page.say(_WHAT), error.message),
            (page.say(_REMEDY), error.remedy),
        ]
        if error.wechat_errcode is not None:
            rows.append((page.say(_ERRCODE), code(str(error.wechat_errcode))))
    else:
        rows.append((page.say(_CODE), code(errors.WxvaultError.code)))
    if page.request_id:
        rows.append((page.say(_REQUEST), code(page.request_id)))
    return element("details", element("summary", page.say(_FOR_THE_PLATFORM)), facts(*rows))
