"""``python -m sandbox.chaos``: the deployed stack under faults, and the table of what it did."""

from __future__ import annotations

import argparse
import importlib
import secrets
import sys
from dataclasses import replace

from sandbox.chaos.plan import Plan
from sandbox.stack.__main__ import ending_on_sigterm
from sandbox.stack.aws import forget_the_machine
from sandbox.stack.errors import StackError
from sandbox.stack.places import LAYER_LIBRARY
from sandbox.stack.progress import Progress

_INTERRUPTED = 130


def main() -> int:
    """Parse the arguments and run; 0, or 1 with every bound that was missed."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0, help="how long (default 3)")
    parser.add_argument("--seed", type=int, help="repeat the choices of an earlier run")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else secrets.randbelow(1_000_000)
    plan = replace(Plan(), seconds=arguments.minutes * 60, seed=seed)
    forget_the_machine()
    # The services of the load use the vault's own client, out of the layer.
    sys.path.insert(0, str(LAYER_LIBRARY))
    run = importlib.import_module("sandbox.chaos.run")
    try:
        with ending_on_sigterm():
            return int(run.chaos(plan, Progress()))
    except KeyboardInterrupt:
        print("\nstopped; nothing is left running")
        return _INTERRUPTED
    except (StackError, TimeoutError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
