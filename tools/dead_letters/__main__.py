"""``python -m tools.dead_letters``: the command behind ``make dlq``."""

from __future__ import annotations

import sys
from pathlib import Path

# The tool reads jobs with the very code that the functions read them with.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "layers" / "wxvault" / "python"))

from tools.dead_letters.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
