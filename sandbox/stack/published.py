"""A note that a local stack is up, for whoever wants to find it: ``make dlq`` does."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sandbox.stack.deploy import STACK_NAME
from sandbox.stack.places import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.stack.stack import LocalStack

FOLDER = REPOSITORY / ".stack"


@contextmanager
def published(stack: LocalStack, folder: Path = FOLDER) -> Iterator[Path]:
    """Inside, ``running-<pid>.json`` says where the stack is; it holds no secret."""
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / f"running-{os.getpid()}.json"
    told = {
        "stack": STACK_NAME,
        "endpoint": stack.aws_url,
        "region": stack.root.region,
        "pid": os.getpid(),
    }
    note.write_text(json.dumps(told), "utf-8")
    try:
        yield note
    finally:
        note.unlink(missing_ok=True)
