"""What a measurement says: one row beside its floor or peer, measured in the same run."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`beside` says what `other` is (a floor or a peer); `key`: its name in the JSON on the last line, if it has one.

    `wanted`: the bar, with `at_least` or `at_most` as its sense.
    """

    name: str
    value: float
    unit: str
    beside: str = ""
    other: float | None = None
    key: str = ""
    at_least: float | None = None
    at_most: float | None = None

    @property
    def ratio(self) -> float | None:
        """The value beside the other one; None where there is none."""
        return None if not self.other else self.value / self.other

    @property
    def met(self) -> bool | None:
        """Whether it is within its bar; None where there is none."""
        if self.at_least is None and self.at_most is None:
            return None
        return (self.at_least is None or self.value >= self.at_least) and (
            self.at_most is None or self.value <= self.at_most
        )

    @property
    def wanted(self) -> str:
        least = None if self.at_least is None else f">= {figure(self.at_least)}"
        most = None if self.at_most is None else f"<= {figure(self.at_most)}"
        return " ".join(part for part in (least, most) if part)


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """A row without a figure: what could not be run here, or, `failed`, what went wrong."""

    name: str
    why: str
    failed: bool = False


Line = Row | Unmeasured

_HEADINGS = ("", "value", "unit", "floor or peer", "", "ratio", "wanted", "")
_RIGHT = {1, 3, 5}


def table(sections: Sequence[tuple[str, Sequence[Line]]]) -> str:
    """All rows under the names of their benches, in columns as wide as they need to be."""
    body = [(name, [_cells(line) for line in lines]) for name, lines in sections]
    cells = [row for _, rows in body for row in rows if len(row) > 2]
    widths = [max(len(row[n]) for row in [_HEADINGS, *cells]) for n in range(len(_HEADINGS))]
    out = [_joined(_HEADINGS, widths)]
    for name, rows in body:
        out += ["", name, *(_joined(row, widths) for row in rows)]
    return "\n".join(out)


def figures(lines: Sequence[Line]) -> dict[str, float]:
    """The rows that have a key, by it."""
    return {line.key: _short(line.value) for line in lines if isinstance(line, Row) and line.key}


def missed(lines: Sequence[Line]) -> list[str]:
    """The names of the rows that are outside of their bars."""
    return [line.key or line.name for line in lines if isinstance(line, Row) and line.met is False]


def failed(lines: Sequence[Line]) -> list[str]:
    """The names of what went wrong."""
    return [line.name for line in lines if isinstance(line, Unmeasured) and line.failed]


def figure(value: float) -> str:
    """As many digits as anybody can use."""
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 0.1 else f"{value:.2g}"


def _short(value: float) -> float:
    return float(f"{value:.5g}")


def _cells(line: Line) -> tuple[str, ...]:
    if isinstance(line, Unmeasured):
        return (line.name, f"{'failed' if line.failed else 'not run'}: {line.why}")
    other = "" if line.other is None else figure(line.other)
    ratio = "" if line.ratio is None else f"{line.ratio:.2f}"
    verdict = {None: "", True: "met", False: "NOT MET"}[line.met]
    return (line.name, figure(line.value), line.unit, other, line.beside, ratio, line.wanted, verdict)


def _joined(cells: Sequence[str], widths: Sequence[int]) -> str:
    parts = [
        cell.rjust(width) if n in _RIGHT and len(cells) > 2 else cell.ljust(width)
        for n, (cell, width) in enumerate(zip(cells, widths, strict=False))
    ]
    return ("  " + "  ".join(parts)).rstrip()
