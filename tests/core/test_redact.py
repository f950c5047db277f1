import base64
import html
import json
import pickle
import time
import traceback
import urllib.parse

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from inworld_embeddings._core.redact import MARK, PIECE, Redactor
from inworld_embeddings._core.rpc_details import ErrorInfo, parse_details
from inworld_embeddings._core.secret import Secret

KEY = "wZ9xT4rLq7+Vb2Nc/sDf"
SECRET = "h8JkM3pQ6uYe1Xg5ta0=="
VALUE = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJleGFtcGxlLXVzZXIifQ.c2lnbmF0dXJlLWJ5dGVzLTAx_-w"
ALL = (VALUE, KEY, SECRET, f"{KEY}:{SECRET}", TOKEN)
REDACTOR = Redactor([Secret(VALUE), TOKEN])


def pieces_left(text: str, secrets: tuple[str, ...] = ALL) -> set[str]:
    pieces = {secret[i : i + PIECE] for secret in secrets for i in range(len(secret) - PIECE + 1)}
    return {piece for piece in pieces if piece in text}


def escaped(text: str) -> str:
    return "".join(f"\\u{ord(c):04X}" for c in text)


ECHOES = {
    "whole": lambda s: s,
    "first_eight": lambda s: s[:8],
    "middle_eight": lambda s: s[5:13],
    "last_eight": lambda s: s[-8:],
    "all_but_one": lambda s: s[1:],
    "percent": lambda s: urllib.parse.quote(s, safe=""),
    "percent_lower": lambda s: urllib.parse.quote(s, safe="").replace("%2F", "%2f").replace("%2B", "%2b"),
    "percent_every_character": lambda s: "".join(f"%{ord(c):02x}" for c in s),
    "percent_twice": lambda s: urllib.parse.quote(urllib.parse.quote(s, safe=""), safe=""),
    "json": lambda s: json.dumps(s).replace("/", "\\/").replace("+", "\\u002b").replace("=", "\\u003D"),
    "json_every_character": escaped,
    "json_twice": lambda s: json.dumps(json.dumps(s).replace("/", "\\/")),
    "html": lambda s: html.escape(s).replace("+", "&#43;").replace("/", "&#x2F;"),
}


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
@pytest.mark.parametrize("secret", ALL, ids=["value", "key", "secret", "pair", "token"])
def test_c14_no_echo_of_a_secret_survives(secret, echo):
    cleaned = REDACTOR.clean(f'Denied: "{echo(secret)}" (see docs)')
    assert MARK in cleaned
    assert cleaned.startswith('Denied: "')
    assert cleaned.endswith(" (see docs)")
    undone = html.unescape(urllib.parse.unquote(urllib.parse.unquote(cleaned)))
    assert not pieces_left(cleaned)
    assert not pieces_left(undone.encode().decode("unicode_escape"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f'deleted: "{VALUE[:4]}***"', 'deleted: "[redacted]"'),
        (f'deleted: \\"{VALUE[:4]}***\\"', 'deleted: \\"[redacted]\\"'),
        (f"key {VALUE[:5]}... is gone", "key [redacted] is gone"),
        (f"key={KEY[:7]}***", "key=[redacted]"),
        (f"key {KEY[:6]}… is gone", "key [redacted] is gone"),
        (f"{KEY[:4]}****{KEY[-4:]}.", "[redacted]."),
        (f"ends in ***{SECRET[-5:]}", "ends in [redacted]"),
        (f"{VALUE[:12]}***", "[redacted]***"),
        (f"{VALUE[:3]}***", f"{VALUE[:3]}***"),  # three characters tell nothing, and may be a word
        (f"{VALUE[:4]} is fine", f"{VALUE[:4]} is fine"),
        ("Please wait... or ask *** support", "Please wait... or ask *** support"),
    ],
)
def test_c14_masked_echoes(text, expected):
    assert REDACTOR.clean(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("a\r\nINFO forged", r"a\r\nINFO forged"),
        ("tab\tnul\x00bell\x07del\x7f", r"tab\tnul\x00bell\x07del\x7f"),
        ("c1\x9b2J\x85", r"c1\x9b2J\x85"),
        ("\u2028 \u2029 \u202e \u2066 \u200b \ufeff", r"\u2028 \u2029 \u202e \u2066 \u200b \ufeff"),
        ("\ud800 \U000e0001", r"\ud800 \U000e0001"),
        ("päß 日本 back\\slash", "päß 日本 back\\slash"),
    ],
)
def test_c14_control_characters_become_visible(text, expected):
    assert REDACTOR.clean(text) == expected


def test_escaping_cannot_spell_out_a_secret():
    secret = r"abc\x1bdefgh\n12"
    cleaned = Redactor([secret]).clean("see abc\x1bdefgh\n12 here")
    assert cleaned == "see [redacted] here"


