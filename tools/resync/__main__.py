"""``python -m tools.resync``: the command behind ``make resync`` and ``make adopt``."""

from __future__ import annotations

import sys
from pathlib import Path

# The tool waits by the same clock, and knows errors by the same names, as the functions.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "layers" / "wxvault" / "python"))

from tools.resync.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
