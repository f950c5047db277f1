"""Requests for tokens are signed as the published vector says."""

import base64
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest

from inworld_embeddings._core.jwt_signing import authorization, key_and_secret, signature
from inworld_embeddings._core.secret import Secret
from inworld_embeddings.errors import ConfigurationError

VECTOR = "a7c2a9aa136f45175e34e54a8e740f5f057a1e2c80070428fda53750f81b5251"
MOMENT = datetime(2025, 5, 16, 2, 50, 26, tzinfo=UTC)
NONCE = "0123456789a"


def b64(text):
    return Secret(base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode())


def test_the_published_vector():
    assert signature(Secret("testsecret"), "20250516025026", NONCE) == VECTOR


@pytest.mark.parametrize(
    "changed", [("testsecreT", "20250516025026", NONCE), ("testsecret", "20250516025027", NONCE)]
)
def test_each_part_counts(changed):
    secret, moment, nonce = changed
    assert signature(Secret(secret), moment, nonce) != VECTOR


@pytest.mark.parametrize("moment", [MOMENT, MOMENT.astimezone(timezone(timedelta(hours=-7)))])
def test_the_header_holds_utc_whatever_the_zone(moment):
    header = authorization(Secret("the-key"), Secret("testsecret"), moment, NONCE)
    assert header.reveal() == (
        f"IW1-HMAC-SHA256 ApiKey=the-key,DateTime=20250516025026,Nonce={NONCE},Signature={VECTOR}"
    )
    assert "the-key" not in repr(header)


def test_the_secret_does_not_travel():
    header = authorization(Secret("the-key"), Secret("testsecret"), MOMENT, NONCE).reveal()
    assert not re.search("testsecret|" + b64("testsecret").reveal(), header)


@pytest.mark.parametrize("pair", [("k", "s"), ("planted-key", "with:colon=and/more"), ("k", "s, with space")])
def test_a_basic_value_holds_the_pair(pair):
    assert tuple(half.reveal() for half in key_and_secret(b64(":".join(pair)))) == pair


@pytest.mark.parametrize(
    "value",
    ["planted,key:s", "planted key:s", "planted\nkey:s", "plantéd:s", "planted", "planted:", b"\xff\xfe:s"],
)
def test_a_pair_that_would_break_the_header_is_refused_without_echo(value):
    with pytest.raises(ConfigurationError) as caught:
        key_and_secret(b64(value))
    assert "plant" not in str(caught.value)
