"""The ratios to be reached, and whether they are. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median

from decoding import ORJSON
from figures import (
    Figures,
    Row,
    cpu_per_million,
    middle,
    per_call,
    ratio,
    row_of,
    rows_where,
    wall_over_ideal,
)
from peers import BASETEN, OPENAI, OPENAI_FLOATS, OURS, PINECONE, PLAIN

DIMENSIONS = (768, 1536)
Measure = Callable[[Figures, str], list[float]]


@dataclass(frozen=True, slots=True)
class Target:
    """One line of the table.

    Attributes:
        what: The measure, in words.
        fast: Highest ratio to be reached with the fast decoder.
        plain: The same with the fallback decoder.
        measure: Ratios by dimension (768, 1536) for one of our two rows, as far as they were measured.
    """

    what: str
    fast: float
    plain: float
    measure: Measure


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target, an edition of ours, and what was measured, for one dimension or both."""

    what: str
    edition: str
    goal: float
    ratios: tuple[float, ...]

    @property
    def word(self) -> str:
        """How it went: "met", "missed", "met at 768" or "met at 1536" only, or "not measured"."""
        if not self.ratios:
            return "not measured"
        met = [ratio <= self.goal for ratio in self.ratios]
        if all(met) or not any(met):
            return "met" if met[0] else "missed"
        return f"met at {DIMENSIONS[met.index(True)]} only"


def _main_rows(figures: Figures, dimension: int) -> list[Row]:
    rows = figures.get("throughput", [])
    return rows_where(rows, dimension=dimension, concurrency=16, result="array")


def _cpu_against(peer: str, figures: Figures, ours: str) -> list[float]:
    found = []
    for dimension in DIMENSIONS:
        rows = _main_rows(figures, dimension)
        one, other = (middle(cpu_per_million, row_of(rows, label)) for label in (ours, peer))
        found.append(ratio(one, other))
    return [value for value in found if value is not None]


def _wall(figures: Figures, ours: str) -> list[float]:
    found = [
        middle(wall_over_ideal, row_of(_main_rows(figures, dimension), ours)) for dimension in DIMENSIONS
    ]
    return [value for value in found if value is not None]


def _decode(figures: Figures, ours: str) -> list[float]:
    tables = figures.get("decode", {})
    return [
        median(tables[size][ours]) / median(tables[size][ORJSON])
        for size in map(str, DIMENSIONS)
        if size in tables
    ]


def _start(figures: Figures, _: str) -> list[float]:
    taken = figures.get("start", {})
    return [median(taken[OURS]) / median(taken[PINECONE])] if taken else []


def _single(what: str, figures: Figures, ours: str) -> list[float]:
    rows = figures.get("single", [])
    one, other = (middle(partial(per_call, what=what), row_of(rows, label)) for label in (ours, OPENAI))
    found = ratio(one, other)
    return [] if found is None else [found]


_CPU = "client CPU per 1M floats, concurrency 16, vs"
TARGETS = (
    Target(f"{_CPU} baseten as JSON floats", 0.70, 1.1, partial(_cpu_against, BASETEN)),
    Target(f"{_CPU} openai as JSON floats", 0.02, 0.04, partial(_cpu_against, OPENAI_FLOATS)),
    Target(f"{_CPU} openai with base64", 0.25, 0.45, partial(_cpu_against, OPENAI)),
    Target("wall vs ideal schedule, concurrency 16, 30 ms", 1.5, 2.5, _wall),
    Target("decode alone vs orjson + numpy", 0.35, 1.0, _decode),
    Target("import to constructed client, CPU, vs pinecone", 0.25, 0.25, _start),
    Target("one small text at concurrency 1, CPU, vs openai sync", 0.5, 0.8, partial(_single, "cpu")),
    Target("one small text at concurrency 1, wall, vs openai sync", 0.5, 0.8, partial(_single, "wall")),
)


def verdicts(figures: Figures) -> list[Verdict]:
    """All targets, the fast edition's beside the plain one's."""
    return [
        Verdict(target.what, edition, goal, tuple(target.measure(figures, ours)))
        for target in TARGETS
        for edition, ours, goal in (("fast", OURS, target.fast), ("plain", PLAIN, target.plain))
    ]
