"""No test here waits for a backoff (its shape is tested in test_retry.py), or knows of this machine's settings."""

import logging
import os
import re
import tracemalloc

import pytest

from inworld_embeddings import _http
from inworld_embeddings._http import connect
from inworld_embeddings._http.adapters import HttpxTransport
from inworld_embeddings.client import BaseClient
from support.network import make_tls


class Candidate(HttpxTransport):
    """Another library's transport in the place of our own."""

    def __init__(self, inner):
        super().__init__(inner.handle_async_request, BaseClient._timeouts)
        self._inner, self.freshen, self.aclose = inner, inner.drop_idle, inner.aclose

    @property
    def busy(self):
        return range(self._inner.in_use or 0)


if name := os.environ.get("TRANSPORT"):  # one of benchmarks/candidates.py, for docs/understand/transports.md
    from candidates import CANDIDATES

    _http.ConnectionPool = lambda proxy, tls, **_: Candidate(
        CANDIDATES[name](proxy=str(proxy) if proxy else None, trust_env=tls.keywords["trust_env"])
    )


@pytest.fixture
def no_records(monkeypatch):
    """Nothing is logged: pytest keeps every record."""
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr(
        BaseClient, "_policy", BaseClient._policy._replace(transient_base=0.001, throttle_base=0.001)
    )


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    names = "(https?|all|no)_proxy|SSL_CERT_.*|REQUESTS_CA_BUNDLE|NETRC|INWORLD_.*"
    for name in [name for name in os.environ if re.fullmatch(names, name, re.IGNORECASE)]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def tls(tmp_path_factory):
    """Certificates of one authority, and their flaws."""
    return make_tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def trusted(tls, monkeypatch):
    """The same, with the authority trusted by whoever honours SSL_CERT_FILE."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.ca_file))
    connect.tls_context.cache_clear()
    yield tls
    connect.tls_context.cache_clear()


@pytest.fixture
def short_connect(monkeypatch):
    """A connect timeout of 0.1 s instead of 5 s."""
    monkeypatch.setattr(BaseClient, "_timeouts", BaseClient._timeouts._replace(connect=0.1))


@pytest.fixture
def short_attempt(monkeypatch):
    """An attempt timeout of 0.1 s instead of 20 s, twice that after each round of timeouts.

    Another transport gets 1 s, so that one which sends 8 MB slowly is not taken for one that hangs.
    """
    seconds = 1.0 if os.environ.get("TRANSPORT") else 0.1
    monkeypatch.setattr(BaseClient, "_timeouts", BaseClient._timeouts._replace(first_attempt=seconds))


@pytest.fixture
def at_most():
    """Fails if Python's memory grew by more than this at its highest."""
    most = []
    tracemalloc.start()
    yield most.append
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < most[0]
