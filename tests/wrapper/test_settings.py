"""Argument beats environment beats default."""

import base64

import httpx
import pytest

from inworld_embeddings import _settings as configuration
from inworld_embeddings._redaction import Secret
from inworld_embeddings._settings import emulator_credential
from inworld_embeddings.errors import ConfigurationError
from inworld_embeddings.options import CLIENT, defaults

KEY = base64.b64encode(b"env-key:env-secret").decode()
OTHER = base64.b64encode(b"arg-key:arg-secret").decode()


def resolve(environ, **given):
    return configuration.resolve(defaults(CLIENT) | given, environ)


def value(target):
    assert isinstance(target.credential, Secret)
    return target.credential.reveal()


def test_the_ready_value_from_the_environment():
    target = resolve({"INWORLD_API_KEY": KEY})
    assert (target.base_url, value(target)) == (configuration.DEFAULT_BASE_URL, KEY)


def test_the_pair_from_the_environment():
    assert value(resolve({"INWORLD_KEY": "env-key", "INWORLD_SECRET": "env-secret"})) == KEY


def test_an_argument_beats_the_environment():
    environ = {"INWORLD_API_KEY": KEY, "INWORLD_API_BASE": "https://api.inworld.ai"}
    target = resolve(environ, api_key=OTHER, base_url="https://gw.example")
    assert (target.base_url, value(target)) == ("https://gw.example", OTHER)


def test_a_callable_and_an_auth_are_kept_for_later():
    def provider():
        raise AssertionError("asked too early")

    auth = httpx.BasicAuth("a", "b")
    assert resolve({}, api_key=provider).credential is provider
    assert resolve({}, auth=auth).credential is auth


def test_no_key_names_the_three_ways_out():
    with pytest.raises(ConfigurationError, match=r"INWORLD_API_KEY.*local\(\).*INWORLD_EMULATOR_HOST"):
        resolve({"INWORLD_API_KEY": ""})


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"api_key": KEY, "key": "k", "secret": "s"}, "not several"),
        ({"api_key": KEY, "auth": httpx.BasicAuth("a", "b")}, "not several"),
        ({"key": "k"}, "key is set without secret"),
        ({"secret": "s"}, "secret is set without key"),
        ({"auth": "Basic x"}, "httpx.Auth"),
        ({"api_key": 7}, "not int"),
    ],
)
def test_contradictions_are_refused(given, says):
    with pytest.raises(ConfigurationError, match=says):
        resolve({}, **given)


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"INWORLD_API_KEY": KEY + "\n"}, "^INWORLD_API_KEY .*newline"),
        ({"INWORLD_KEY": "k"}, "INWORLD_KEY is set without INWORLD_SECRET"),
        ({"INWORLD_API_KEY": KEY, "INWORLD_API_BASE": "https://evil.example"}, "INWORLD_API_BASE"),
        ({"INWORLD_EMULATOR_HOST": "emulator.example:8080"}, "loopback"),
        ({"INWORLD_EMULATOR_HOST": "127.0.0.1:0"}, "INWORLD_EMULATOR_HOST"),
    ],
)
def test_errors_name_the_variable(environ, says):
    with pytest.raises(ConfigurationError, match=says) as caught:
        resolve(environ)
    assert KEY[:8] not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "http://127.0.0.1:8080", "localhost:8080", "[::1]:8080"])
def test_an_emulator_gets_the_test_key_even_if_a_real_one_is_set(host):
    target = resolve({"INWORLD_EMULATOR_HOST": host, "INWORLD_API_KEY": KEY}, api_key=OTHER)
    assert value(target) == emulator_credential().reveal()
    assert target.base_url == (host if "://" in host else f"http://{host}")


def test_an_explicit_base_url_beats_the_emulator():
    environ = {"INWORLD_EMULATOR_HOST": "127.0.0.1:8080", "INWORLD_API_KEY": KEY}
    target = resolve(environ, base_url="https://gw.example")
    assert (target.base_url, value(target)) == ("https://gw.example", KEY)
