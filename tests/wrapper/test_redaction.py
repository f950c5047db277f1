"""What is taken out of an error text: keys, a request's texts, control characters, and most of an odd body."""

import base64
import copy
import html
import json
import pickle
import random
import re
import traceback
import urllib.parse

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from inworld_embeddings import errors
from inworld_embeddings._redaction import INPUT_MARK, MARK, PIECE, TEXT_PIECE, Redactor, Secret, excerpt
from support.clients import KEY as PLANTED
from support.fault import TEXT as PLAIN
from support.fault import answer, status
from support.in_process import embed

KEY = "wZ9xT4rLq7+Vb2Nc/sDf"
SECRET = "h8JkM3pQ6uYe1Xg5ta0=="
VALUE = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJleGFtcGxlLXVzZXIifQ.c2lnbmF0dXJlLWJ5dGVzLTAx_-w"
ALL = (VALUE, KEY, SECRET, f"{KEY}:{SECRET}", TOKEN)
REDACTOR = Redactor([Secret(VALUE), TOKEN])


def pieces_left(text: str, secrets: tuple[str, ...] = ALL, size: int = PIECE) -> set[str]:
    pieces = {secret[i : i + size] for secret in secrets for i in range(len(secret) - size + 1)}
    return {piece for piece in pieces if piece in text}


ECHOES = {
    "whole": lambda s: s,
    "middle_eight": lambda s: s[5:13],
    "percent_twice": lambda s: urllib.parse.quote(urllib.parse.quote(s, safe=""), safe=""),
    "json": lambda s: json.dumps(s).replace("/", "\\/").replace("+", "\\u002b").replace("=", "\\u003D"),
    "json_twice": lambda s: json.dumps(json.dumps(s).replace("/", "\\/")),
    "html": lambda s: html.escape(s).replace("+", "&#43;").replace("/", "&#x2F;"),
    "after_an_empty_entity": lambda s: "&#1;" * 5 + s,
}


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
@pytest.mark.parametrize("secret", ALL, ids=["value", "key", "secret", "pair", "token"])
def test_C14_no_echo_of_a_secret_survives(secret, echo):
    cleaned = REDACTOR.clean(f'Denied: "{echo(secret)}" (see docs)')
    assert MARK in cleaned
    assert cleaned.startswith('Denied: "')
    assert cleaned.endswith(" (see docs)")
    undone = html.unescape(urllib.parse.unquote(urllib.parse.unquote(cleaned)))
    assert not pieces_left(cleaned + undone.encode().decode("unicode_escape"))


def test_secrets_that_look_like_the_mark_do_not_loop():
    assert Redactor(["my-redacted-key"]).clean("x my-redacted-key y") == MARK
    assert not pieces_left(Redactor(["abcd[redac"]).clean("abcdabcd[redac"), ("abcd[redac",))


TEXT = "The quick brown fox said: “jump”,\nover a lazy dog & 13 others."
MESSAGES = {
    f'deleted: \\"{VALUE[:4]}***\\"': 'deleted: \\"[redacted]\\"',
    f"{KEY[:4]}****{KEY[-4:]}.": "[redacted].",
    f"ends in …{SECRET[-5:]}": "ends in [redacted]",
    f"{VALUE[:3]}***": f"{VALUE[:3]}***",  # three characters tell nothing, and may be a word
    "Please wait... or ask *** support": "Please wait... or ask *** support",
    "\x1b[31mred\r\nINFO\t\x00\x07\x7f\x9b2J\x85": r"\x1b[31mred\r\nINFO\t\x00\x07\x7f\x9b2J\x85",
    "\u2028 \u202e \u200b \ufeff \ud800 \U000e0001": r"\u2028 \u202e \u200b \ufeff \ud800 \U000e0001",
    "päß 日本 back\\slash": "päß 日本 back\\slash",
    "cannot embed 'me' of half the moon": "cannot embed 'me' of [input]",
    f"cannot embed {TEXT!r}": "cannot embed '[input]'",
    f"cannot embed {json.dumps(TEXT)}": 'cannot embed "[input]"',
    f"cannot embed {html.escape(TEXT)}": "cannot embed [input]",
    "the quick brown fox": "the quick brown fox",
}


@pytest.mark.parametrize("message", MESSAGES, ids=range(len(MESSAGES)))
def test_C14_masked_keys_control_characters_and_a_requests_own_texts(message):
    assert REDACTOR.about([TEXT, "half the", "the moon", "me"]).clean(message) == MESSAGES[message]


def test_neither_a_secret_nor_a_redactor_nor_a_traceback_with_their_locals_shows_it():
    secret, redactor = Secret(VALUE), REDACTOR.about([TEXT])
    for one in (secret, redactor):
        for way in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="does not pickle"):
                way(one)
    with pytest.raises(TypeError) as caught:
        redactor.clean(42)
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()
    insides = [getattr(redactor, name) for name in Redactor.__slots__]
    assert not pieces_left(f"{secret!r} {secret} {redactor!r} {redactor} {insides}" + "".join(told))


