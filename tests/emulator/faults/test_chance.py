"""Latencies have the distribution that was asked for."""

from functools import partial
from statistics import quantiles

import pytest

from inworld_embeddings_emulator.faults.chance import delay, uniform
from inworld_embeddings_emulator.faults.kinds import Latency, Shape


def delays(latency, count=4000):
    return [delay(latency, partial(uniform, 1, number)) for number in range(count)]


def test_numbers_are_spread_over_the_interval():
    numbers = [uniform(0, place) for place in range(10_000)]
    assert all(0 <= number < 1 for number in numbers)
    assert quantiles(numbers, n=4) == pytest.approx([0.25, 0.5, 0.75], abs=0.02)


def test_fixed():
    assert set(delays(Latency(0.2), 10)) == {0.2}


def test_uniform():
    found = delays(Latency(1, to=3))
    assert (min(found) >= 1, max(found) < 3) == (True, True)
    assert quantiles(found, n=4) == pytest.approx([1.5, 2, 2.5], abs=0.1)


@pytest.mark.parametrize("shape", Shape)
def test_median_and_99th_percentile(shape):
    found = delays(Latency(0.1, p99=1.0, shape=shape), 20_000)
    cuts = quantiles(found, n=100)
    assert cuts[49] == pytest.approx(0.1, rel=0.05)
    assert cuts[98] == pytest.approx(1.0, rel=0.15)


def test_the_tail_of_pareto_is_heavier():
    lognormal, pareto = (
        quantiles(delays(Latency(0.1, p99=1.0, shape=shape), 20_000), n=1000)[-1] for shape in Shape
    )
    assert pareto > lognormal


def test_no_delay_is_longer_than_ten_minutes():
    assert max(delays(Latency(1, p99=600, shape=Shape.PARETO))) == 600
