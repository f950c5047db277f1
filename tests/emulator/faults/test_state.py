"""Which request meets what: by number and seed, not by timing; by the clock only where the script says so."""

import random
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from statistics import quantiles

import pytest

from inworld_embeddings.errors import ConfigurationError
from inworld_embeddings_emulator.faults import Faults
from inworld_embeddings_emulator.faults.reader import parse
from inworld_embeddings_emulator.faults.state import delay


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def met(faults, count):
    """Labels of what the next requests meet, a dot for nothing."""
    return ["+".join(hit.fault.label for hit in faults.next(None)) or "." for _ in range(count)]


SEQUENCES = {
    "drop x2": "drop drop . . .",
    "drop=head, html": "drop=head html=502 html=502 html=502 html=502",
    "drop, ok x2, repeat": "drop . . drop .",
    "ok, drop + html, ok": ". drop+html=502 . . .",
    "100% drop, 0% drop": "drop . . . .",
}


def test_sequences():
    assert {script: " ".join(met(Faults(script), 5)) for script in SEQUENCES} == SEQUENCES


def test_a_step_may_last_for_a_time_from_its_first_request():
    clock = Clock()
    faults = Faults("ok, drop for 5s, html for 1s, ok x1, repeat", clock=clock)
    for passed, expected in {50: ". drop drop", 4.9: "drop", 0.2: "html=502", 1000: ". . drop"}.items():
        clock.now += passed
        assert met(faults, len(expected.split())) == expected.split()


def test_a_quota_is_a_token_bucket_and_tells_the_wait():
    clock = Clock()
    faults = Faults("quota=2;burst=3", clock=clock)
    for passed, wait in {0: 0.5, 0.25: 0.25, 1000: 0.5}.items():
        clock.now += passed
        met(faults, 3)  # as many as there is room for
        (hit,) = faults.next(None)
        assert hit.seconds == pytest.approx(wait)
    clock.now += 0.5
    assert met(faults, 2) == [".", "quota"]


def test_the_mix_of_a_seed_is_this_one_on_every_python_and_platform():
    mixes = {
        "30% drop": "...xx.xx..xxxx.x.....xx...x...x.x..x..xx",
        "0% drop + 30% drop": ".........x..x.....x.xx........x......x..",  # drawn independently
    }
    for script, mix in mixes.items():
        assert "".join(met(Faults(script, seed=1), 40)).replace("drop", "x") == mix
    with pytest.raises(ConfigurationError, match="whole number"):
        Faults("30% drop", seed="1")


def test_decisions_do_not_depend_on_threads():
    script = "50% drop, ok x2, 20% html, repeat"
    shared = Faults(script, seed=3)
    with ThreadPoolExecutor(8) as pool:
        together = chain.from_iterable(pool.map(lambda _: met(shared, 50), range(8)))
    assert sorted(together) == sorted(met(Faults(script, seed=3), 400))


def test_a_latency_has_a_median_and_a_99th_percentile_and_is_never_over_ten_minutes():
    def delays(script):
        latency = parse(script).steps[0].faults[0]
        return [delay(latency, random.Random(number)) for number in range(20_000)]

    cuts = quantiles(delays("latency=0.1;p99=1"), n=1000)
    assert (cuts[499], cuts[989]) == (pytest.approx(0.1, rel=0.05), pytest.approx(1.0, rel=0.15))
    assert max(delays("latency=1;p99=600")) == 600