@pytest.mark.parametrize("word", ["&amp;", "%25", "a", "\\", "\x1b", "...", VALUE])
def test_I03_work_is_bounded_by_what_is_kept_and_the_texts(word):
    """Sizes at which anything that grows with message times texts would never end."""
    redactor = REDACTOR.about(["a" * 23 + "b" * 1_000_000, *(f"{number:05d}" for number in range(100_000))])
    assert len(redactor.clean(word * 1_000_000)) <= 500


secrets = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=60)
texts = st.text("abc ", min_size=4, max_size=80) | st.text(min_size=4, max_size=80)
anything = st.text(max_size=40)


@given(secrets, st.slices(60), anything, anything, st.integers(0, 600))
@example("abc\\x1bdefgh", slice(None), "", "", 500)
def test_no_piece_of_any_secret_survives_any_surroundings(whole, piece, before, after, limit):
    assume("redacted" not in whole)  # the mark itself holds those eight characters
    cleaned = Redactor([whole]).clean(before + whole[piece] + after + whole + before, limit)
    assert not pieces_left(cleaned, (whole,))
    assert cleaned.isprintable()
    assert len(cleaned) <= limit


@given(texts, st.slices(80), anything, anything)
def test_no_long_run_of_any_text_survives_any_surroundings(whole, piece, before, after):
    assume(whole not in INPUT_MARK)
    cleaned = Redactor().about(["another one", whole]).clean(before + whole[piece] + after + whole, 5000)
    assert not pieces_left(cleaned, (whole,), TEXT_PIECE)
    if (before + whole + after).isprintable():  # an escape may spell out the rest of a text
        assert whole not in cleaned.replace(INPUT_MARK, "\0")


def test_C13_an_excerpt_is_what_can_be_read():
    expected = {
        b"first line\r\n\r\n  second line\n": "first line second line",
        "Le délai".encode("latin-1"): "Le d�lai",
        b"<html><head>\n<title> 502 Bad\nGateway </title></head><body>x</body>": "502 Bad Gateway",
        b"<html><title></title><h1>Oops</h1>\n<p>Try &amp; retry&#33;</p>": "Oops Try & retry!",
        b"<HTML><SCRIPT>if (a<b) {var t='<p>no</p>'}</SCRIPT><style>p{}</style><P>yes": "yes",
        b"<3 this is plain text": "<3 this is plain text",
        random.Random(20260901).randbytes(1_000_000): "<1000000 bytes of binary data>",
        b" " * 65_536 + b"not looked at": "",
        b"a" * 499 + "é".encode(): "a" * 499 + "é",
    }
    assert {body: excerpt(body) for body in expected} == expected


def test_C13_an_excerpt_of_any_page_is_short():
    for part in (b"<script", b"<title>", b"<p><" + b"a" * 99_000, b"<p>&#" + b"1" * 60_000, b"\x1b"):
        assert len(excerpt(part * (1_000_000 // len(part)))) <= 500


# What a service echoes, seen from outside

PRIVATE = ["planted-text " * 7, 'planted-text with "quotes" and a\nline break, ' * 3]
DETAIL = {"@type": "type.example/unknown", PLANTED: [{"deep": {PLANTED: f"Basic {PLANTED}"}}]}
NAMED = {"field": "inputs[0].text", "description": f"is refused: {PRIVATE[0]}"}
REFUSED = {
    "@type": "type.googleapis.com/google.rpc.BadRequest",
    "fieldViolations": [{"field": PLANTED}, NAMED],
}
SHOWN = {
    "a key": status(403, message=f'no such key: "{PLANTED}" \x1b[31m\r\nX-Forged: 1'),
    "half a key": status(403, message=f'no such key: "{PLANTED[:14]}***"'),
    "details": status(503, details=[DETAIL, REFUSED]),
    "a violation": status(400, details=[REFUSED]),
    "the request id": status(503, headers=[("x-inworld-request-id", PLANTED)]),
    "a redirect": answer("redirect", 302, b"", [("Location", f"https://{PLANTED}.example/{PLANTED}")]),
    "a text": status(503, message=f"cannot embed {PRIVATE[0]!r}"),
    "plain text": answer("text", 503, f"upstream said: {PRIVATE[0]}".encode(), [PLAIN]),
}


@pytest.mark.parametrize("script", SHOWN.values(), ids=SHOWN)
def test_C14_nothing_of_the_key_or_of_a_text_gets_into_an_error_or_the_log(script):
    """What else an error shows, and the log, are searched after each test: tests/conftest.py."""
    with pytest.raises(errors.APIError) as caught:
        embed(script, PRIVATE, max_retries=0)
    assert str(caught.value).isprintable()
    assert not re.search(r"line break|upstream said: planted", str(caught.value))
