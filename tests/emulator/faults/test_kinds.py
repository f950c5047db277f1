"""Faults made in Python are checked like those in text, and stand for scripts in the same way."""

import pickle

import pytest

from inworld_embeddings.errors import ConfigurationError
from inworld_embeddings_emulator.faults import NOTHING, Faults, Part, Script, Step
from inworld_embeddings_emulator.faults.kinds import Drop, Latency, Ok, Poison, Quota, Status, Truncate
from inworld_embeddings_emulator.faults.script import as_script


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Status(200), "status: code must be a whole number from 400 to 599"),
        (lambda: Status("503"), "status: code"),
        (lambda: Status(503, retry_after=-1), "status: retry-after must be a duration"),
        (lambda: Status(503, retry_after=float("nan")), "status: retry-after"),
        (lambda: Latency(None), "latency: seconds"),
        (lambda: Latency(True), "latency: seconds"),
        (lambda: Truncate(1.0), "truncate: after"),
        (lambda: Drop("head"), "drop: at must be one of before, head"),
        (lambda: Poison("["), "poison: pattern must be a regular expression"),
        (lambda: Poison("[[a"), "poison: pattern"),  # Python would warn
        (lambda: Quota(1, burst=0), "quota: burst"),
        (lambda: Part("drop"), "A part needs a fault"),
        (lambda: Part(Ok(), 2), "A chance"),
        (lambda: Step(()), "A step needs"),
        (lambda: Step((Part(Ok()),), times=1, seconds=1), "not both"),
        (lambda: Script(()), "A script needs"),
        (lambda: as_script([]), "A script needs"),
        (lambda: as_script(["ok, repeat", "ok"]), "Only the last"),
        (lambda: as_script(7), "not int"),
        (lambda: Faults("ok", seed="7"), "seed"),
    ],
)
def test_what_cannot_be_is_refused(make, told):
    with pytest.raises(ConfigurationError, match=told):
        make()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("drop x2", "drop x2"),
        (Drop(), "drop"),
        (Part(Drop(), 0.25), "25% drop"),
        (Step((Part(Drop()), Part(Latency(1))), seconds=3), "drop + latency=1s for 3s"),
        (
            ["status=503 x2", Drop(), Step((Part(Ok()),), times=4), "ok, repeat"],
            "status=503 x2, drop, ok x4, ok, repeat",
        ),
        (NOTHING, "ok"),
    ],
)
def test_what_stands_for_a_script(value, text):
    assert str(as_script(value)) == text


def test_labels_hold_no_pattern_and_no_message():
    assert Poison("planted-text").label == "poison"
    assert Status(400, message="planted-text").label == "status=400"


def test_faults_travel_as_they_were_asked_for():
    faults = Faults("status=503 x2, 30% drop", seed=7)
    faults.next()
    again = pickle.loads(pickle.dumps(faults))
    assert (again.script, again.seed, again.requests) == (faults.script, 7, 0)
    faults.watch(print)
    with pytest.raises(TypeError, match="do not pickle"):
        pickle.dumps(faults)
