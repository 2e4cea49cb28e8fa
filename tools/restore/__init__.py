"""``make restore``: items of a restored table go back into the stack's own; see docs/restore.md.

`items` says what becomes of one item, `copying` does it for all, `command` is the terminal.
"""
