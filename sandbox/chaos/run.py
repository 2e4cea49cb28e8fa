"""A whole run: the stack comes up, suffers, recovers, is judged, and is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.chaos.drill import Drill
from sandbox.chaos.findings import judge
from sandbox.stack.stack import LocalStack, StackOptions

if TYPE_CHECKING:
    from sandbox.chaos.plan import Plan
    from sandbox.stack.progress import Progress

_WELCOME = """wxvault under faults: AWS throttles, drops, delays, repeats; WeChat is slow, silent,
late or refuses; processes are killed; merchants come and go; services look tokens up meanwhile.
Nothing leaves this machine. The same choices once more: make chaos SEED={seed}"""


def options(plan: Plan) -> StackOptions:
    """The stack of a run: WeChat replaces refresh tokens at every renewal, the harder case."""
    return StackOptions(
        faults=True,
        seed=plan.seed,
        overlap=plan.overlap,
        schedule_speed=plan.schedule_speed,
        concurrency=64,
        wechat={"rotate_on_refresh": True, "ticket_interval": 20},
    )


def chaos(plan: Plan, progress: Progress) -> int:
    """Run and print the table; 0, or 1 when a bound was missed."""
    progress.say(_WELCOME.format(seed=plan.seed))
    with LocalStack(options(plan), progress) as stack:
        drill = Drill(stack, plan, progress)
        drill.run()
        with progress.step("judge what was handed out"):
            report = judge(drill)
    progress.say("\n" + report.markdown())
    if report.missed:
        progress.say("\n✗ missed:")
        for line in report.missed:
            progress.say(f"  {line}")
        return 1
    progress.say("\nEvery bound holds.")
    return 0
