"""Which request meets what: by number and seed, not by timing; by the clock only where the script says so."""

import threading

import pytest

from inworld_embeddings.errors import ConfigurationError
from inworld_embeddings_emulator.faults import Faults
from inworld_embeddings_emulator.faults.kinds import Ok, Quota


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def met(faults, count):
    """Labels of what the next requests meet, a dot for nothing."""
    hits = [faults.next() for _ in range(count)]
    return ["+".join(hit.fault.label for hit in row if not isinstance(hit.fault, Ok)) or "." for row in hits]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("ok", ". . . . ."),
        ("drop", "drop drop drop drop drop"),
        ("drop x2", "drop drop . . ."),
        ("drop x2, ok", "drop drop . . ."),
        ("drop, html", "drop html=502 html=502 html=502 html=502"),
        ("drop, ok x2, repeat", "drop . . drop ."),
        ("ok, drop + html, ok", ". drop+html=502 . . ."),
        ("100% drop, 0% drop", "drop . . . ."),
    ],
)
def test_sequences(script, expected):
    assert met(Faults(script), 5) == expected.split()


def test_a_step_may_last_for_a_time_from_its_first_request():
    clock = Clock()
    faults = Faults("ok, drop for 5s, html for 1s, ok x1, repeat", clock=clock)
    clock.now += 50
    assert met(faults, 3) == [".", "drop", "drop"]
    clock.now += 4.9
    assert met(faults, 1) == ["drop"]
    clock.now += 0.2
    assert met(faults, 1) == ["html=502"]
    clock.now += 1000
    assert met(faults, 3) == [".", ".", "drop"]


def test_a_clock_that_goes_back_does_no_harm():
    clock = Clock()
    faults = Faults("drop + quota=1 for 5s", clock=clock)
    met(faults, 1)
    clock.now -= 50
    assert met(faults, 1) == ["drop+quota"]


def test_a_quota_is_a_token_bucket_and_tells_the_wait():
    clock = Clock()
    faults = Faults("quota=2;burst=3", clock=clock)
    assert [bool(faults.next()) for _ in range(4)] == [False, False, False, True]
    (hit,) = faults.next()
    assert (hit.fault, hit.seconds) == (Quota(2, burst=3), 0.5)
    clock.now += 0.25
    assert faults.next()[0].seconds == 0.25
    clock.now += 0.25
    assert met(faults, 2) == [".", "quota"]
    clock.now += 1000
    assert met(faults, 4) == [".", ".", ".", "quota"]


@pytest.mark.parametrize(("rate", "burst"), [("0.5", 1), ("1", 1), ("2", 2), ("10", 10)])
def test_the_bucket_holds_what_a_second_brings(rate, burst):
    assert met(Faults(f"quota={rate}", clock=Clock()), burst + 1)[-2:] == [".", "quota"]


def test_the_same_seed_is_the_same_mix_and_another_is_another():
    script = "30% status=503 + 10% drop + 5% short"
    one, same, other = (met(Faults(script, seed=seed), 300) for seed in (7, 7, 8))
    assert one == same
    assert one != other
    assert 60 <= sum("status=503" in row for row in one) <= 120
    assert 15 <= sum("drop" in row for row in one) <= 50


def test_the_mix_is_this_one_on_every_python_and_platform():
    hits = met(Faults("30% drop", seed=1), 40)
    assert (
        "".join("x" if row == "drop" else "." for row in hits) == ".x..xx........x............x...xxx....x."
    )


def test_decisions_do_not_depend_on_threads():
    script = "50% drop, ok x2, 20% html, repeat"
    alone = sorted(met(Faults(script, seed=3), 400))
    shared, results = Faults(script, seed=3), []
    threads = [threading.Thread(target=lambda: results.extend(met(shared, 50))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == alone
    assert shared.requests == 400


def test_a_step_of_ones_own_leaves_the_script_where_it_was():
    faults = Faults("drop x1, ok", seed=5)
    step = Faults("html").script.steps[0]
    assert [hit.fault.label for hit in faults.once(step)] == ["html=502"]
    assert faults.requests == 0
    assert met(faults, 2) == ["drop", "."]


def test_setting_begins_again_and_a_mistake_changes_nothing():
    faults = Faults("drop x1, ok", seed=5)
    assert met(faults, 2) == ["drop", "."]
    with pytest.raises(ConfigurationError):
        faults.set("drip")
    assert (str(faults.script), faults.requests) == ("drop x1, ok", 2)
    faults("drop x1, ok")
    assert (met(faults, 2), faults.seed) == (["drop", "."], 5)
    faults.set("html", seed=6)
    assert (met(faults, 1), faults.seed) == (["html=502"], 6)
    faults.clear()
    assert met(faults, 1) == ["."]
    assert repr(faults) == "Faults('ok', seed=6)"
