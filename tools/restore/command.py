"""``make restore``: put items of a restored table back, and have WeChat asked about each merchant.

Without a source, the stack's own table is gone through: for a table that was itself restored.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from tools.flags import YES, UnclearFlagError, flag
from tools.restore.copying import Mode, Report, copy
from tools.restore.items import Kind
from wxvault.clock import SystemClock
from wxvault.errors import WxvaultError
from wxvault.vault.table import DynamoTable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wxvault.clock import Clock

_TELL_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Target:
    """The stack's own table, and whose it is."""

    table_name: str
    component_appid: str


def main(arguments: Sequence[str]) -> int:
    """Run the command; the exit status is 0, or 1 with what went wrong."""
    parser = argparse.ArgumentParser(prog="make restore", description=__doc__)
    parser.add_argument("--stack", default="", help="the deployed stack")
    parser.add_argument("--source", default="", help="the table that was restored")
    parser.add_argument("--overwrite", default="", help="also what is there")
    wanted = parser.parse_args(arguments)
    if not wanted.stack:
        return _complain("Which stack? make restore STACK=name [SOURCE=table] [OVERWRITE=1]")
    try:
        overwrite = flag("OVERWRITE", wanted.overwrite) == YES
        return _restore(wanted.stack, wanted.source, overwrite=overwrite)
    except UnclearFlagError as error:
        return _complain(str(error))
    except (ClientError, BotoCoreError) as error:
        return _complain(f"AWS: {error}")


def _restore(stack: str, source: str, *, overwrite: bool) -> int:
    target = _target(stack)
    if not target.table_name:
        return _complain(f"{stack} has no output TableName: is it a stack of wxvault?")
    client, clock = boto3.client("dynamodb"), SystemClock()
    table = DynamoTable(client, target.table_name, clock, random.random)
    in_place = source in {"", target.table_name}
    backup = table if in_place else DynamoTable(client, source, clock, random.random)
    where = "in place" if in_place else f"from {source}"
    print(f"{stack}: {target.table_name}, {where}", flush=True)
    mode = Mode.OVERWRITE if overwrite else Mode.MISSING
    return bring_back(
        backup, table, target.component_appid, clock, Mode.IN_PLACE if in_place else mode
    )


def bring_back(
    backup: DynamoTable, table: DynamoTable, component_appid: str, clock: Clock, mode: Mode
) -> int:
    """Copy everything and print the report, also when AWS puts an end to it; the exit status."""
    report = Report()
    failure = ""
    try:
        copy(
            backup.everything(),
            table,
            component_appid,
            clock,
            mode=mode,
            report=report,
            tell=_progress(),
        )
    except WxvaultError as error:
        failure = error.message
    except (ClientError, BotoCoreError) as error:
        failure = f"AWS: {error}"
    for line in lines(report, finished=not failure):
        print(line, flush=True)
    if failure:
        return _complain(f"{failure}\nIt was broken off there: run it again.")
    return 1 if report.busy else 0


def lines(report: Report, *, finished: bool = True) -> list[str]:
    """Say what was done, and what follows."""
    told = []
    for kind in Kind:
        parts = [
            f"{counted[kind]} {words}"
            for counted, words in (
                (report.written, "written"),
                (report.there, "there already"),
                (report.over, "left out"),
                (report.busy, "BUSY: run this again"),
            )
            if counted[kind]
        ]
        if parts:
            told.append(f"  {kind:<22}{', '.join(parts)}")
    merchants = report.written[Kind.AUTHORIZER]
    if merchants:
        told.append(
            f"WeChat is asked about {merchants} merchants, from half a minute from now on. Until "
            "it has answered for a merchant, its token is withheld."
        )
    return told or ["  the backup is empty" if finished else "  nothing is done yet"]


def _target(stack: str) -> Target:
    (found,) = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    outputs: dict[str, Any] = {
        one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])
    }
    parameters: dict[str, Any] = {
        one["ParameterKey"]: one.get("ParameterValue", "") for one in found.get("Parameters", [])
    }
    return Target(str(outputs.get("TableName", "")), str(parameters.get("ComponentAppid", "")))


def _progress() -> Callable[[Report], None]:
    last = time.monotonic()

    def tell(report: Report) -> None:
        nonlocal last
        if time.monotonic() - last > _TELL_SECONDS:
            last = time.monotonic()
            counts = (report.written, report.there, report.over, report.busy)
            print(f"  {sum(sum(one.values()) for one in counts)} items …", flush=True)

    return tell


def _complain(text: str) -> int:
    print(text, file=sys.stderr)
    return 1
