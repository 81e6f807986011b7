"""Figures, each beside its floor, and how they are shown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
import platform
from statistics import median
from typing import Final

from homeassistant import const

RUNS: Final = 5

_NONE: Final = "\N{EN DASH}"
_TIMES: Final = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True, kw_only=True)
class Run:
    """What was measured once, and the least it could be, measured right beside it."""

    value: float
    floor: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times the floor it is; None without one."""
        return self.value / self.floor if self.floor else None


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the table: some runs, and what they should not exceed.

    The target is of the ratio where there is a floor, else of the value itself.
    """

    name: str
    unit: str
    runs: Sequence[Run]
    target: float | None = None

    @property
    def values(self) -> list[float]:
        """What was measured."""
        return [run.value for run in self.runs]

    @property
    def floors(self) -> list[float]:
        """The least it could be."""
        return [run.floor for run in self.runs if run.floor is not None]

    @property
    def ratios(self) -> list[float]:
        """Value to floor, run by run."""
        return [run.ratio for run in self.runs if run.ratio is not None]

    @property
    def met(self) -> bool | None:
        """Whether the median keeps to the target; None without a target."""
        if self.target is None:
            return None
        return median(self.ratios or self.values) <= self.target

    def as_json(self) -> dict[str, object]:
        """Return all there is to know."""
        return {
            "name": self.name,
            "unit": self.unit,
            "values": self.values,
            "floors": self.floors,
            "ratios": self.ratios,
            "median": median(self.values),
            "median_ratio": median(self.ratios) if self.ratios else None,
            "target": self.target,
            "met": self.met,
        }

    def cells(self) -> tuple[str, ...]:
        """Return the line of the table."""
        ratios, floors = self.ratios, self.floors
        limit = "" if self.target is None else _number(self.target)
        return (
            self.name,
            f"{_number(median(self.values))} {self.unit}".strip(),
            _spread(self.values),
            _number(median(floors)) if floors else _NONE,
            f"{_number(median(ratios))}{_TIMES}" if ratios else _NONE,
            _spread(ratios) if ratios else _NONE,
            f"≤ {limit}{_TIMES if ratios else ''}" if limit else _NONE,
            {True: "yes", False: "**no**", None: _NONE}[self.met],
        )


_HEAD: Final = (
    "figure", "median", "spread", "floor", "ratio", "its spread", "target", "met",
)  # fmt: skip


def table(figures: Iterable[Figure]) -> str:
    """Return the figures as a table in Markdown, readable as text too."""
    rows = [_HEAD, *(figure.cells() for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |"  # noqa: B905 - as many widths as cells
        for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def machine() -> dict[str, str]:
    """Return what the figures depend on besides the code."""
    return {
        "home_assistant": const.__version__,
        "python": platform.python_version(),
        "system": platform.system(),
        "processor": platform.machine(),
    }


def _number(value: float) -> str:
    if value == round(value) and abs(value) < 1e6:
        return str(round(value))
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


def _spread(values: Sequence[float]) -> str:
    low, high = _number(min(values)), _number(max(values))
    return low if low == high else f"{low}{_NONE}{high}"
