"""``make status``: asks the stack's own *accounts* function and prints what it says."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from tools.dead_letters.stacks import NoStackError, Stack, deployed, on_this_desk
from tools.status.page import page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

FUNCTION: Final = "AccountsFunction"
WELL: Final = 0
NEEDS_ATTENTION: Final = 1


class NoAnswerError(Exception):
    """The stack's function gave no status; the text says why and what to do."""


def main(arguments: Sequence[str], find: Callable[[str], Stack] | None = None) -> int:
    """Print how a stack stands; 0: all is well, 1: somebody has to do something."""
    parser = argparse.ArgumentParser(prog="make status", description=__doc__)
    parser.add_argument("--stack", default="", help="a stack on AWS; else the local one")
    parser.add_argument("--json", action="store_true", help="the report as it came")
    wanted = parser.parse_args(list(arguments))
    try:
        stack = (find or _find)(wanted.stack)
        print(f"› asking the stack {stack.name} {stack.place}: a few seconds", file=sys.stderr)
        report = ask(stack)
    except NoStackError as error:
        print(str(error).replace("make dlq", "make status"), file=sys.stderr)
        return NEEDS_ATTENTION
    except NoAnswerError as error:
        print(error, file=sys.stderr)
        return NEEDS_ATTENTION
    except (ClientError, BotoCoreError) as error:
        print(f"AWS: {_in_words(error)}", file=sys.stderr)
        return NEEDS_ATTENTION
    print(json.dumps(report, ensure_ascii=False, indent=2) if wanted.json else page(report))
    return WELL if report["next_step"]["level"] == "well" else NEEDS_ATTENTION


def _find(name: str) -> Stack:
    return deployed(name) if name else on_this_desk()


def ask(stack: Stack, sleep: Callable[[float], None] = time.sleep) -> Mapping[str, Any]:
    """Invoke *accounts* for the status; once more when it was just being replaced.

    Raises:
        NoAnswerError: there is no such function, or it failed.
    """
    function = stack.of_type("AWS::Lambda::Function").get(FUNCTION)
    if function is None:
        raise NoAnswerError(
            f"The stack {stack.name} has no {FUNCTION}: deploy a version that has `make status`."
        )
    answer = _invoke(stack, function)
    if answer is None:
        sleep(2)
        answer = _invoke(stack, function)
    if answer is None:
        raise NoAnswerError(
            f"The function {function} failed. Its log says why: /aws/lambda/{stack.name}/accounts"
        )
    if "error" in answer:
        error = answer["error"]
        raise NoAnswerError(f"{error.get('code')}: {error.get('message')}\n{error.get('remedy')}")
    return answer


def _invoke(stack: Stack, function: str) -> dict[str, Any] | None:
    answer = stack.functions.invoke(
        FunctionName=function, Qualifier="live", Payload=json.dumps({"action": "status"}).encode()
    )
    content = json.loads(answer["Payload"].read() or b"null")
    if "FunctionError" in answer or not isinstance(content, dict):
        return None
    return content if "next_step" in content or "error" in content else None


def _in_words(error: ClientError | BotoCoreError) -> str:
    if isinstance(error, ClientError):
        told = error.response["Error"]
        return f"{told['Code']}: {told.get('Message', '')}"
    return f"{type(error).__name__}: are there credentials and a region in the environment?"
