"""The table at the end of a run, in Markdown, with a mark at every bound that was missed."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Line:
    """One row; ``missed`` says why it is not what it must be."""

    name: str
    figure: str
    missed: str = ""


@dataclass(slots=True)
class Report:
    """Rows in order, and tables of figures below them."""

    title: str
    lines: list[Line] = field(default_factory=list)
    more: list[str] = field(default_factory=list)

    def row(self, name: str, figure: object) -> None:
        """Say a figure that may be anything."""
        self.lines.append(Line(name, str(figure)))

    def bound(self, name: str, figure: object, *, holds: bool, wanted: str) -> None:
        """Say a figure that must be as ``wanted``."""
        self.lines.append(Line(name, f"{figure} ({wanted})", "" if holds else wanted))

    def least(self, name: str, figure: float, least: float, *, form: str = ".0f") -> None:
        """Say a figure that must reach something."""
        self.bound(name, format(figure, form), holds=figure >= least, wanted=f"at least {least:g}")

    def none(self, name: str, found: list[str]) -> None:
        """Say how many there are of what must not be, and the first of them."""
        self.bound(name, len(found), holds=not found, wanted="must be 0")
        self.more.extend(f"- {name}: {one}" for one in found[:10])

    def matrix(self, title: str, columns: list[str], rows: list[tuple[str, list[object]]]) -> None:
        """Put a table of figures below the rows."""
        head = [f"| {title} | {' | '.join(columns)} |", "|---|" + "---:|" * len(columns)]
        body = [f"| {name} | {' | '.join(map(str, figures))} |" for name, figures in rows]
        self.more += ["", *head, *body]

    @property
    def missed(self) -> list[str]:
        """The bounds that were missed."""
        return [f"{line.name}: {line.figure}" for line in self.lines if line.missed]

    def markdown(self) -> str:
        """Return all of it."""
        rows = [
            f"| {'✗ ' if line.missed else ''}{line.name} | {line.figure} |" for line in self.lines
        ]
        return "\n".join(
            [f"### {self.title}", "", "| what | figure |", "|---|---|", *rows, *self.more]
        )
