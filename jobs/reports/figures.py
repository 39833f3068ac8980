"""Figures of pages, drawn as SVG that a page carries in itself."""

import io
from collections.abc import Sequence

import matplotlib
from matplotlib.figure import Figure

from jobs.errors import one_line

# Text stays text: it is small, it prints sharp, and the reader's own fonts have every script. The same figure is the
# same bytes.
matplotlib.rcParams.update(
    {
        "svg.fonttype": "none",
        "svg.hashsalt": "echolake",
        # A topic with two dollar signs is no formula.
        "text.parse_math": False,
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],
        "font.size": 11,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
)

INK, ACCENT, PALE, STEP = "#1f2933", "#0b6e8f", "#c9dfe7", "#9db8c2"
BUBBLE = 4000.0
"""Area of the largest bubble, in square points."""


def bars(names: Sequence[str], values: Sequence[float], title: str) -> str:
    """Horizontal bars, the first on top, each with its value."""
    figure = Figure(figsize=(7, 0.5 + 0.42 * max(len(names), 1)), layout="constrained")
    axes = figure.subplots()
    places = range(len(names) - 1, -1, -1)
    axes.barh(list(places), list(values), color=ACCENT, height=0.7)
    axes.set_yticks(list(places), [_short(name) for name in names])
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    axes.margins(x=0.15)
    for place, value in zip(places, values, strict=True):
        axes.annotate(f" {value:,.0f}", (value, place), va="center", color=INK)
    return _svg(figure, title)


def waterfall(begin: tuple[str, float], less: Sequence[tuple[str, float]], rest: str, title: str) -> str:
    """From what there was at first, the bar on top, step by step to what is left, each with its value."""
    names = [begin[0], *(name for name, _ in less), rest]
    figure = Figure(figsize=(7, 0.5 + 0.42 * len(names)), layout="constrained")
    axes = figure.subplots()
    left = begin[1]
    bars = [(0.0, left, ACCENT)]
    for _, value in less:
        left -= value
        bars.append((left, value, STEP))
    bars.append((0.0, left, ACCENT))
    for place, (start, width, color) in enumerate(reversed(bars)):
        axes.barh(place, width, left=start, color=color, height=0.7)
        sign = "-" if color == STEP else ""
        axes.annotate(f" {sign}{width:,.0f}", (start + width, place), va="center", color=INK)
    # Each step hangs where the one before ended.
    ends = [start if color == STEP else start + width for start, width, color in bars[:-1]]
    for step, end in enumerate(ends):
        axes.plot([end, end], [len(bars) - step - 1.35, len(bars) - step - 2.35], color=INK, linewidth=0.8)
    axes.set_yticks(range(len(names) - 1, -1, -1), [_short(name) for name in names])
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    axes.margins(x=0.15)
    return _svg(figure, title)


def heat_map(rows: Sequence[str], columns: Sequence[str], values: Sequence[Sequence[float]], title: str) -> str:
    """A cell for each row and column, the darker the more."""
    figure = Figure(figsize=(9, 0.9 + 0.36 * max(len(rows), 1)), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(values, aspect="auto", cmap="GnBu", vmin=0)
    axes.set_yticks(range(len(rows)), [_short(name) for name in rows])
    axes.set_xticks(range(0, len(columns), 2), list(columns)[::2])
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    figure.colorbar(image, ax=axes, fraction=0.03, pad=0.02)
    return _svg(figure, title)


def line(names: Sequence[str], values: Sequence[float | None], title: str) -> str:
    """A share over time, in per cent; None leaves a gap."""
    figure = Figure(figsize=(9, 3), layout="constrained")
    axes = figure.subplots()
    shown = [float("nan") if value is None else 100 * value for value in values]
    axes.plot(range(len(names)), shown, color=ACCENT, marker="o")
    axes.set_xticks(range(len(names)), list(names), rotation=45, ha="right")
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter("{x:.0f} %")
    axes.grid(axis="y", color=PALE)
    return _svg(figure, title)


def bubbles(names: Sequence[str], places: Sequence[tuple[float, float]], sizes: Sequence[float], title: str) -> str:
    """A map: what is alike lies close; the area of a bubble is its size."""
    figure = Figure(figsize=(8, 5.5), layout="constrained")
    axes = figure.subplots()
    largest = max(sizes, default=1) or 1
    xs, ys = [x for x, _ in places], [y for _, y in places]
    axes.scatter(xs, ys, s=[max(BUBBLE * size / largest, 80) for size in sizes], color=ACCENT, alpha=0.45)
    for name, x, y in zip(names, xs, ys, strict=True):
        axes.annotate(name, (x, y), ha="center", va="center", color=INK, fontweight="bold")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.margins(0.2)
    axes.spines[:].set_visible(False)
    return _svg(figure, title)


def calibration(told: Sequence[float], came: Sequence[float], title: str) -> str:
    """What was told against what came, in per cent; on the line they are the same."""
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    most = 105 * max(*told, *came, 0.01)
    axes.plot([0, most], [0, most], color=PALE)
    axes.plot([100 * each for each in told], [100 * each for each in came], color=ACCENT, marker="o")
    axes.set(xlabel="told, %", ylabel="came, %", xlim=(0, most), ylim=(0, most))
    return _svg(figure, title)


def intervals(names: Sequence[str], figures: Sequence[tuple[float, float, float]], title: str) -> str:
    """A value with its interval for each name, the first on top."""
    figure = Figure(figsize=(7, 0.8 + 0.42 * max(len(names), 1)), layout="constrained")
    axes = figure.subplots()
    places = list(range(len(names) - 1, -1, -1))
    values = [value for value, _, _ in figures]
    reach = [[max(value - low, 0) for value, low, _ in figures], [max(high - value, 0) for value, _, high in figures]]
    axes.errorbar(values, places, xerr=reach, fmt="o", color=ACCENT, ecolor=INK, capsize=4)
    axes.set_yticks(places, [_short(name, 40) for name in names])
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.grid(axis="x", color=PALE)
    return _svg(figure, title)


def curve(sizes: Sequence[float], values: Sequence[float], title: str) -> str:
    """A value over the number of rows."""
    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.plot(list(sizes), list(values), color=ACCENT, marker="o")
    axes.set_xlabel("rows learnt from")
    axes.set_xlim(left=0)
    axes.grid(axis="y", color=PALE)
    return _svg(figure, title)


def _short(name: str, most: int = 28) -> str:
    name = one_line(name)
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _svg(figure: Figure, title: str) -> str:
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None, "Title": title})
    svg = text.getvalue()
    return svg[svg.index("<svg") :].replace("<svg", f'<svg role="img" aria-label="{title}"', 1)
