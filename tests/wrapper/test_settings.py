"""Where the key may go, what a key is, and that argument beats environment beats default."""

import base64
from contextlib import suppress

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inworld_embeddings import EmbeddingClient
from inworld_embeddings import _settings as settings
from inworld_embeddings._settings import basic_value, check_base_url, emulator_credential, join_key_and_secret
from inworld_embeddings.errors import ConfigurationError
from inworld_embeddings.options import CLIENT, defaults
from support.clients import KEY

OTHER = base64.b64encode(b"arg-key:arg-secret").decode()
API = "https://api.inworld.ai"

MALFORMED = [
    *("https://user:pass@api.inworld.ai", "https://user@api.inworld.ai", "https://@x.y"),
    *(f"{API}?x=1", f"{API}/?", f"{API}#frag", f"{API}#"),
    *("https://", "https:///path", "https://:443", "", None, b"https://api.inworld.ai"),
    *("file:///etc/passwd", "unix:/tmp/sock", "ftp://x.y", "//x.y", "x.y", "x:80"),
    *(f" {API}", f"{API}\n", f"{API}\r\nX: y", f"{API}\\@evil.example", "https://a b.example"),
    *(f"{API}:0", f"{API}:99999", f"{API}:port", f"{API}:-1"),
    *("https://api%2einworld.ai", f"{API},evil.example", "https://[::1", "https://exämple.org"),
]


@pytest.mark.parametrize("url", MALFORMED)
def test_A11_malformed_urls_are_refused_without_echo(url):
    with pytest.raises(ConfigurationError, match="^base_url") as caught:
        check_base_url(url, source="base_url", allow_insecure=True)
    assert "pass@" not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "[::1]:80", "127.1.2.3", "x.localhost"])
def test_A10_plain_http_is_for_loopback(host):
    assert check_base_url(f"http://{host}", source="base_url") == f"http://{host}"


@pytest.mark.parametrize("host", ["api.inworld.ai", "10.0.0.1", "localhost.evil.example"])
def test_A10_plain_http_beyond_loopback_must_be_asked_for(host):
    with pytest.raises(ConfigurationError, match="allow_insecure=True"):
        check_base_url(f"http://{host}", source="base_url")
    assert check_base_url(f"http://{host}", source="base_url", allow_insecure=True) == f"http://{host}"


@pytest.mark.parametrize("url", ["https://evil.example", f"{API}.evil.example", "https://inworld.ai"])
def test_A12_the_environment_may_only_name_known_hosts(url):
    with pytest.raises(ConfigurationError, match="pass it as base_url="):
        resolve({"INWORLD_API_KEY": KEY, "INWORLD_API_BASE": url})
    assert check_base_url(url, source="base_url") == url


HOSTS = ["api.inworld.ai", "evil.example", "127.0.0.1", "[::1]", "localhost", "443"]
ODD = ["@", ":", "/", "\\", "?", "#", "%40", "%2f", ".", "..", "\t", "\n", " ", "\uff41", ";", ",", "user"]


@example("https://[::1]https://")
@example("https://api.inworld.ai[::1]")
@given(st.lists(st.sampled_from(["https://", "http://", "//", *HOSTS, *ODD]), max_size=8).map("".join))
def test_what_is_accepted_means_the_same_host_to_the_http_library(url):
    with suppress(ConfigurationError):
        seen = httpx.URL(resolve({"INWORLD_API_KEY": KEY, "INWORLD_API_BASE": url or "//"}).base_url)
        local = seen.host in ("127.0.0.1", "::1", "localhost") or seen.host.endswith(".localhost")
        assert local or (seen.scheme, seen.host) == ("https", "api.inworld.ai")
        assert not seen.userinfo


# Credentials


@pytest.mark.parametrize(
    ("says", "values"),
    [
        ("newline", [KEY + "\n", " " + KEY, ("planted\n", "s"), ("k", "planted ")]),
        ("control or non-ASCII", [KEY[:6] + odd + KEY[6:] for odd in "\x00\né"]),
        ("without 'Basic '", ["Basic " + KEY, "Bearer " + KEY]),
        ("looks like key:secret", ["planted-key:planted-secret"]),
        ("base64", [KEY[:-1] + "!", "eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl"]),
        ("a part may be missing", [KEY[:-3]]),
        ("not of key:secret", [base64.b64encode(bad).decode() for bad in (b"no colon", b":secret", b"key:")]),
        ("empty", ["", ("", "planted"), ("planted", "")]),
        ("contains a colon", [("planted:x", "s")]),
        ("not bytes", [b"planted", ("planted", b"planted")]),
    ],
)
def test_a_bad_key_or_pair_is_refused_without_echo(says, values):
    for value in values:
        with pytest.raises(ConfigurationError, match=says) as caught:
            join_key_and_secret(*value) if isinstance(value, tuple) else basic_value(value)
        assert not any(piece in str(caught.value) for piece in ("planted", KEY[:8], KEY[6:14]))


