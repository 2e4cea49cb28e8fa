"""The page a merchant opens, and the page that leads on to WeChat after the button."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from wxvault.errors import ConfigurationError
from wxvault.protocol import permission_sets
from wxvault.runtime.pages.context import Language, both
from wxvault.runtime.pages.layout import Look, code, document, facts, name
from wxvault.runtime.pages.markup import Html, element, join

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wxvault.runtime.pages.context import PageContext, Words


class AskedFor(Protocol):
    """What the page needs of an authorisation session."""

    @property
    def tenant_id(self) -> str:
        """The tenant's id, shown when it has no name."""

    @property
    def tenant_name(self) -> str | None:
        """The tenant's name."""

    @property
    def auth_type(self) -> int:
        """The kind of accounts that may authorise."""

    @property
    def biz_appid(self) -> str | None:
        """The one account that may authorise."""

    @property
    def category_id_list(self) -> Sequence[int]:
        """The permission sets asked for; none means all that the platform has released."""

    @property
    def registration(self) -> str | None:
        """Which kind of mini program is to be registered; None: an account is to be authorised."""

    @property
    def copy_wx_verify(self) -> bool:
        """Whether the official account's verification is taken over as well."""

    @property
    def expires_at(self) -> float:
        """Unix time in seconds at which the session ends."""


_BEIJING: Final = timedelta(hours=8)

_TITLE = both("授权接入", "Authorise your account")
_HEADING = both("授权你的微信帐号", "Authorise your WeChat account")
_LEAD = both(
    "授权后，该平台可以按你确认的权限代你管理公众号或小程序。你的微信密码不会提供给平台。",
    "The platform will manage your account within the permissions you confirm. It never learns "
    "your WeChat password.",
)
_PLATFORM = both("第三方平台", "Platform")
_TENANT = both("商户", "Merchant")
_KIND = both("帐号类型", "Kind of account")
_ONLY = both("仅限此帐号", "Only this account")
_SETS = both("申请的权限", "Permissions asked for")
_ALL_SETS = both(
    "平台已发布的全部权限，你可以在微信的确认页逐项取消",
    "All that the platform offers; on WeChat's page you can untick any of them",
)
_SOME_SETS = both("你可以在微信的确认页逐项取消", "On WeChat's page you can untick any of them")
_SET_NUMBER = both("权限集 {number}", "Permission set {number}")
_UNTIL = both("链接有效至", "Link valid until")
_TIME = both("{time}（北京时间）", "{time} Beijing time")
_HOW = both("接下来", "What happens next")
_STEPS = (
    both("点击按钮，前往微信的授权页面", "Press the button to go to WeChat's page"),
    both(
        "用管理员的微信扫码，或在微信中直接确认",
        "Scan the code with the administrator's WeChat, or confirm inside WeChat",
    ),
    both("选择帐号，核对权限并确认", "Choose the account, check the permissions, confirm"),
)
_BUTTON = both("前往微信授权", "Continue to WeChat")
_NOTE = both(
    "只有帐号的管理员可以授权；之后可随时在微信公众平台取消。",
    "Only the account's administrator can authorise, and can cancel at any time at "
    "mp.weixin.qq.com.",
)
_AUTH_TYPES = {
    1: both("公众号", "Official accounts"),
    2: both("小程序", "Mini programs"),
    3: both("公众号、小程序", "Official accounts and mini programs"),
    4: both("小程序推客", "Mini-program promoter accounts"),
    5: both("视频号", "Channels accounts"),
    6: both("公众号、小程序、视频号", "Official accounts, mini programs and channels"),
    8: both("带货助手", "Sales-assistant accounts"),
}
_REGISTER_TITLE = both("注册小程序", "Register a mini program")
_REGISTER_HEADING = both("用公众号资料注册小程序", "Register a mini program")
_REGISTER_LEAD = both(
    "将复用下方公众号的主体资料注册一个新的小程序，并授权给该平台管理。公众号本身不会改变。",
    "A new mini program is registered with the registration of the official account below, and the "
    "platform will manage it. The official account itself does not change.",
)
_ACCOUNT = both("公众号", "Official account")
_VERIFY = both("微信认证", "WeChat verification")
_VERIFY_COPIED = both("一并复用到小程序", "Taken over for the mini program as well")
_VERIFY_LEFT = both(
    "不复用，小程序需另行认证", "Not taken over; the mini program has to get its own"
)
_REGISTER_STEPS = (
    both("点击按钮，前往微信的确认页面", "Press the button to go to WeChat's page"),
    both(
        "用公众号管理员的微信扫码并确认",
        "Scan the code with the WeChat of the official account's administrator, and confirm",
    ),
    both("回到本平台，等待几秒完成注册", "Come back here: the registration takes a few seconds"),
)
_REGISTER_BUTTON = both("前往微信确认", "Continue to WeChat")
_REGISTER_NOTE = both(
    "只有公众号的管理员可以确认。请全程使用同一个浏览器。",
    "Only the official account's administrator can confirm. Stay in this browser all the way.",
)
_OTHER_TYPE = both("类型 {number}", "Kind {number}")

