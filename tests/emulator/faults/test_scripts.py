"""Scripts of faults: what each means, how a mistake is told, and which request meets what.

By number and seed, not by timing; by the clock only where the script says so.
"""

import random
from statistics import quantiles
from unittest.mock import Mock

import pytest

from inworld_embeddings.errors import ConfigurationError
from inworld_embeddings_emulator.faults import Faults
from inworld_embeddings_emulator.faults.kinds import KINDS, Fault
from inworld_embeddings_emulator.faults.reader import Script, Step, parse
from inworld_embeddings_emulator.faults.state import delay

HINTS = {"retry-after": 2, "retry-info": 1.5, "message": "no"}
FAULTS = {
    "ok": Fault("ok"),
    "status=429;retry-after=2;retry-info=1.5;message=no": Fault("status", 429, HINTS),
    "rate-limit; retry-after = 2": Fault("rate-limit", 429, {"retry-after": 2}),
    "HTML=504;Retry-After=1": Fault("html", 504, {"retry-after": 1}),
    "latency=100ms;p99=2s": Fault("latency", 0.1, {"p99": 2}),
    "quota=2.5;burst=3": Fault("quota", 2.5, {"burst": 3}),
    "drop=head;reset": Fault("drop", "head", {"reset": True}),
    "truncate=20%;reset": Fault("truncate", 0.2, {"reset": True}),
    "short": Fault("short", 1),
    "long=3": Fault("long", 3),
    "dimension=0": Fault("dimension", 0),
    "max-message=4m": Fault("max-message", 4 * 1024 * 1024),
    "poison=secret|a=b": Fault("poison", "secret|a=b"),
    'poison="a, ""b"";+ \\d";silent': Fault("poison", 'a, "b";+ \\d', {"silent": True}),
    **{name: Fault(name) for name in ("ragged", "null", "nan", "zero", "swap")},
}


def test_one_fault():
    assert {text: parse(text).steps for text in FAULTS} == {text: (Step((FAULTS[text],)),) for text in FAULTS}
    assert {fault.name for fault in FAULTS.values()} == set(KINDS)


S503, DROP, OK = Fault("status", 503), Fault("drop", ""), Step((Fault("ok"),))
SCRIPTS = [
    Script("status=503 x 2 ,ok", (Step((S503,), times=2), OK), repeat=False),
    Script("status=503 x2, repeat", (Step((S503,), times=2),), repeat=True),
    Script("drop for 200ms", (Step((DROP,), seconds=0.2),), repeat=False),
    Script("0.5 %drop + ok", (Step((Fault("drop", "", {}, 0.005), Fault("ok"))),), repeat=False),
    Script("drop+30% html x3", (Step((DROP, Fault("html", 502, {}, 0.3)), times=3),), repeat=False),
]


def test_scripts():
    assert [parse(f"  {script.text} ") for script in SCRIPTS] == SCRIPTS


MISTAKES = {
    "": "the end: a fault should stand here",
    "sttus=503": "character 1: 'sttus' is not a fault; did you mean status?",
    "status": "the end: status needs '=' and a whole number from 400 to 599",
    "status=99": "character 8: status must be a whole number from 400 to 599",
    "html;retri-after=2": "character 6: 'retri-after' is not a setting of html; did you mean retry-after?",
    "status=503;retry-after=1;retry-after=2": "character 26: retry-after is given twice",
    "latency=601": "character 9: latency must be a duration from 0 to 600 s",
    "latency=2;p99=1": "character 1: latency: p99 must be more",
    "status=503 x0": "character 13: the number of requests must be a whole number from 1",
    "poison=(": "character 8: poison must be a regular expression",
    "short=" + "9" * 5000: "character 7: short must be a whole number",
}


@pytest.mark.parametrize("text", MISTAKES, ids=lambda text: text[:30])
def test_a_mistake_is_told_with_its_place_and_the_faults(text):
    with pytest.raises(ConfigurationError) as caught:
        parse(text)
    assert str(caught.value).startswith(f"faults, at {MISTAKES[text]}")
    assert str(caught.value).endswith(f". Faults: {', '.join(KINDS)}.")


# Which request meets what.


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
    clock = Mock(return_value=100.0)
    faults = Faults("ok, drop for 5s, html for 1s, ok x1, repeat", clock=clock)
    for passed, expected in {50: ". drop drop", 4.9: "drop", 0.2: "html=502", 1000: ". . drop"}.items():
        clock.return_value += passed
        assert met(faults, len(expected.split())) == expected.split()


def test_a_quota_is_a_token_bucket_and_tells_the_wait():
    clock = Mock(return_value=100.0)
    faults = Faults("quota=2;burst=3", clock=clock)
    for passed, room, wait in ((0, 3, 0.5), (0.25, 0, 0.25), (1000, 3, 0.5)):
        clock.return_value += passed
        assert met(faults, room) == ["."] * room
        (hit,) = faults.next(None)
        assert hit.seconds == pytest.approx(wait)
    clock.return_value += 0.5
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


def test_a_latency_has_a_median_and_a_99th_percentile_and_is_never_over_ten_minutes():
    def delays(script):
        latency = parse(script).steps[0].faults[0]
        return [delay(latency, random.Random(number)) for number in range(20_000)]

    cuts = quantiles(delays("latency=0.1;p99=1"), n=1000)
    assert (cuts[499], cuts[989]) == (pytest.approx(0.1, rel=0.05), pytest.approx(1.0, rel=0.15))
    assert max(delays("latency=1;p99=600")) == 600
