"""What can keep the local stack from starting, or a function from answering."""

from __future__ import annotations


class StackError(RuntimeError):
    """Base of all errors of the runner; the message is meant for the person at the terminal."""
