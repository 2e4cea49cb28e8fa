"""``python -m sandbox.stack.watched MODULE ARGUMENTS…``: run a module until its starter is gone.

Standard input is a pipe from the starter. However the starter ends, even killed, the pipe closes,
and this program ends with it.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading


def _end_with_the_starter() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Run the named module as a program."""
    threading.Thread(target=_end_with_the_starter, daemon=True).start()
    sys.argv[:] = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
