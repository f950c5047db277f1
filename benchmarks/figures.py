"""Reads the raw figures: medians and ranges of what a row's samples cost. Pure."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

Row = dict[str, Any]
Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, least and most of some samples."""

    middle: float
    least: float
    most: float

    def __format__(self, spec: str) -> str:
        middle = format(self.middle, spec)
        if self.least == self.most:
            return middle
        return f"{middle} ({self.least:{spec}}–{self.most:{spec}})"


def spread(values: Iterable[float]) -> Spread:
    """Of some samples."""
    found = list(values)
    return Spread(median(found), min(found), max(found))


def rows_where(rows: Iterable[Row], **settings: Any) -> list[Row]:
    """Rows with these settings."""
    return [row for row in rows if all(row.get(name) == value for name, value in settings.items())]


def row_of(rows: Iterable[Row], peer: str) -> Row | None:
    """The client's row, if it was measured."""
    return next((row for row in rows if row["peer"] == peer), None)


def cpu_per_million(row: Row) -> Spread:
    """CPU milliseconds of the client for each million numbers."""
    numbers = row["texts"] * row["dimension"] / 1e6
    return spread(sample["cpu"] * 1e3 / numbers for sample in row["samples"])


def server_cpu_per_million(row: Row) -> Spread:
    """CPU milliseconds of the service for each million numbers."""
    numbers = row["texts"] * row["dimension"] / 1e6
    return spread(sample["server"]["cpu"] * 1e3 / numbers for sample in row["samples"])


def ideal(row: Row) -> float:
    """Seconds that the latencies alone take, when requests never wait for anything else."""
    batches: int = math.ceil(row["texts"] / row["batch"])
    rounds: int = math.ceil(batches / row["concurrency"])
    latency: float = row["latency"]
    return rounds * latency


def wall_over_ideal(row: Row) -> Spread:
    """Wall time in units of `ideal`."""
    return spread(sample["wall"] / ideal(row) for sample in row["samples"])


def cpu_over_ideal(row: Row) -> Spread:
    """CPU time in units of `ideal`."""
    return spread(sample["cpu"] / ideal(row) for sample in row["samples"])


def memory_over_result(row: Row) -> Spread:
    """How much the resident set grew at most, in units of the result as a float32 array."""
    result = row["texts"] * row["dimension"] * 4
    return spread(max(sample["peak"] - sample["before"], 0) / result for sample in row["samples"])


def per_call(row: Row, what: str) -> Spread:
    """Milliseconds ("cpu" or "wall") of each of a row's single calls."""
    return spread(sample[what] * 1e3 / row["texts"] for sample in row["samples"])


def middle(measure: Callable[[Row], Spread], row: Row | None) -> float | None:
    """The median of a measure, if the row was measured."""
    return None if row is None else measure(row).middle


def ratio(one: float | None, other: float | None) -> float | None:
    """Their quotient, if both were measured."""
    return None if one is None or other is None else one / other
