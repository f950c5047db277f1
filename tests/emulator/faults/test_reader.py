"""The language of faults: what each script means, and that every mistake is told with its place and the way out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_embeddings.errors import ConfigurationError
from inworld_embeddings_emulator.faults.kinds import KINDS, Fault
from inworld_embeddings_emulator.faults.reader import Script, Step, parse

HINTS = {"retry-after": 2, "retry-info": 1.5, "message": "no"}
FAULTS = {
    "ok": Fault("ok"),
    "status=429;retry-after=2;retry-info=1.5;message=no": Fault("status", 429, HINTS),
    "rate-limit; retry-after = 2": Fault("rate-limit", 429, {"retry-after": 2}),
    "HTML=504;Retry-After=1": Fault("html", 504, {"retry-after": 1}),
    "latency=100ms;p99=2s": Fault("latency", 0.1, {"p99": 2}),
    "quota=2.5;burst=3": Fault("quota", 2.5, {"burst": 3}),
    "drop=head;reset": Fault("drop", "head", {"reset": True}),
    "truncate=20%": Fault("truncate", 0.2),
    "truncate=0;reset": Fault("truncate", 0, {"reset": True}),
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
    "ok, ok, nothing": "character 9: 'nothing' is not a fault.",
    "status": "the end: status needs '=' and a whole number from 400 to 599",
    "status=99": "character 8: status must be a whole number from 400 to 599",
    "html;retri-after=2": "character 6: 'retri-after' is not a setting of html; did you mean retry-after?",
    "status=503;retry-after=1;retry-after=2": "character 26: retry-after is given twice",
    "rate-limit=429": "character 11: this is not understood",
    "latency=601": "character 9: latency must be a duration from 0 to 600 s",
    "latency=2;p99=1": "character 1: latency: p99 must be more",
    "ok, 101% drop": "character 5: a chance must be from 0% to 100%",
    "status=503 x0": "character 13: the number of requests must be a whole number from 1",
    "status=503 for 0": "character 16: the time must be a duration from 0.001",
    "ok, repeat, ok": "character 5: 'repeat' is not a fault",
    "drop=there": "character 6: drop must be 'head'",
    "poison=(": "character 8: poison must be a regular expression",
    "truncate=100%": "character 10: truncate must be a number of bytes",
    "ok;loud": "character 4: 'loud' is not a setting of ok; there is none",
    "short=" + "9" * 5000: "character 7: short must be a whole number",
}


@pytest.mark.parametrize("text", MISTAKES, ids=lambda text: text[:30])
def test_a_mistake_is_told_with_its_place_and_the_faults(text):
    with pytest.raises(ConfigurationError) as caught:
        parse(text)
    assert str(caught.value).startswith(f"faults, at {MISTAKES[text]}")
    assert str(caught.value).endswith(f". Faults: {', '.join(KINDS)}.")


def test_a_script_has_an_end():
    with pytest.raises(ConfigurationError, match="at most 20000 characters"):
        parse("ok" + ", ok" * 5000)


@given(st.text(alphabet='ok status=503;x2 ,+%"for repeat\n', max_size=60) | st.text(max_size=30))
def test_any_text_is_a_script_or_a_configuration_error(text):
    try:
        script = parse(text)
    except ConfigurationError:
        return
    assert parse(script.text) == script
