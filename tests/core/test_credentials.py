"""Credentials are checked before use and never shown."""

import base64
import copy
import pickle

import pytest

from inworld_embeddings._redaction import Secret
from inworld_embeddings._settings import basic_value, join_key_and_secret
from inworld_embeddings.errors import ConfigurationError

GOOD = base64.b64encode(b"planted-key:planted-secret").decode()


def test_a_good_value_is_used_as_it_is():
    assert basic_value(GOOD).reveal() == GOOD


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (GOOD + "\n", "newline"),
        (" " + GOOD, "whitespace"),
        (GOOD[:6] + "\x00" + GOOD[6:], "control"),
        (GOOD[:6] + "\n" + GOOD[6:], "control"),
        (GOOD[:6] + "é" + GOOD[6:], "non-ASCII"),
        ("Basic " + GOOD, "without 'Basic '"),
        ("Bearer " + GOOD, "without 'Basic '"),
        ("planted-key:planted-secret", "looks like key:secret"),
        (GOOD[:-1] + "!", "base64"),
        ("eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl", "base64"),
        (GOOD[:-3], "a part may be missing"),
        (base64.b64encode(b"no colon inside").decode(), "not of key:secret"),
        (base64.b64encode(b":secret").decode(), "not of key:secret"),
        (base64.b64encode(b"key:").decode(), "not of key:secret"),
        ("", "empty"),
        (None, "not NoneType"),
        (b"bytes", "not bytes"),
    ],
)
def test_a_bad_value_is_refused_without_echo(value, says):
    with pytest.raises(ConfigurationError, match=says) as caught:
        basic_value(value)
    assert not any(piece in str(caught.value) for piece in ("planted", GOOD[:8], GOOD[6:14]))


def test_key_and_secret_are_joined():
    assert join_key_and_secret("planted-key", "planted-secret").reveal() == GOOD


@pytest.mark.parametrize(
    "pair", [("", "s"), ("k", ""), ("k\n", "s"), ("k", "s "), ("k:x", "s"), (None, "s"), ("k", 1)]
)
def test_a_bad_pair_is_refused(pair):
    with pytest.raises(ConfigurationError):
        join_key_and_secret(*pair)


def test_a_secret_shows_itself_nowhere():
    secret = Secret("planted")
    assert "planted" not in f"{secret!r} {secret} {secret!s:>30}"
    assert not hasattr(secret, "__dict__")
    for copier in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            copier(secret)
