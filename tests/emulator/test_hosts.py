import pytest

from inworld_embeddings.errors import ConfigurationError
from inworld_embeddings_emulator.hosts import answers_to, check_bind


@pytest.mark.parametrize(
    ("header", "bound", "expected"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1:8080", "127.0.0.1", True),
        ("127.8.9.1:8080", "127.0.0.1", True),
        ("localhost:1", "127.0.0.1", True),
        ("LOCALHOST", "127.0.0.1", True),
        ("[::1]:8080", "127.0.0.1", True),
        ("evil.example", "127.0.0.1", False),
        ("evil.example:8080", "127.0.0.1", False),
        ("127.0.0.1.evil.example", "127.0.0.1", False),
        ("localhost.evil.example", "127.0.0.1", False),
        ("evil.example@127.0.0.1", "127.0.0.1", False),
        ("127.0.0.1, evil.example", "127.0.0.1", False),
        ("127.0.0.1:port", "127.0.0.1", False),
        ("::1", "127.0.0.1", False),
        ("", "127.0.0.1", False),
        ("192.168.1.5", "127.0.0.1", False),
        ("192.168.1.5:80", "192.168.1.5", True),
        ("192.168.1.6", "192.168.1.5", False),
        ("192.168.1.6", "0.0.0.0", True),
        ("192.168.1.6", "", True),
        ("[2001:db8::1]", "::", True),
        ("evil.example", "0.0.0.0", False),
        ("emulator:8080", "0.0.0.0", False),
        ("given.test", "127.0.0.1", True),
        ("GIVEN.test:9", "0.0.0.0", True),
    ],
)
def test_answers_to(header, bound, expected):
    assert answers_to(header, bound, ("Given.test",)) is expected


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_loopback_may_use_the_test_key(host):
    check_bind(host, uses_test_key=True)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.5", "example.com"])
def test_elsewhere_only_with_a_key_of_its_own(host):
    check_bind(host, uses_test_key=False)
    with pytest.raises(ConfigurationError, match="api_key"):
        check_bind(host, uses_test_key=True)
