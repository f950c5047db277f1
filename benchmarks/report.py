"""The figures as text: the short table that is printed, and docs/use/performance.md with its tables and plots."""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import plots
import tables
from figures import Figures
from targets import Verdict, verdicts

HERE = Path(__file__).resolve().parent


def in_short(figures: Figures) -> str:
    """The ratios to be reached, as lines of text."""
    return "\n".join(
        f"{found.word:16} {found.edition:5} {_ratios(found.ratios):>13}  of {found.goal:<5} {found.what}"
        for found in verdicts(figures)
    )


def reach(figures: Figures) -> str:
    """The same, as a table for the page."""
    found = verdicts(figures)
    lines = [
        (fast.what, *_cells(fast), *_cells(plain))
        for fast, plain in zip(found[::2], found[1::2], strict=True)
    ]
    return tables.table(
        ("measure", "fast, to reach", "measured", "", "plain, to reach", "measured", ""), lines
    )


def _cells(found: Verdict) -> tuple[str, str, str]:
    return f"≤ {found.goal:g}", _ratios(found.ratios), found.word


def _ratios(values: Sequence[float]) -> str:
    return " / ".join(f"{value:.2g}" if value < 0.1 else f"{value:.2f}" for value in values) or "–"


Part = Callable[[Figures], str]
PARTS: dict[str, Part] = {
    "reach": reach,
    "floor": tables.floor,
    "machine": tables.machine,
    "versions": tables.versions,
    "throughput": tables.throughput,
    "others": tables.other_cases,
    "lists": tables.as_lists,
    "first": tables.first_call,
    "decode": tables.decode,
    "start": tables.start,
    "single": tables.single,
    "scaling": tables.scaling,
    "stream": tables.stream,
    "memory": tables.memory,
}


def write(figures: Figures, docs: Path) -> None:
    """Writes the page, and beside it the plots."""
    folder = docs / "performance"
    folder.mkdir(exist_ok=True)
    drawn = set(plots.draw(figures, folder))
    parts = {name: part(figures) for name, part in PARTS.items()}
    text = (HERE / "performance.md.in").read_text("utf-8")
    for name, part in parts.items():
        text = text.replace(f"<<{name}>>", part)
    (docs / "performance.md").write_text(_without(text, plots.FILES, drawn), "utf-8")


def _without(text: str, files: Iterable[str], drawn: set[str]) -> str:
    """Leaves out plots that could not be drawn for want of figures."""
    missing = [f"performance/{file}" for file in files if file not in drawn]
    return "".join(
        line for line in text.splitlines(keepends=True) if not any(name in line for name in missing)
    )


def as_json(figures: Figures) -> str:
    """The raw figures: rounded to what was measured, one line for each row."""
    return json.dumps(_rounded(figures), indent=1, ensure_ascii=False) + "\n"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value
