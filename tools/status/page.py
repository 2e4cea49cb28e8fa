"""A status report as a page for a terminal: a line for each part, and the next step at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    type Part = Mapping[str, Any]
    type Line = tuple[str, str, str]

_GOOD, _BAD, _UNKNOWN, _CALM = "✓", "✗", "?", "·"
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def page(report: Mapping[str, Any]) -> str:
    """Return the page, without a newline at its end."""
    now = float(report["at"])
    lines = [f"wxvault for {report['component_appid']} at {report['base_url']}", ""]
    lines += [f"  {mark} {name:<16} {text}" for mark, name, text in _parts(report, now)]
    lines += ["", "  For WeChat's console / 填进微信控制台"]
    console = report["console"]
    for field, value in (
        ("白名单IP地址列表", console["ip_list"] or _seen(report)),
        ("授权发起页域名", console["start_page_domain"]),
        ("授权事件接收URL", console["events_url"]),
        ("消息与事件接收URL", console["messages_url"]),
    ):
        # A Chinese character is two columns wide.
        wide = sum(1 for character in field if character > "\u2e80")
        lines.append(f"    {field}{' ' * (20 - len(field) - wide)}{value}")
    step = report["next_step"]
    heading = "Next step / 下一步" if step["level"] != "well" else "All is well / 一切正常"
    lines += ["", f"  {heading}", f"    {step['en']}", f"    {step['zh']}"]
    return "\n".join(lines)


def _parts(report: Mapping[str, Any], now: float) -> Iterator[Line]:
    for name, key, tell in (
        ("pushes", "pushes", _pushes),
        ("ticket", "pushes", _ticket),
        ("component token", "component_token", _component_token),
        ("address", "egress", _egress),
        ("merchants", "authorizers", _authorizers),
        ("overdue", "due", _due),
        ("queues", "queues", _queues),
    ):
        part = report[key]
        if "error" in part:
            error = part["error"]
            yield _UNKNOWN, name, f"{error['message']} ({error['code']})"
        else:
            mark, text = tell(part, now)
            yield mark, name, text


def _pushes(part: Part, now: float) -> tuple[str, str]:
    if part["last_at"] is None:
        return _CALM, "none has ever come"
    last = f"last {_span(now - part['last_at'])} ago"
    if part["last_verdict"] == "accepted":
        return _GOOD, f"{last}: accepted ({part['last_accepted']})"
    accepted = part["last_accepted_at"]
    never = "none was ever accepted"
    before = never if accepted is None else f"last accepted {_span(now - accepted)} ago"
    # Anybody can send what is refused: while tickets come, it is a stranger's.
    mark = _BAD if part["ticket_is_stale"] else _CALM
    return mark, f"{last}: refused ({part['last_verdict']}); {before}"


def _ticket(part: Part, now: float) -> tuple[str, str]:
    age = part["ticket_age"]
    text = "none has ever come" if age is None else f"{_span(age)} old"
    if not part["ticket_is_stale"]:
        return _GOOD, text
    start = part["start"]
    if start["asked_at"] is not None:
        errcode = f" {start['wechat_errcode']}" if start["wechat_errcode"] else ""
        word = str(start["outcome"]).replace("_", " ")
        text += f"; WeChat was asked to push {_span(now - start['asked_at'])} ago: {word}{errcode}"
    return (_CALM if age is None else _BAD), text


def _component_token(part: Part, _: float) -> tuple[str, str]:
    if part["status"] == "none":
        return _CALM, "none yet: the first ticket buys one"
    ends = part["expires_in"]
    text = f"{part['status']}, " + (
        "none to hand out" if not part["servable"] or ends is None else f"ends in {_span(ends)}"
    )
    if part["attempts"]:
        text += f"; refused {part['attempts']} times in a row"
    if part["wechat_errcode"]:
        text += f", last with {part['wechat_errcode']}"
    if part["failing_reason"]:
        text += f"; {part['failing_reason']}"
    good = part["servable"] and part["status"] != "failing"
    return (_GOOD if good else _BAD), text


def _egress(part: Part, _: float) -> tuple[str, str]:
    seen, expected = part["seen"], part["expected"]
    if part["listed"] is None:
        own = f"; the stack's own is {expected}" if expected else ""
        return _CALM, f"WeChat could not be asked which one it sees{own}"
    if not part["listed"]:
        return _BAD, f"{seen or expected or 'the egress address'} is not on WeChat's list"
    if seen is None:
        return _GOOD, "WeChat accepts it, and did not say which one it sees"
    other = f", and not the stack's own {expected}" if expected and expected != seen else ""
    return (_BAD if other else _GOOD), f"WeChat sees {seen}{other}: on its list"


def _authorizers(part: Part, _: float) -> tuple[str, str]:
    if not part["total"]:
        return _CALM, "none yet"
    kinds = ", ".join(f"{count} {status}" for status, count in part["by_status"].items() if count)
    needy = part["by_status"].get("failing", 0) + part["by_status"].get("lost", 0)
    return (_BAD if needy else _GOOD), f"{part['total']}: {kinds}; {part['unassigned']} unassigned"


def _due(part: Part, _: float) -> tuple[str, str]:
    if not any(part.values()):
        return _GOOD, "nothing is overdue, no event waits to be sent"
    told = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in part.items() if count)
    return _BAD, told


def _queues(part: Part, _: float) -> tuple[str, str]:
    letters = {name: count for name, count in part.items() if name.endswith("dead_letters")}
    waiting = ", ".join(f"{name} {n}" for name, n in part.items() if name not in letters)
    dead = ", ".join(
        f"{name.removesuffix('_dead_letters')} {n}" for name, n in letters.items() if n
    )
    if dead:
        return _BAD, f"waiting: {waiting}; dead letters: {dead} (make dlq)"
    return _GOOD, f"waiting: {waiting}; no dead letters"


def _seen(report: Mapping[str, Any]) -> str:
    """Return the address to list where the stack has no fixed one of its own."""
    told = (
        report["egress"].get("seen"),
        report["pushes"].get("start", {}).get("refused_address"),
        report["component_token"].get("refused_address"),
    )
    return next((str(address) for address in told if address), "what your way out has")


def _span(seconds: float) -> str:
    """Return a time in the unit that fits."""
    whole = max(round(seconds), 0)
    if whole < 2 * _MINUTE:
        return f"{whole} s"
    if whole < 2 * _HOUR:
        return f"{whole // _MINUTE} min"
    return f"{whole // _HOUR} h" if whole < 2 * _DAY else f"{whole // _DAY} days"
