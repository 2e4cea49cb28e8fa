"""What a person has to do next, in words: read off a status report, in the order of the README."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from wxvault.protocol import return_codes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    type Report = Mapping[str, Any]
    type Level = Literal["well", "setup", "attention"]

_SECRET_WRONG: Final = frozenset({40001, 40125, 41004})
_APPID_WRONG: Final = frozenset({40013, 61011})


@dataclass(frozen=True, slots=True)
class NextStep:
    """One step: a stable word, how urgent it is, and the sentence in both languages."""

    code: str
    level: Level
    en: str
    zh: str

    def told(self) -> dict[str, str]:
        """Return it as JSON."""
        return {"code": self.code, "level": self.level, "en": self.en, "zh": self.zh}


def next_step(report: Report) -> NextStep:
    """Return the first thing that has to be done; if nothing has to, say so."""
    return next(_steps(report))


def _steps(report: Report) -> Iterator[NextStep]:
    yield from _secrets(report)
    yield from _refusals(report)
    yield from _tickets(report)
    yield from _component_token(report)
    yield from _egress(report)
    yield from _operation(report)
    yield from _unknown(report)
    yield from _merchants(report)


# --- before the first ticket, and whenever it breaks ---------------------------------------------


def _secrets(report: Report) -> Iterator[NextStep]:
    pushes, token = _part(report, "pushes"), _part(report, "component_token")
    level = _level(report)
    if pushes.get("last_verdict") == "configuration":
        yield NextStep(
            "push_secret",
            level,
            "Put Token and EncodingAESKey into the push secret (README, step 1): pushes arrive, "
            "and "
            "it is missing or malformed. The log of callback names the field.",
            "把消息校验Token和消息加解密Key写进推送密钥（README 第 1 步）：推送已到达，但密钥缺失或"
            "格式有误。callback 的日志写明了是哪个字段。",
        )
    no_secret = _start(report).get("outcome") == "no_secret"
    if no_secret or token.get("failing_reason") == "no_app_secret":
        yield NextStep(
            "app_secret",
            level,
            "Put the platform's AppSecret into the app secret (README, step 1): it is missing or "
            "malformed. The log of renew names the field.",
            "把平台的 AppSecret 写进 AppSecret 密钥（README 第 1 步）：它缺失或格式有误。renew 的"
            "日志"
            "写明了是哪个字段。",
        )


def _refusals(report: Report) -> Iterator[NextStep]:
    """Tell what WeChat refused last, when it was asked with the AppSecret."""
    level = _level(report)
    for asked in (_start(report), _part(report, "component_token")):
        errcode = asked.get("wechat_errcode")
        if errcode in return_codes.ADDRESS_REFUSED:
            console = _part(report, "console")
            address = asked.get("refused_address") or console.get("ip_list") or "the egress address"
            yield _ip_list(str(address), level)
        elif errcode in _SECRET_WRONG:
            yield NextStep(
                "app_secret_refused",
                level,
                "Put the platform's present AppSecret into the app secret: WeChat refuses this one "
                f"({errcode}).",
                f"微信拒绝了现在的 AppSecret（{errcode}）：把平台当前的 AppSecret 写进密钥。",
            )
        elif errcode in _APPID_WRONG:
            yield NextStep(
                "component_appid",
                level,
                f"Compare parameter ComponentAppid with WeChat's console: WeChat answers "
                f"{errcode}.",
                f"核对参数 ComponentAppid 与微信控制台：微信返回 {errcode}。",
            )


def _ip_list(address: str, level: Level) -> NextStep:
    return NextStep(
        "ip_list",
        level,
        f"Add {address} to 白名单IP地址列表 in WeChat's console (README, step 4), and publish the "
        "change if the platform is released. wxvault tries again by itself within 15 minutes.",
        f"在微信控制台的白名单IP地址列表里加上 {address}（README 第 4 步）；平台已全网发布的，还"
        f"要发布"
        "这次改动。wxvault 会在 15 分钟内自动重试。",
    )


def _both(en: str, zh: str) -> tuple[str, str]:
    return en, zh


_REFUSED: Final[Mapping[str, tuple[str, str]]] = {
    "bad_signature": _both(
        "Pushes arrive, and their signature fits no Token: compare 消息校验Token in WeChat's "
        "console "
        "with the push secret's tokens.",
        "推送已到达，但签名与任何 Token 都不符：核对微信控制台的消息校验Token与推送密钥里的 "
        "tokens。",
    ),
    "bad_envelope": _both(
        "Pushes arrive and cannot be opened: compare 消息加解密Key in WeChat's console with the "
        "push "
        "secret's encoding_aes_keys.",
        "推送已到达，但无法解密：核对微信控制台的消息加解密Key与推送密钥里的 encoding_aes_keys。",
    ),
    "appid_mismatch": _both(
        "Pushes of another platform arrive here: compare ComponentAppid with WeChat's console, and "
        "give each platform its own deployment.",
        "到达这里的是另一个平台的推送：核对 ComponentAppid 与微信控制台；每个平台要有自己的部署。",
    ),
    "push_too_old": _both(
        "Pushes arrive with a time too far away: raise PushMaxAgeSeconds, or set it to 0.",
        "推送的时间戳相差太远：调大 PushMaxAgeSeconds，或设为 0。",
    ),
}


def _tickets(report: Report) -> Iterator[NextStep]:
    pushes = _part(report, "pushes")
    if "error" in pushes or not pushes.get("ticket_is_stale"):
        return
    level = _level(report)
    last, verdict = pushes.get("last_verdict"), str(pushes.get("last_refused_verdict"))
    if last is not None and last != "accepted":
        en, zh = _REFUSED.get(
            verdict,
            (
                f"Pushes arrive and are refused ({verdict}): look at the log of callback.",
                f"推送已到达但被拒绝（{verdict}）：请看 callback 的日志。",
            ),
        )
        yield NextStep("pushes_refused", level, en, zh)
    events_url = _part(report, "console").get("events_url")
    if _start(report).get("outcome") == "running":
        yield NextStep(
            "pushes_do_not_arrive",
            level,
            "No ticket arrives, and WeChat says that it pushes. Paste the addresses into its "
            "console "
            f"(README, step 4): 授权事件接收URL is {events_url}. Then look whether domain and "
            "certificate lead here. A ticket comes every ten minutes.",
            "没有收到 ticket，而微信说它在推送。请把各地址填进微信控制台（README 第 4 步）：授权"
            "事件接收"
            f"URL 是 {events_url}。再检查域名和证书是否指到这里。ticket 每十分钟推送一次。",
        )
    yield NextStep(
        "wait_for_ticket",
        level,
        f"Paste the addresses into WeChat's console (README, step 4): 授权事件接收URL is "
        f"{events_url}. "
        "Then wait up to ten minutes for the ticket: WeChat has been asked to push.",
        f"把各地址填进微信控制台（README 第 4 步）：授权事件接收URL 是 {events_url}。然后最多等十"
        f"分钟，"
        "ticket 就会到：已经请微信开始推送。",
    )


def _component_token(report: Report) -> Iterator[NextStep]:
    token = _part(report, "component_token")
    if "error" in token or (token.get("servable") and token.get("status") != "failing"):
        return
    errcode = token.get("wechat_errcode")
    if errcode:
        yield NextStep(
            "component_token_refused",
            "attention",
            f"WeChat refuses the component token ({errcode}). {return_codes.remedy(errcode)}",
            f"微信拒绝签发 component_access_token（{errcode}）。renew 的日志写明原因和办法。",
        )
    yield NextStep(
        "wait_for_component_token",
        "attention" if token.get("status") == "failing" else "setup",
        "There is a ticket and no component token yet: wait a minute, then ask again. If it stays, "
        "the log of renew says why.",
        "ticket 已有，component_access_token 还没有：等一分钟再查一次。一直没有的话，看 renew 的"
        "日志。",
    )


def _egress(report: Report) -> Iterator[NextStep]:
    egress = _part(report, "egress")
    if egress.get("listed") is False:
        address = egress.get("seen") or egress.get("expected") or "the egress address"
        yield _ip_list(str(address), "attention")


# --- in operation --------------------------------------------------------------------------------


def _operation(report: Report) -> Iterator[NextStep]:
    due, queues = _part(report, "due"), _part(report, "queues")
    by_status = _part(report, "authorizers").get("by_status", {})
    if due.get("overdue_authorizers"):
        count = due["overdue_authorizers"]
        yield NextStep(
            "overdue",
            "attention",
            f"{count} merchants' tokens should have been renewed a quarter of an hour ago: look at "
            "the logs of sweep and renew.",
            f"有 {count} 个商家的令牌早该在一刻钟前刷新：请看 sweep 和 renew 的日志。",
        )
    letters = sum(count for name, count in queues.items() if name.endswith("dead_letters"))
    if "error" not in queues and letters:
        yield NextStep(
            "dead_letters",
            "attention",
            f"{letters} dead letters: make dlq shows what they were for, and whether they are "
            f"still "
            "wanted.",
            f"有 {letters} 条死信：make dlq 会列出它们的用途，以及是否还需要。",
        )
    if due.get("unsent_events"):
        count = due["unsent_events"]
        yield NextStep(
            "unsent_events",
            "attention",
            f"{count} events wait for the event bus: look at the bus and its policy.",
            f"有 {count} 个事件发不到事件总线：请检查总线及其策略。",
        )
    for status, en, zh in (
        ("failing", "are refused by WeChat again and again", "屡次被微信拒绝"),
        ("lost", "have to authorise once more", "需要重新授权"),
    ):
        if by_status.get(status):
            yield NextStep(
                f"authorizers_{status}",
                "attention",
                f"{by_status[status]} merchants {en}: the list of authorizers by status {status} "
                "names them.",
                f"有 {by_status[status]} 个商家{zh}：按状态 {status} 列出即可看到是哪些。",
            )


def _unknown(report: Report) -> Iterator[NextStep]:
    failed = [name for name, part in report.items() if isinstance(part, dict) and "error" in part]
    if failed:
        names = ", ".join(failed)
        yield NextStep(
            "not_all_known",
            "attention",
            f"Not everything could be looked at ({names}): ask again; if it stays, do what the "
            "error's remedy says.",
            f"有几项没查到（{names}）：再查一次；一直如此就按错误里的 remedy 处理。",
        )


def _merchants(report: Report) -> Iterator[NextStep]:
    if not _part(report, "authorizers").get("total"):
        yield NextStep(
            "first_merchant",
            "well",
            "The platform is ready. Create a link for the first merchant (README, step 6).",
            "平台已就绪。为第一个商家创建授权链接（README 第 6 步）。",
        )
    yield NextStep(
        "all_well", "well", "Nothing has to be done: all is well.", "一切正常，什么都不用做。"
    )


# --- reading a report ----------------------------------------------------------------------------


def _part(report: Report, name: str) -> Report:
    found = report.get(name)
    return found if isinstance(found, dict) else {}


def _start(report: Report) -> Report:
    """Return what WeChat said when it was asked to push, while that still matters."""
    pushes = _part(report, "pushes")
    return _part(pushes, "start") if pushes.get("ticket_is_stale") else {}


def _level(report: Report) -> Level:
    """Return whether this is a platform that is being set up, or one that worked before."""
    worked = _part(report, "pushes").get("ticket_at") is not None
    return "attention" if worked else "setup"
