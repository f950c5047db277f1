"""The plots of docs/use/performance.md, for light and dark: small SVG files that are the same for the same figures."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import matplotlib as mpl
from figures import Figures, cpu_per_million, row_of, rows_where, wall_over_ideal
from matplotlib.figure import Figure
from peers import BASETEN, CORE, OURS
from tables import scaling_axes

mpl.rcParams.update(
    {
        "svg.hashsalt": "inworld-embeddings",
        "svg.fonttype": "none",  # text stays text
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
)
MINE, THEIRS = "#1f6feb", "#8c959f"
INK = {"": "#1f2328", "-dark": "#e6edf3"}
INKED = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")


def draw(figures: Figures, folder: Path) -> Iterator[str]:
    """Writes each plot for which there are figures, and gives the names of its files."""
    for (name, make), (theme, ink) in itertools.product(PLOTS.items(), INK.items()):
        with mpl.rc_context(dict.fromkeys(INKED, ink)):
            made = make(figures)
            if made is not None:
                file = f"{name}{theme}.svg"
                made.savefig(folder / file, metadata={"Date": None}, bbox_inches="tight", transparent=True)
                yield file


def _bars(values: dict[str, float], title: str) -> Figure:
    """Horizontal bars on a logarithmic axis, least first; ours in colour."""
    ordered = sorted(values.items(), key=lambda item: -item[1])
    figure = Figure(figsize=(7, 0.26 * len(ordered) + 0.8))
    axes = figure.subplots()
    labels, numbers = [label for label, _ in ordered], [number for _, number in ordered]
    bars = axes.barh(labels, numbers, color=[MINE if label.startswith(OURS) else THEIRS for label in labels])
    axes.bar_label(bars, [f"{number:,.0f}" for number in numbers], padding=3)
    axes.set_xscale("log")
    axes.set_xlim(min(numbers) / 3, max(numbers) * 2)
    axes.set_title(title, loc="left")
    return figure


def cpu(figures: Figures) -> Figure | None:
    """CPU of every client in the main case."""
    rows = rows_where(figures.get("throughput", []), dimension=768, concurrency=16, result="array")
    values = {row["peer"]: cpu_per_million(row).middle for row in rows}
    return _bars(values, "Client CPU, ms per 1M floats (768-d, concurrency 16)") if rows else None


def start(figures: Figures) -> Figure | None:
    """Import to constructed client."""
    taken = figures.get("start", {})
    values = {label: median(seconds) * 1e3 for label, seconds in taken.items()}
    return _bars(values, "Import to constructed client, CPU ms") if taken else None


def overlap(figures: Figures) -> Figure | None:
    """Wall over ideal, by concurrency."""
    rows = rows_where(figures.get("throughput", []), dimension=768, result="array")
    if len({row["concurrency"] for row in rows}) < 2:
        return None
    figure = Figure(figsize=(7, 3))
    axes = figure.subplots()
    for label in CORE:
        found = sorted(rows_where(rows, peer=label), key=lambda row: row["concurrency"])
        style = "-o" if label.startswith(OURS) else "--o"
        axes.plot(
            [row["concurrency"] for row in found],
            [wall_over_ideal(row).middle for row in found],
            style,
            label=label,
        )
    axes.set_xscale("log", base=2)
    axes.set_xticks([1, 16, 64], ["1", "16", "64"])
    axes.set_yscale("log", base=2)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("concurrency")
    axes.set_title("Wall time over ideal schedule (768-d, 30 ms)", loc="left")
    axes.legend(frameon=False)
    return figure


def scaling(figures: Figures) -> Figure | None:
    """CPU by texts, dimension, concurrency and latency."""
    if not figures.get("scaling"):
        return None
    figure = Figure(figsize=(8, 2.4), layout="constrained")
    for axes, (axis, rows) in zip(
        figure.subplots(1, 4, sharey=True), scaling_axes(figures).items(), strict=True
    ):
        for label, colour in ((OURS, MINE), (BASETEN, THEIRS)):
            found = sorted(rows_where(rows, peer=label), key=lambda row: row[axis])
            axes.plot(
                [str(row[axis]) for row in found],
                [cpu_per_million(row).middle for row in found],
                "-o",
                color=colour,
                label=label,
            )
        axes.set_xlabel(axis)
        axes.tick_params(axis="x", labelsize=7)
    figure.axes[0].set_ylabel("CPU ms per 1M floats")
    figure.axes[0].set_ylim(bottom=0)
    figure.axes[0].legend(frameon=False, fontsize=7)
    return figure


def stream(figures: Figures) -> Figure | None:
    """The resident set of a long stream."""
    row = row_of(rows_where(figures.get("memory", []), result="stream"), OURS)
    if row is None:
        return None
    sample = row["samples"][0]
    figure = Figure(figsize=(7, 2.2))
    axes = figure.subplots()
    done = [index * sample["step"] for index in range(len(sample["resident"]))]
    axes.plot(done, [size / 2**20 for size in sample["resident"]], color=MINE)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("texts done")
    axes.set_title("Resident set of embed_iter, MiB", loc="left")
    return figure


PLOTS: dict[str, Callable[[Figures], Figure | None]] = {
    "cpu": cpu,
    "overlap": overlap,
    "start": start,
    "scaling": scaling,
    "stream": stream,
}
FILES = tuple(f"{name}{theme}.svg" for name in PLOTS for theme in INK)
