"""The table of a run: every figure, every bound, and whatever must not be."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from sandbox.chaos.faults import KINDS
from sandbox.chaos.judge import HONOURED, UNTOLD, Allowance, Cancellation, TokenJudge, percentile
from sandbox.chaos.plan import SERVICES
from sandbox.chaos.report import Report
from sandbox.chaos.vault import data_keys
from sandbox.chaos.weather import AUTHORIZER_TOKEN, COMPONENT_TOKEN, tally
from sandbox.stack.leaks import search, written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.chaos.drill import Drill
    from sandbox.stack.leaks import Secret

_TOLD_WITHIN_SECONDS = 150.0
"""Some sweeps, and the pauses of an event that was refused three or four times."""

_WRITES = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems")


def judge(drill: Drill) -> Report:
    """Say what a run has shown."""
    plan, entries = drill.plan, drill.stack.wechat.log()
    title = f"{drill.seconds:.0f} s of chaos, seed {plan.seed}"
    report = Report(title)
    _load(report, drill)
    _look_ups(report, drill)
    _tokens(report, drill)
    _faults(report, drill, entries)
    _renewals(report, drill, entries)
    _recovery(report, drill)
    _left_behind(report, drill)
    return report


def _load(report: Report, drill: Drill) -> None:
    counts, plan = drill.notes.counts, drill.plan
    states = Counter(push.state for push in drill.stack.wechat.pushes())
    report.row("sweep", f"every {plan.sweep_seconds:.0f} s (60 s on AWS), overlap {plan.overlap} s")
    came = ", ".join(f"{counts[what]} {what}" for what in ("joins", "changes", "leaves", "returns"))
    report.row("merchants", f"{plan.merchants} at first; {came}")
    orders = [
        f"{number} {name.removeprefix('authorised, ')}"
        for name, number in sorted(counts.items())
        if name.startswith("authorised, ")
    ]
    report.row("authorisations by what came", ", ".join(orders))
    given_up = sum(number for name, number in counts.items() if name.startswith("given up"))
    report.row("merchants' errands given up", given_up)
    report.row("pushes", ", ".join(f"{n} {state}" for state, n in sorted(states.items())))


def _look_ups(report: Report, drill: Drill) -> None:
    notes, plan = drill.notes, drill.plan
    report.row(
        "look-ups while things went wrong",
        f"{drill.look_ups}, of which {drill.asked} asked the vault",
    )
    rate = drill.asked / drill.seconds if drill.seconds else 0.0
    report.least("look-ups per second that asked the vault", rate, plan.least_look_ups, form=".1f")
    codes = ", ".join(f"{number} {code}" for code, number in notes.errors.most_common())
    report.row("look-ups in all, the recovery too", notes.look_ups)
    part = len(notes.handed) / notes.look_ups if notes.look_ups else 0.0
    report.bound(
        "answered with a token",
        f"{len(notes.handed)}, {part:.0%}",
        holds=part >= plan.least_answered,
        wanted=f"at least {plan.least_answered:.0%}",
    )
    report.row("answered with a clear error", f"{sum(notes.errors.values())} ({codes})")
    report.none("answered with anything else", notes.wrong)
    p50, p99 = percentile(notes.seconds, 0.5), percentile(notes.seconds, 0.99)
    report.row("latency", f"p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms")


def _tokens(report: Report, drill: Drill) -> None:
    issued = drill.stack.wechat.tokens()
    judge = TokenJudge(issued, _cancellations(drill), overlap=drill.plan.overlap)
    verdicts = [(one, judge.verdict(one)) for one in drill.notes.handed]
    dead = [
        f"{one.authorizer_appid} {what}: asked for at {one.asked_at:.3f}, handed out at "
        f"{one.handed_at:.3f}{', from the cache' if one.cached else ''}"
        for one, what in verdicts
        if what not in {HONOURED, UNTOLD}
    ]
    report.none("dead tokens handed out", dead)
    untold = sum(what == UNTOLD for _, what in verdicts)
    report.row("handed out after a cancellation nobody had told of", untold)
    report.none("refresh tokens lost", drill.watch.findings)
    looks = drill.watching
    report.least("looks at the refresh tokens in the table", looks.looks, drill.plan.least_looks)
    report.row("looks that failed", looks.failed)
    report.none("parts of the load that ended early", drill.ended_early)


def _cancellations(drill: Drill) -> list[Cancellation]:
    found = []
    for push in drill.stack.wechat.pushes("unauthorized"):
        good = [attempt for attempt in push.attempts if attempt["ok"]]
        heard = good[0]["time"] if good else None
        found.append(Cancellation(push.authorizer_appid, push.created_at, heard))
    return found


def _faults(report: Report, drill: Drill, entries: list[dict[str, Any]]) -> None:
    injected, seen, least = (
        drill.stack.faults.injected(),
        drill.stack.faults.seen(),
        drill.plan.least_faults,
    )
    by_service: Counter[tuple[str, str]] = Counter()
    for (service, _, kind), number in injected.items():
        by_service[service, kind] += number
    rare = [
        f"{service} {kind}: {by_service[service, kind]}"
        for service in SERVICES
        for kind in KINDS
        if by_service[service, kind] < least
    ]
    report.row("faults at AWS", f"{sum(injected.values())} in {sum(seen.values())} requests")
    wanted = f"every kind at every service at least {least} times"
    report.bound("kinds of fault met too rarely", len(rare), holds=not rare, wanted=wanted)
    report.more.extend(f"- too rare: {one}" for one in rare)
    at_wechat = tally(entries)
    rare_there = [f"{name}: {number}" for name, number in at_wechat.items() if number < least]
    report.row("faults at WeChat", sum(at_wechat.values()))
    wanted = f"each at least {least} times"
    report.bound(
        "kinds of fault met too rarely there", len(rare_there), holds=not rare_there, wanted=wanted
    )
    report.more.extend(f"- too rare at WeChat: {one}" for one in rare_there)
    killer = drill.killer
    named = ", ".join(f"{number} {name}" for name, number in killer.killed.most_common())
    report.least("processes killed", sum(killer.killed.values()), least)
    report.row("killed, by function", named)
    least = drill.plan.least_mid_flight
    report.least("killed while WeChat had their call", killer.at_wechat, least)
    operations = sorted({(service, action) for service, action, _ in injected})
    report.matrix(
        "faults at AWS",
        ["requests", *KINDS],
        [
            (f"{service} {action}", [seen[service, action], *_of_kinds(injected, service, action)])
            for service, action in operations
        ],
    )
    report.matrix("faults at WeChat", ["times"], [(name, [n]) for name, n in at_wechat.items()])


def _of_kinds(injected: Mapping[tuple[str, str, str], int], service: str, action: str) -> list[int]:
    return [injected.get((service, action, kind), 0) for kind in KINDS]


def _renewals(report: Report, drill: Drill, entries: list[dict[str, Any]]) -> None:
    renewed = _outcomes(drill)
    report.row(
        "what came of the tries to renew",
        ", ".join(f"{n} {name}" for name, n in renewed.most_common()),
    )
    report.least("renewals stored", renewed["renewed"], drill.plan.least_renewals)
    calls = [entry for entry in entries if entry["kind"] in {"call", "late"}]
    executed = _executed(calls, AUTHORIZER_TOKEN)
    counts = drill.notes.counts
    lost = [entry for entry in calls if entry["path"] == AUTHORIZER_TOKEN and entry["executed"]
            and (not entry["answered"] or entry.get("fault"))]  # fmt: skip
    written_badly = sum(
        number
        for (service, action, _), number in drill.stack.faults.injected().items()
        if service == "dynamodb" and action in _WRITES
    )
    causes = {
        "authorisations and cancellations": drill.plan.merchants
        + sum(counts[what] for what in ("joins", "changes", "leaves", "returns")),
        "answers lost or late": len(lost),
        "processes of renew killed": drill.killer.killed["renew"],
        "writes to the table that met a fault": written_badly,
    }
    allowed = Allowance(drill.expiries, causes)
    named = ", ".join(f"{number} {name}" for name, number in causes.items())
    report.bound(
        "renewals WeChat executed",
        executed,
        holds=executed <= allowed.most,
        wanted=f"at most {allowed.most}: {allowed.expiries} expiries, {named}",
    )
    ratio = executed / renewed["renewed"] if renewed["renewed"] else 0.0
    report.row("WeChat calls per renewal stored", f"{ratio:.2f} ({len(lost)} answers were lost)")
    component = _executed(calls, COMPONENT_TOKEN)
    report.row("component tokens", f"{component} bought for {drill.component_expiries} expiries")


def _executed(calls: list[dict[str, Any]], path: str) -> int:
    return sum(
        1 for entry in calls if entry["path"] == path and entry["executed"] and not entry["errcode"]
    )


def _outcomes(drill: Drill) -> Counter[str]:
    found: Counter[str] = Counter()
    for line in drill.stack.logs():
        if line.function == "renew" and '"renewal"' in line.text:
            fields: Mapping[str, Any] = line.fields()
            if fields.get("message") == "renewal" and fields.get("subject"):
                found[str(fields.get("outcome"))] += 1
    return found


def _recovery(report: Report, drill: Drill) -> None:
    took = sorted(drill.recovery.took.values())
    figure = (
        f"{len(took)} merchants and open codes; the slowest after {took[-1]:.0f} s"
        if took
        else "nobody"
    )
    middle = percentile(took, 0.5)
    late = drill.recovery.late()
    report.row("time to recover", f"{figure}, half of them after {middle:.0f} s")
    report.none("not fresh within a sweep and their back-off", late)
    report.row("merchants nobody has told of (no push, no browser came through)", drill.unheard)
    report.none("authorization codes still open", list(drill.vault.open_codes()))


def _left_behind(report: Report, drill: Drill) -> None:
    queues = drill.stack.queue_messages()
    dead = [
        f"{queue}: {body}" for queue, bodies in queues.items() if "Dead" in queue for body in bodies
    ]
    report.row("jobs in dead-letter queues", len(dead))
    report.more.extend(f"- in a dead-letter queue: {one}" for one in dead[:10])
    with drill.progress.step("wait until the sweep has told what the bus did not take"):
        kept = _told_in_the_end(drill)
    report.none("events that are still kept", kept)
    told, untold = _events(drill)
    report.row("transitions told on the bus", told)
    report.none("transitions that were not told", untold)
    logged = _logged(drill)
    report.row("errors logged by functions", sum(logged.values()))
    report.matrix("errors logged", ["times"], [(what, [n]) for what, n in logged.most_common()])
    complaints = drill.stack.complaints()
    report.row("complaints of the emulator", len(complaints))
    report.more.extend(f"- complaint: {one[:300]}" for one in complaints[:10])
    if drill.plan.leak_search:
        with drill.progress.step("search everything that was written for every secret"):
            places = written(drill.stack)
            secrets: list[Secret] = [*drill.stack.wechat.secrets(), *data_keys(drill.stack)]
            leaks = [f"{leak.kind} in {leak.place}" for leak in search(places, secrets)]
        report.row("searched for leaks", f"{len(secrets)} secrets in {len(places)} places")
        report.none("leaks", leaks)


def _told_in_the_end(drill: Drill) -> list[str]:
    """Wait for the sweep to send what is kept; return what it has not sent all the same."""
    until = time.monotonic() + _TOLD_WITHIN_SECONDS
    while (kept := drill.vault.unsent_events()) and time.monotonic() < until:
        time.sleep(1.0)
    return kept


def _events(drill: Drill) -> tuple[int, list[str]]:
    """Count the transitions that went over the bus, and name those that did not.

    Numbers begin somewhere, and rise by one.
    """
    told: dict[str, set[int]] = {}
    for event in drill.stack.bus_events():
        if isinstance(number := event.detail.get("sequence"), int):
            told.setdefault(str(event.detail.get("authorizer_appid")), set()).add(number)
    sequences = {
        appid: int(str(item.get("sequence", {}).get("N", "0")))
        for appid, item in drill.vault.items()
    }
    untold = []
    for appid, last in sequences.items():
        numbers = told.get(appid, set())
        if last and not numbers:
            untold.append(f"{appid}: {last}")
        elif numbers:
            untold += [
                f"{appid}: {one}" for one in range(min(numbers), last + 1) if one not in numbers
            ]
    return sum(len(told.get(appid, ())) for appid in sequences), untold


def _logged(drill: Drill) -> Counter[str]:
    """Count what the functions have logged as errors, by function, sentence and exception."""
    found: Counter[str] = Counter()
    for line in drill.stack.logs():
        fields = line.fields()
        if fields.get("level") in {"ERROR", "CRITICAL"}:
            what = fields.get("exception_name") or fields.get("problem") or ""
            found[f"{line.function}: {fields.get('message')} {what}".strip()] += 1
    return found
