"""Small SVG plots, written by hand: they follow the reader's light or dark scheme, which a raster picture cannot."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

_STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .title { font-size: 15px; font-weight: 600 }
  .faint { fill: #57606a }
  .axis { stroke: #8c959f; stroke-width: 1 }
  .grid { stroke: #d0d7de; stroke-width: 0.5 }
  .line { fill: none; stroke-width: 2 }
  .c0 { --c: #0969da } .c1 { --c: #bc4c00 } .c2 { --c: #8250df }
  .c3 { --c: #1a7f37 } .c4 { --c: #6e7781 } .c5 { --c: #bf3989 }
  .bar { fill: var(--c) } .line { stroke: var(--c) }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .faint { fill: #9198a1 } .axis { stroke: #656c76 } .grid { stroke: #3d444d }
    .c0 { --c: #4493f8 } .c1 { --c: #f0883e } .c2 { --c: #ab7df8 }
    .c3 { --c: #3fb950 } .c4 { --c: #9198a1 } .c5 { --c: #db61a2 }
  }
"""


@dataclass(frozen=True)
class Line:
    """One curve: its name and its points, x rising."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Bar:
    """One bar: what it is of, its value, the range it varied in, and which series it belongs to."""

    label: str
    value: float
    low: float
    high: float
    series: int


def lines(title: str, x_label: str, panels: Sequence[tuple[str, Sequence[Line]]], width: int = 760) -> str:
    """Panels one below the other over one x axis; each is a label of its y axis and its lines."""
    left, right, top, height, gap = 70, 20, 56, 150, 46
    most_x = max(x for _, curves in panels for line in curves for x, _ in line.points) or 1.0
    parts = [_text(left, 22, title, "title")]
    for number, (label, curves) in enumerate(panels):
        y0 = top + number * (height + gap)
        most_y = max(y for line in curves for _, y in line.points) or 1.0
        for tick in _ticks(most_y):
            y = y0 + height - tick / most_y * height
            parts += [_rule(left, y, width - right, y, "grid"), _text(left - 8, y + 4, _short(tick), "faint", "end")]
        parts.append(_text(left, y0 - 8, label))
        for series, line in enumerate(curves):
            path = " ".join(
                f"{left + x / most_x * (width - left - right):.1f},{y0 + height - y / most_y * height:.1f}"
                for x, y in line.points
            )
            parts.append(f'<polyline class="line c{series}" points="{path}"/>')
            if len(curves) > 1:
                x = width - right - 130 * (len(curves) - series)
                parts.append(f'<rect class="bar c{series}" x="{x}" y="{y0 - 17}" width="10" height="10"/>')
                parts.append(_text(x + 15, y0 - 8, line.name))
        parts.append(_rule(left, y0 + height, width - right, y0 + height, "axis"))
    bottom = top + len(panels) * (height + gap) - gap
    for tick in _ticks(most_x):
        parts.append(_text(left + tick / most_x * (width - left - right), bottom + 18, _short(tick), "faint", "middle"))
    parts.append(_text(width - right, bottom + 36, x_label, "faint", "end"))
    return _document(width, bottom + 46, parts)


def bars(title: str, unit: str, groups: Sequence[tuple[str, Sequence[Bar]]], names: Sequence[str]) -> str:
    """Groups of horizontal bars, each group on a scale of its own: what is compared stands in one group."""
    width, left, right, row = 860, 250, 110, 15
    parts = [_text(16, 24, title, "title")]
    x = 16.0
    for series, name in enumerate(names):
        parts += [f'<rect class="bar c{series}" x="{x}" y="38" width="10" height="10"/>', _text(x + 15, 47, name)]
        x += 40 + 6.6 * len(name)
    y = 66.0
    for label, group in groups:
        parts.append(_text(left - 12, y + len(group) * row / 2 + 4, label, anchor="end"))
        most = max(bar.high for bar in group)
        for bar in group:
            scale = (width - left - right) / most
            middle, length = y + row / 2 - 1, bar.value * scale
            parts += [
                f'<rect class="bar c{bar.series}" x="{left}" y="{y:.1f}" width="{length:.1f}" height="{row - 3}"/>',
                _rule(left + bar.low * scale, middle, left + bar.high * scale, middle, "axis"),
                _text(left + bar.high * scale + 6, y + row - 5, f"{bar.label} {unit}", "faint"),
            ]
            y += row
        y += 12
    return _document(width, int(y), parts)


def _document(width: int, height: int, parts: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
    return "\n".join([head, f"<style>{_STYLE}</style>", *parts, "</svg>", ""])


def _text(x: float, y: float, text: str, class_: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{class_}" text-anchor="{anchor}">{escape(text)}</text>'


def _rule(x1: float, y1: float, x2: float, y2: float, class_: str) -> str:
    return f'<line class="{class_}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _ticks(most: float) -> list[float]:
    """Round values from 0 to `most`, four to eight of them."""
    magnitude = 10.0 ** floor(log10(most))
    step = next(step for step in (0.1, 0.2, 0.25, 0.5, 1, 2) if ceil(most / (step * magnitude)) <= 7) * magnitude
    return [step * count for count in range(int(most / step) + 1)]


def _short(value: float) -> str:
    for size, suffix in ((1e6, " M"), (1e3, " k")):
        if value >= size * 1.0001 or value == size:
            return f"{value / size:g}{suffix}"
    return f"{value:g}"
