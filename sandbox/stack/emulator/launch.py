"""Start the emulator, corrected, and end with the process that started it.

Run by `sandbox.stack.ministack` as a script, isolated, with the interpreter of ``.venv-ministack``.
Standard input is a pipe from the runner: when it closes, the runner is gone, however it ended, and
so are the server, its workers and its temporary folder.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from pathlib import Path

MARKER = ".wxvault-stack"


def _end_with_the_runner(folder: Path) -> None:
    sys.stdin.buffer.read()
    if (folder / MARKER).is_file():
        shutil.rmtree(folder, ignore_errors=True)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main() -> None:
    """Correct the emulator and serve until the process group is ended."""
    # The path to these is set just before.
    from sandbox.stack.emulator.corrections import check_version, module  # noqa: PLC0415
    from sandbox.stack.emulator.everything import CORRECTIONS  # noqa: PLC0415

    check_version()
    for correction in CORRECTIONS:
        correction.apply()
    folder = Path(os.environ["WXVAULT_STACK_FOLDER"])
    threading.Thread(target=_end_with_the_runner, args=(folder,), daemon=True).start()
    sys.argv[1:] = []
    module("ministack.app").main()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    main()