# Argument beats environment beats default


def resolve(environ, **given):
    return settings.resolve(defaults(CLIENT) | given, environ)


GATEWAY, TEST_KEY = "https://gw.example/inworld", emulator_credential().reveal()
KEYED = {"INWORLD_API_KEY": KEY}


@pytest.mark.parametrize(
    ("environ", "given", "address", "key"),
    [
        (KEYED, {}, API, KEY),
        ({"INWORLD_KEY": "planted-key", "INWORLD_SECRET": "planted-secret"}, {}, API, KEY),
        (KEYED | {"INWORLD_API_BASE": f"{API}/"}, {}, API, KEY),
        (KEYED | {"INWORLD_API_BASE": API}, {"api_key": OTHER, "base_url": GATEWAY}, GATEWAY, OTHER),
        # An emulator gets the test key even if there is a real one.
        (KEYED | {"INWORLD_EMULATOR_HOST": "[::1]:80"}, {}, "http://[::1]:80", TEST_KEY),
        ({"INWORLD_EMULATOR_HOST": "http://localhost:80"}, {"api_key": KEY}, "http://localhost:80", TEST_KEY),
        (KEYED | {"INWORLD_EMULATOR_HOST": "127.0.0.1:80"}, {"base_url": f"{GATEWAY}/"}, GATEWAY, KEY),
    ],
)
def test_an_argument_beats_the_environment_which_beats_the_default(environ, given, address, key):
    resolved = resolve(environ, **given)
    assert (resolved.base_url, resolved.credential.reveal()) == (address, key)


@pytest.mark.parametrize(
    ("environ", "given", "says"),
    [
        ({"INWORLD_API_KEY": ""}, {}, r"INWORLD_API_KEY.*local\(\).*INWORLD_EMULATOR_HOST"),
        ({}, {"api_key": KEY, "key": "k", "secret": "s"}, "not several"),
        ({}, {"api_key": KEY, "auth": httpx.BasicAuth("a", "b")}, "not several"),
        ({}, {"key": "k"}, "key is set without secret"),
        ({}, {"secret": "s"}, "secret is set without key"),
        ({}, {"auth": "Basic x"}, "an Auth of httpx or httpx2, not str"),
        ({}, {"api_key": KEY, "verify": False}, r"whoever answers.*allow_insecure=True"),
        ({}, {"api_key": KEY, "verify": "/no/such/ca.pem"}, "verify='/no/such/ca.pem': there is no such"),
        ({}, {"api_key": KEY, "verify": __file__, "transport": httpx.MockTransport(None)}, "have their own"),
        ({}, {"api_key": 7}, "not int"),
        ({"INWORLD_API_KEY": KEY + "\n"}, {}, "^INWORLD_API_KEY .*newline"),
        ({"INWORLD_KEY": "k"}, {}, "INWORLD_KEY is set without INWORLD_SECRET"),
        ({"INWORLD_EMULATOR_HOST": "emulator.example:8080"}, {}, "loopback"),
        ({"INWORLD_EMULATOR_HOST": "127.0.0.1:0"}, {}, "INWORLD_EMULATOR_HOST"),
    ],
)
def test_what_contradicts_or_cannot_be_names_the_argument_or_variable(environ, given, says):
    with pytest.raises(ConfigurationError, match=says) as caught:
        resolve(environ, **given)
    assert KEY[:8] not in str(caught.value)


OWN = httpx.MockTransport(lambda request: httpx.Response(200))


@pytest.mark.parametrize("others", [{"http_client": httpx.AsyncClient(transport=OWN)}, {"transport": OWN}])
def test_I07_a_name_below_localhost_that_others_look_up_may_be_anywhere(others):
    with pytest.raises(ConfigurationError, match=r"http://.*in clear"):
        EmbeddingClient(api_key=KEY, base_url="http://x.localhost:8080", **others)
    EmbeddingClient(api_key=KEY, base_url="http://x.localhost:8080", allow_insecure=True, **others)
    EmbeddingClient(api_key=KEY, base_url="http://localhost:8080", **others)
