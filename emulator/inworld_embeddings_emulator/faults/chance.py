"""Chance that repeats: a number drawn from a seed and a place, and latencies made of such numbers."""

import hashlib
from collections.abc import Callable
from math import cos, exp, log, pi, sqrt
from typing import Final, TypeAlias

from .forms import LONGEST
from .kinds import Latency, Shape

Draw: TypeAlias = Callable[[str], float]
"""A number from 0 to 1 (exclusive) for each purpose."""

_Z99: Final = 2.3263478740408408
"""The 99th percentile of the standard normal distribution."""


def uniform(seed: int, *place: object) -> float:
    """A number from 0 to 1 (exclusive): the same for the same seed and place on every Python and platform."""
    text = "/".join(map(str, (seed, *place)))
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) * 2.0**-53


def delay(latency: Latency, draw: Draw) -> float:
    """Seconds of one latency."""
    if latency.to is not None:
        return latency.seconds + (latency.to - latency.seconds) * draw("latency")
    if latency.p99 is None:
        return latency.seconds
    tail = _lognormal if latency.shape is Shape.LOGNORMAL else _pareto
    return min(tail(latency.seconds, latency.p99, draw), LONGEST)


def _lognormal(median: float, p99: float, draw: Draw) -> float:
    normal = sqrt(-2 * log(1 - draw("radius"))) * cos(2 * pi * draw("angle"))  # Box and Muller
    return median * exp(log(p99 / median) / _Z99 * normal)


def _pareto(median: float, p99: float, draw: Draw) -> float:
    exponent = log(p99 / median) / log(
        50
    )  # of (1 - u) / 0.5 at the median, of 50 times less at the 99th percentile
    return median * exp(-exponent * log(2 * (1 - draw("latency"))))
