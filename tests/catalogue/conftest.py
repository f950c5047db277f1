"""Row tests do not wait (the shape of the waits is tested in tests/core), and know nothing of this machine's proxies."""

import os

import pytest

from inworld_embeddings._core import backoff
from inworld_embeddings._http import dial
from support.tls import make_tls

ENVIRONMENT = [
    *(f"{name}_proxy" for name in ("http", "https", "all", "no")),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC"),
    *(f"INWORLD_{name}" for name in ("API_KEY", "KEY", "SECRET", "API_BASE", "EMULATOR_HOST")),
]


@pytest.fixture(autouse=True)
def candidate(monkeypatch):
    """Another transport in the place of our own, by its name in benchmarks/candidates.py, for docs/transports.md."""
    if name := os.environ.get("TRANSPORT"):
        from candidates import CANDIDATES

        monkeypatch.setattr(
            "inworld_embeddings._engine.carry.PooledTransport", lambda **_: CANDIDATES[name]()
        )


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr(backoff, "TRANSIENT_BASE", 0.001)
    monkeypatch.setattr(backoff, "THROTTLE_BASE", 0.001)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="session")
def tls(tmp_path_factory):
    """Certificates of one authority, and their flaws."""
    return make_tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def trusted(tls, monkeypatch):
    """The same, with the authority trusted by whoever honours SSL_CERT_FILE."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.ca_file))
    dial.tls_context.cache_clear()
    yield tls
    dial.tls_context.cache_clear()


@pytest.fixture
def short_connect(monkeypatch):
    """A connect timeout of 0.2 s instead of 5 s."""
    monkeypatch.setattr("inworld_embeddings._engine.session.CONNECT_TIMEOUT", 0.2)


@pytest.fixture
def short_attempt(monkeypatch):
    """An attempt timeout of 0.3 s instead of 20 s, as long as nothing is known of the service."""
    monkeypatch.setattr("inworld_embeddings._core.latency.FIRST_TIMEOUT", 0.3)
