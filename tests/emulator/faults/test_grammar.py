"""The grammar: what each script means, that its text is read back, and that every mistake is told with its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_embeddings.errors import ConfigurationError
from inworld_embeddings_emulator.faults import Part, Script, Step, parse
from inworld_embeddings_emulator.faults.kinds import (
    KINDS,
    Dimension,
    Drop,
    Hint,
    Html,
    Latency,
    Long,
    MaxMessage,
    Ok,
    Poison,
    Quota,
    Shape,
    Short,
    Status,
    Truncate,
)
from inworld_embeddings_emulator.messages import At

FAULTS = [
    ("ok", Ok()),
    ("status=503", Status(503)),
    (
        "status=429;retry-after=2;retry-date=3s;retry-info=1.5;message=no",
        Status(429, retry_after=2, retry_date=3, retry_info=1.5, message="no"),
    ),
    ("rate-limit", Status(429)),
    ("rate-limit; retry-after = 2", Status(429, retry_after=2)),
    ("html", Html()),
    ("HTML=504;Retry-After=1", Html(504, retry_after=1)),
    ("latency=200ms", Latency(0.2)),
    ("latency=50ms;to=0.2", Latency(0.05, to=0.2)),
    ("latency=100ms;p99=2s;shape=pareto", Latency(0.1, p99=2, shape=Shape.PARETO)),
    ("quota=2.5;burst=3;hint=none", Quota(2.5, burst=3, hint=Hint.NONE)),
    ("drop", Drop()),
    ("drop=head;reset", Drop(At.HEAD, reset=True)),
    ("drop=before;reset=no", Drop()),
    ("truncate", Truncate(0.5)),
    ("truncate=20%", Truncate(0.2)),
    ("truncate=0;reset", Truncate(0, reset=True)),
    ("short", Short(1)),
    ("long=3", Long(3)),
    ("dimension=0", Dimension(0)),
    ("max-message=64k", MaxMessage(65536)),
    ("max-message=4m", MaxMessage(4 * 1024 * 1024)),
    ("poison=secret|a=b", Poison("secret|a=b")),
    ('poison="a, ""b"";+ \\d";silent', Poison('a, "b";+ \\d', silent=True)),
    *((name, KINDS[name]()) for name in ("ragged", "null", "nan", "zero", "swap")),
]


@pytest.mark.parametrize(("text", "fault"), FAULTS, ids=[text for text, _ in FAULTS])
def test_one_fault(text, fault):
    assert parse(text) == Script((Step((Part(fault),)),))


def test_every_kind_is_in_the_table():
    assert {type(fault) for _, fault in FAULTS} == set(KINDS.values())


TWICE = Step((Part(Status(503)),), times=2)
OK = Step((Part(Ok()),))


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("status=503 x2, ok", Script((TWICE, OK))),
        ("status=503x2,ok", None),
        ("  status=503 x 2 ,ok ", Script((TWICE, OK))),
        ("status=503 x2, repeat", Script((TWICE,), repeat=True)),
        ("drop for 200ms", Script((Step((Part(Drop()),), seconds=0.2),))),
        ("30% status=503", Script((Step((Part(Status(503), 0.3),)),))),
        ("0.5 %drop + ok", Script((Step((Part(Drop(), 0.005), Part(Ok()))),))),
        ("latency=1+30% html x3", Script((Step((Part(Latency(1)), Part(Html(), 0.3)), times=3),))),
    ],
)
def test_scripts(text, script):
    if script is None:
        with pytest.raises(ConfigurationError):
            parse(text)
    else:
        assert parse(text) == script


MISTAKES = [
    ("", "the end: a kind"),
    ("sttus=503", "character 1: 'sttus' is not a kind; did you mean status?"),
    ("ok, ok, nothing", "character 9: 'nothing' is not a kind."),
    ("status", "the end: status needs '='"),
    ("status=99", "character 8: status must be a whole number from 400 to 599"),
    (
        "status=503;retri-after=2",
        "character 12: 'retri-after' is not a parameter of status; did you mean retry-after?",
    ),
    ("status=503;retry-after", "the end: retry-after needs '='"),
    ("status=503;retry-after=soon", "character 24: retry-after must be a duration"),
    ("status=503;retry-after=1;retry-after=2", "character 26: retry-after is given twice"),
    ("rate-limit=429", "character 11: this is not understood"),
    ("latency=601", "character 9: latency must be a duration from 0 to 600 s"),
    ("latency=2;to=1", "character 1: latency: to must not be less"),
    ("latency=2;p99=1", "character 1: latency: p99 must be more"),
    ("latency=2;to=3;p99=4", "character 1: latency: give to or p99"),
    ("ok, 101% drop", "character 5: A chance must be a number from 0 to 1"),
    ("30%", "the end: a kind"),
    ("status=503 x0", "character 12: A step's number of requests"),
    ("status=503 x", "character 12: this is not understood"),
    ("status=503 for 0", "character 12: A step's time"),
    ("status=503 for ever", "character 12: this is not understood"),
    ("status=503,", "the end: a kind"),
    ("repeat", "character 1: 'repeat' is not a kind"),
    ("ok, repeat, ok", "character 5: 'repeat' is not a kind"),
    ("drop=there", "character 6: drop must be one of before, head"),
    ("drop;reset=perhaps", "character 12: reset must be given without a value"),
    ("poison=(", "character 8: poison must be a regular expression"),
    ('poison="open', "character 8: poison must be a regular expression"),
    ("truncate=100%", "character 10: truncate must be a number of bytes"),
    ("max-message=0", "character 13: max-message must be a number of bytes"),
    ("quota=0", "character 7: quota must be a number from 0.01"),
    ("nan=1", "character 4: this is not understood"),
    ("ok;loud", "character 4: 'loud' is not a parameter of ok; there is none"),
]


@pytest.mark.parametrize(("text", "told"), MISTAKES, ids=[text or "nothing" for text, _ in MISTAKES])
def test_a_mistake_is_told_with_its_place_and_the_kinds(text, told):
    with pytest.raises(ConfigurationError) as caught:
        parse(text)
    assert str(caught.value).startswith(f"faults, at {told}")
    assert str(caught.value).endswith(f". Kinds: {', '.join(KINDS)}, rate-limit.")


@pytest.mark.parametrize(
    "text", ["ok," * 7000, "ok," * 1500 + "ok", "ok+" * 1500 + "ok", "short=" + "9" * 5000]
)
def test_scripts_have_an_end(text):
    with pytest.raises(ConfigurationError):
        parse(text)


DURATIONS = st.integers(1, 600_000).map(lambda number: number / 1000)
SOME = st.one_of(
    st.sampled_from([fault for _, fault in FAULTS]),
    st.builds(
        Status,
        st.integers(400, 599),
        retry_after=st.none() | DURATIONS,
        retry_info=st.none() | DURATIONS,
        message=st.none() | st.text(max_size=20),
    ),
    st.builds(
        Truncate,
        st.integers(0, 10**9) | st.integers(0, 999).map(lambda number: number / 1000),
        reset=st.booleans(),
    ),
    st.builds(
        Poison, st.sampled_from(['"', '""', "\\\\", '\\"', " ", ", x2", "é", "\n"]), silent=st.booleans()
    ),
)
PARTS = st.builds(Part, SOME, st.integers(0, 1000).map(lambda number: number / 1000))
LASTING = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"times": st.integers(1, 10**9)}),
    st.fixed_dictionaries({"seconds": DURATIONS}),
)
STEPS = st.builds(
    lambda parts, lasting: Step(tuple(parts), **lasting), st.lists(PARTS, min_size=1, max_size=3), LASTING
)


@given(st.builds(Script, st.lists(STEPS, min_size=1, max_size=4).map(tuple), st.booleans()))
def test_the_text_of_a_script_is_that_script(script):
    assert parse(str(script)) == script


@given(st.text(alphabet='ok status=503;x2 ,+%"for repeat\n', max_size=60) | st.text(max_size=30))
def test_any_text_is_a_script_or_a_configuration_error(text):
    try:
        script = parse(text)
    except ConfigurationError:
        return
    assert parse(str(script)) == script