def test_the_cut_comes_after_the_redaction():
    for limit in range(1, 60):
        cleaned = REDACTOR.clean(f"key: {VALUE} was deleted", limit)
        assert len(cleaned) <= limit
        assert VALUE[:4] not in cleaned


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("abc", 1, "…"), ("abc", 0, ""), ("", 0, ""), ("", 500, "")],
)
def test_cut(text, limit, expected):
    assert REDACTOR.clean(text, limit) == expected


def test_short_secrets_are_found_whole_and_tiny_ones_are_not_looked_for():
    assert Redactor(["a1b2"]).clean("key a1b2.") == "key [redacted]."
    assert Redactor(["a1b2c3"]).clean("key a1b2 a1b2c3") == "key a1b2 [redacted]"
    assert Redactor(["a", ""]).clean("a key") == "a key"
    assert Redactor([base64.b64encode(b"key1:pass").decode()]).clean("key1, pass") == "[redacted], [redacted]"


def test_without_secrets_text_is_only_made_printable():
    assert Redactor().clean(f"{VALUE}\n") == f"{VALUE}\\n"


def test_secrets_that_look_like_the_mark_do_not_loop():
    assert Redactor(["my-redacted-key"]).clean("x my-redacted-key y") == MARK
    assert not pieces_left(Redactor(["abcd[redac"]).clean("abcdabcd[redac"), ("abcd[redac",))


def test_details_are_cleaned_however_deep():
    raw = [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": KEY,
            "metadata": {KEY: f"a\n{VALUE}", "n": 1},
        },
        {"@type": "other", "deep": [[{"x": [VALUE, None, True, 1.5]}]]},
    ]
    known, unknown = REDACTOR.clean_details(parse_details(raw))
    assert known == ErrorInfo(reason=MARK, metadata={MARK: f"a\\n{MARK}", "n": 1})
    assert unknown == {"@type": "other", "deep": [[{"x": [MARK, None, True, 1.5]}]]}


def test_bottomless_details_are_cut_and_pickle():
    value: dict[str, object] = {"key": VALUE}
    for _ in range(5000):
        value = {"a": value}
    cleaned = REDACTOR.clean_details([value])
    assert VALUE not in repr(cleaned)
    assert pickle.loads(pickle.dumps(cleaned)) == cleaned


def test_a_redactor_shows_no_secret():
    insides = [getattr(REDACTOR, name) for name in Redactor.__slots__]
    assert not pieces_left(repr(REDACTOR) + str(REDACTOR) + repr(insides))
    with pytest.raises(TypeError):
        pickle.dumps(REDACTOR)


def test_a_traceback_with_locals_shows_no_secret():
    try:
        REDACTOR.clean(42)  # type: ignore[arg-type]
    except TypeError as error:
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "REDACTOR.clean(42)" in shown
    assert not pieces_left(shown)


@pytest.mark.parametrize(
    "text",
    [
        VALUE * 2000,
        "x" * 70_000,
        "%25" * 30_000,
        "\\u0041" * 12_000,
        "." * 70_000,
        "&#43;" * 14_000,
        "\x1b" * 70_000,
        "\\" * 70_000,
    ],
    ids=["keys", "text", "percent", "json", "dots", "entities", "escapes", "backslashes"],
)
def test_time_is_bounded(text):
    start = time.process_time()
    REDACTOR.clean(text)
    assert time.process_time() - start < 2.0  # measured 0.01-0.2 s; a quadratic scan takes minutes


secrets = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=60)
anything = st.text(max_size=40)
limits = st.integers(0, 600)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(secrets, anything, anything, st.data(), limits)
@example("abc\\x1bdefgh", "", "", None, 500)
def test_no_piece_of_any_secret_survives_any_surroundings(secret, before, after, data, limit):
    assume("redacted" not in secret)  # the mark itself holds those eight characters
    begin, end = (
        (0, len(secret)) if data is None else sorted(data.draw(st.tuples(*[st.integers(0, len(secret))] * 2)))
    )
    text = before + secret[begin:end] + after + secret + before
    cleaned = Redactor([secret]).clean(text, limit)
    assert not pieces_left(cleaned, (secret,))
    assert cleaned.isprintable()
    assert len(cleaned) <= limit


@settings(derandomize=True, max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from([*VALUE, *KEY, VALUE, KEY, VALUE[:4], "***", "…", "%", "\\u00", "2B", "\n", " "]),
        max_size=60,
    )
)
def test_arbitrary_mixtures_are_clean_and_cleaning_again_changes_nothing(parts):
    cleaned = REDACTOR.clean("".join(parts), 200)
    assert not pieces_left(cleaned)
    assert not pieces_left(urllib.parse.unquote(cleaned))
    assert cleaned.isprintable()
    assert len(cleaned) <= 200
    assert REDACTOR.clean(cleaned, 200) == cleaned


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_text_without_a_secret_keeps_every_printable_character(text):
    printable = "".join(filter(str.isprintable, text))
    cleaned = REDACTOR.clean(text, 10_000)
    assert "".join(c for c in printable if c not in cleaned) == ""
    if text.isprintable():
        assert cleaned == text