_ONWARD_TITLE = both("正在前往微信", "On to WeChat")
_ONWARD_HEADING = both("正在前往微信授权页面", "Taking you to WeChat")
_ONWARD_LEAD = both(
    "如果页面没有自动跳转，请点击下方按钮。", "If nothing happens, press the button."
)
_ONWARD_BUTTON = both("继续前往微信", "Go on to WeChat")
_ONWARD_HINTS = (
    both(
        "在电脑上：用管理员的微信扫描下一页的二维码。",
        "On a computer: scan the code on the next page with the administrator's WeChat.",
    ),
    both("在手机上：请在微信中打开本页面。", "On a telephone: open this page inside WeChat."),
)
# replace(): the way back leads to the launch page, not to a form sent twice. The navigation comes
# from this page, so that WeChat is shown its origin as Referer.
_ONWARD_SCRIPT: Final = 'location.replace(document.getElementById("onward").href);'


def launch_page(page: PageContext, session: AskedFor) -> str:
    """Return the page behind a launch link. It mints nothing: its one button is a POST."""
    if session.registration is not None:
        return _registration_page(page, session)
    return document(
        page,
        page.say(_TITLE),
        element("h1", page.say(_HEADING)),
        element("p", page.say(_LEAD), class_="lead"),
        facts(
            (page.say(_PLATFORM), _platform(page)),
            (page.say(_TENANT), name(session.tenant_name or session.tenant_id)),
            _what_kind(page, session),
            (page.say(_SETS), _sets(page, session.category_id_list)),
            (page.say(_UNTIL), _time(page, session.expires_at)),
        ),
        *_button_and_steps(page, _BUTTON, _NOTE, _STEPS),
    )


def _registration_page(page: PageContext, session: AskedFor) -> str:
    verify = _VERIFY_COPIED if session.copy_wx_verify else _VERIFY_LEFT
    return document(
        page,
        page.say(_REGISTER_TITLE),
        element("h1", page.say(_REGISTER_HEADING)),
        element("p", page.say(_REGISTER_LEAD), class_="lead"),
        facts(
            (page.say(_PLATFORM), _platform(page)),
            (page.say(_TENANT), name(session.tenant_name or session.tenant_id)),
            (page.say(_ACCOUNT), code(session.biz_appid or "")),
            (page.say(_VERIFY), page.say(verify)),
            (page.say(_UNTIL), _time(page, session.expires_at)),
        ),
        *_button_and_steps(page, _REGISTER_BUTTON, _REGISTER_NOTE, _REGISTER_STEPS),
    )


def _button_and_steps(
    page: PageContext, button: Words, note: Words, steps: Sequence[Words]
) -> tuple[Html, ...]:
    return (
        element(
            "form",
            element("button", page.say(button), type="submit", class_="button"),
            method="post",
            action=f"?lang={page.chosen_language}" if page.chosen_language else None,
        ),
        element("p", page.say(note), class_="small"),
        element("h2", page.say(_HOW)),
        element("ol", *(element("li", page.say(step)) for step in steps), class_="steps"),
    )


def onward_page(page: PageContext, onward_url: str) -> str:
    """Return the page that follows the button: a real link to WeChat, followed by itself.

    A redirect would not do: WeChat wants a page of the platform's domain as Referer.
    """
    if urlsplit(onward_url).scheme not in {"https", "http"}:
        raise ConfigurationError("onward_url", "is not a web address")
    return document(
        page,
        page.say(_ONWARD_TITLE),
        element("h1", page.say(_ONWARD_HEADING)),
        element("p", page.say(_ONWARD_LEAD), class_="lead"),
        element("ul", *(element("li", page.say(hint)) for hint in _ONWARD_HINTS), class_="hints"),
        element("a", page.say(_ONWARD_BUTTON), id="onward", href=onward_url, class_="button"),
        look=Look(sign="wait", script=_ONWARD_SCRIPT, switch=False),
    )


def _platform(page: PageContext) -> Html:
    if page.platform_name is None:
        return code(page.component_appid)
    return join(name(page.platform_name), element("code", page.component_appid, class_="sub"))


def _what_kind(page: PageContext, session: AskedFor) -> tuple[str, Html]:
    """Say which accounts may authorise; the one account wins over the kind, as with WeChat."""
    if session.biz_appid is not None:
        return page.say(_ONLY), code(session.biz_appid)
    words = _AUTH_TYPES.get(session.auth_type)
    if words is None:
        return page.say(_KIND), join(page.say(_OTHER_TYPE, number=str(session.auth_type)))
    return page.say(_KIND), join(page.say(words))


def _sets(page: PageContext, numbers: Sequence[int]) -> Html:
    if not numbers:
        return join(page.say(_ALL_SETS))
    items = (element("li", _set_name(page, number)) for number in numbers)
    return join(
        element("ul", *items, class_="sets"),
        element("span", page.say(_SOME_SETS), class_="sub"),
    )


def _set_name(page: PageContext, number: int) -> str:
    known = permission_sets.lookup(number)
    if not known.known:
        return page.say(_SET_NUMBER, number=str(number))
    if page.language is Language.CHINESE:
        return known.zh
    return known.en[:1].upper() + known.en[1:]


def _time(page: PageContext, seconds: float) -> Html:
    moment = datetime.fromtimestamp(seconds, UTC)
    text = page.say(_TIME, time=f"{moment + _BEIJING:%Y-%m-%d %H:%M}")
    return element("time", text, datetime=f"{moment:%Y-%m-%dT%H:%M:%SZ}")
