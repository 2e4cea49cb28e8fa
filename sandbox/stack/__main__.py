"""``python -m sandbox.stack``: the local stack from the command line."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sandbox.stack.aws import forget_the_machine
from sandbox.stack.emulator.everything import CORRECTIONS
from sandbox.stack.errors import StackError
from sandbox.stack.local_template import PATCHES
from sandbox.stack.places import LAYER_LIBRARY
from sandbox.stack.published import published
from sandbox.stack.stack import LocalStack, StackOptions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

# Has run() and demo(), which return an exit status.
_JOURNEY = "sandbox.stack.journey"
# Each has run(), which returns an exit status.
_SHOWS = {
    "iam-matrix": "sandbox.stack.rights.matrix",
    "release-test": "sandbox.stack.release_test",
    "message-load": "sandbox.stack.message_load",
}
_INTERRUPTED = 130


def main() -> int:
    """Parse the arguments and run the command; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="build, deploy and stay up until Ctrl-C")
    commands.add_parser("patches", help="what differs here from AWS and from template.yaml")
    commands.add_parser("run", help="up, with a first merchant taken through all of it")
    commands.add_parser("demo", help="the same, then exit: 0, or 1 with the step that failed")
    commands.add_parser("iam-matrix", help="who may do what, tried out on the deployed stack")
    commands.add_parser("release-test", help="WeChat's check before a full release, step by step")
    commands.add_parser("message-load", help="a flood of users' messages, with tickets in between")
    arguments = parser.parse_args()
    if arguments.command == "patches":
        return patches()
    forget_the_machine()
    try:
        with ending_on_sigterm():
            if arguments.command == "up":
                return up()
            if arguments.command in _SHOWS:
                return int(importlib.import_module(_SHOWS[arguments.command]).run())
            # The journey's services use the vault's own client, out of the layer.
            sys.path.insert(0, str(LAYER_LIBRARY))
            return int(getattr(importlib.import_module(_JOURNEY), arguments.command)())
    except KeyboardInterrupt:
        print("\nstopped; nothing is left running")
        return _INTERRUPTED
    except StackError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1


@contextmanager
def ending_on_sigterm() -> Iterator[None]:
    """Inside, SIGTERM is a `KeyboardInterrupt`, so that everything that was started ends."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def up() -> int:
    """Start the stack and stay until Ctrl-C."""
    with LocalStack(StackOptions()) as stack, published(stack):
        print(f"\nplatform   {stack.platform_url}")
        print(f"WeChat     {stack.wechat_url}")
        print(f"AWS        {stack.aws_url}  (keys test/test, region us-east-1)")
        print("\nCtrl-C stops everything.", flush=True)
        threading.Event().wait()
    return 0


def patches() -> int:
    """Print every difference to AWS and to the template, with its reason."""
    print("Patches of the local copy of template.yaml:")
    for patch in PATCHES:
        print(f"  {patch.name}: {patch.reason}")
    print("\nCorrections of the emulator:")
    for correction in CORRECTIONS:
        print(f"  {correction.name}: {correction.reason}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
