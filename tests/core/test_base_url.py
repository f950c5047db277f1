"""Where the key may go."""

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inworld_embeddings._settings import check_base_url
from inworld_embeddings.errors import ConfigurationError

A11 = [
    "https://user:pass@api.inworld.ai",
    "https://user@api.inworld.ai",
    "https://@api.inworld.ai",
    "https://api.inworld.ai?x=1",
    "https://api.inworld.ai/?",
    "https://api.inworld.ai#frag",
    "https://api.inworld.ai#",
    "https://",
    "https:///path",
    "https://:443",
    "file:///etc/passwd",
    "unix:/tmp/sock",
    "ftp://api.inworld.ai",
    "//api.inworld.ai",
    "api.inworld.ai",
    "localhost:8080",
    "",
    " https://api.inworld.ai",
    "https://api.inworld.ai\n",
    "https://api.inworld.ai\r\nX: y",
    "https://api.inworld.ai\\@evil.example",
    "https://api.inworld.ai:0",
    "https://api.inworld.ai:99999",
    "https://api.inworld.ai:port",
    "https://api.inworld.ai:-1",
    "https://api%2einworld.ai",
    "https://api.inworld.ai,evil.example",
    "https://[::1",
    "https://a b.example",
    "https://exämple.org",
    None,
    b"https://api.inworld.ai",
]


@pytest.mark.parametrize("url", A11)
def test_A11_malformed_urls_are_refused_without_echo(url):
    with pytest.raises(ConfigurationError, match="^base_url") as caught:
        check_base_url(url, source="base_url", explicit=True, allow_insecure=True)
    assert "pass@" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://api.inworld.ai", "http://10.0.0.1", "http://localhost.evil.example"])
def test_A10_plain_http_beyond_loopback_is_refused_unless_asked_for(url):
    with pytest.raises(ConfigurationError, match="allow_insecure=True"):
        check_base_url(url, source="base_url", explicit=True)
    assert check_base_url(url, source="base_url", explicit=True, allow_insecure=True) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080",
        "http://localhost",
        "http://[::1]:80",
        "http://127.1.2.3",
        "http://x.localhost",
    ],
)
def test_A10_loopback_may_be_plain_http_and_needs_no_trust(url):
    assert check_base_url(url, source="INWORLD_API_BASE", explicit=False) == url


@pytest.mark.parametrize(
    "url", ["https://evil.example", "https://api.inworld.ai.evil.example", "https://inworld.ai"]
)
def test_A12_the_environment_may_only_name_known_hosts(url):
    with pytest.raises(ConfigurationError, match="pass it as base_url="):
        check_base_url(url, source="INWORLD_API_BASE", explicit=False)
    assert check_base_url(url, source="base_url", explicit=True) == url


def test_a_path_may_stand_before_the_endpoint_and_trailing_slashes_go():
    assert (
        check_base_url("https://gw.example/inworld/", source="base_url", explicit=True)
        == "https://gw.example/inworld"
    )
    assert check_base_url("https://api.inworld.ai/", source="X", explicit=False) == "https://api.inworld.ai"


GOOD = [
    "https://",
    "http://",
    "//",
    "api.inworld.ai",
    "evil.example",
    "127.0.0.1",
    "[::1]",
    "localhost",
    "443",
    "user",
]
ODD = ["@", ":", "/", "\\", "?", "#", "%40", "%2f", ".", "..", "\t", "\n", " ", "\uff41", ";", ","]
PIECES = st.sampled_from(GOOD + ODD)


@example("https://[::1]https://")
@example("https://api.inworld.ai[::1]")
@given(st.lists(PIECES, max_size=8).map("".join))
def test_what_is_accepted_means_the_same_host_to_the_http_library(url):
    try:
        checked = check_base_url(url, source="base_url", explicit=False)
    except ConfigurationError:
        return
    seen = httpx.URL(checked)
    assert seen.host in ("api.inworld.ai", "127.0.0.1", "::1", "localhost") or seen.host.endswith(
        ".localhost"
    )
    assert not seen.userinfo
    assert seen.scheme == "https" or seen.host != "api.inworld.ai"
