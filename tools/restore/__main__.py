"""``python -m tools.restore``: the command behind ``make restore``."""

from __future__ import annotations

import sys
from pathlib import Path

# The tool reads and writes items with the very code that the functions use.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "layers" / "wxvault" / "python"))

from tools.restore.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
