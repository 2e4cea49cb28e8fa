"""The table at the end: every bound that is missed is marked and counted."""

from __future__ import annotations

from sandbox.chaos.report import Report


def test_a_missed_bound_is_marked_and_named() -> None:
    """What is only told is never missed; what is at its bound holds."""
    report = Report("180 s, seed 1")
    report.row("pushes", 7)
    report.least("renewals", 300, 300)
    report.least("look-ups per second", 19.96, 20, form=".1f")
    report.none("dead tokens", [])
    report.none("leaks", ["a in b"])
    assert report.missed == [
        "look-ups per second: 20.0 (at least 20)",
        "leaks: 1 (must be 0)",
    ]
    assert report.markdown().splitlines() == [
        "### 180 s, seed 1",
        "",
        "| what | figure |",
        "|---|---|",
        "| pushes | 7 |",
        "| renewals | 300 (at least 300) |",
        "| ✗ look-ups per second | 20.0 (at least 20) |",
        "| dead tokens | 0 (must be 0) |",
        "| ✗ leaks | 1 (must be 0) |",
        "- leaks: a in b",
    ]


def test_a_matrix_stands_below_the_rows() -> None:
    """Columns and rows as given, in Markdown."""
    report = Report("x")
    report.matrix("faults", ["requests", "throttle"], [("kms Decrypt", [9, 2])])
    assert report.markdown().splitlines()[-3:] == [
        "| faults | requests | throttle |",
        "|---|---:|---:|",
        "| kms Decrypt | 9 | 2 |",
    ]
