"""Bar plots as plain numbers, which a template writes as SVG. Each plot has the table of its numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 320, 150
_LEFT, _TOP, _BOTTOM = 34, 10, 24
_LABELS = 6  # so many fit below the axis on a phone


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle. `text` is its title; `label` is below the axis, or empty."""

    x: float
    y: float
    width: float
    height: float
    text: str
    label: str
    is_known: bool


@dataclass(frozen=True, slots=True)
class GridLine:
    """A line of the scale with its number."""

    y: float
    text: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot, in units of the SVG's view box."""

    title: str
    bars: tuple[Bar, ...]
    grid: tuple[GridLine, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    base: int = HEIGHT - _BOTTOM


def bar_plot(title: str, labels: Sequence[str], values: Sequence[int | None], *, every: bool = False) -> Plot:
    """Return a plot of one bar for each label; None is hatched up to the top: its number is not known.

    Where the labels do not fit, some are left out, unless `every`.
    """
    top = _nice(max((value or 0 for value in values), default=0))
    room = HEIGHT - _TOP - _BOTTOM
    step = (WIDTH - _LEFT) / max(1, len(values))
    shown = 1 if every else math.ceil(len(values) / _LABELS)
    bars = []
    for number, (label, value) in enumerate(zip(labels, values, strict=True)):
        height = room if value is None else room * value / top
        text = f"{label}: not counted" if value is None else f"{label}: {value:,}"
        bars.append(
            Bar(
                round(_LEFT + number * step + step * 0.1, 2),
                round(_TOP + room - height, 2),
                round(step * 0.8, 2),
                round(height, 2),
                text,
                label if number % shown == 0 else "",
                value is not None,
            )
        )
    grid = [GridLine(_TOP + room - room * part / 2, _short(top * part / 2)) for part in range(3)]
    return Plot(title, tuple(bars), tuple(grid))


def _nice(largest: int) -> int:
    """Return the end of the scale: an even number of 1, 2, 4, 5, 6 or 8 times a power of ten."""
    if largest <= 2:
        return 2
    power: int = 10 ** (len(str(largest)) - 1)
    return next(factor * power for factor in (1, 2, 4, 6, 8, 10) if factor * power >= largest)


def _short(value: float) -> str:
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"
