"""What `doctor` finds on this machine, and that it shows no secret."""

import json
import time
from types import SimpleNamespace

import pytest

from inworld_embeddings._http.connect import tls_context
from inworld_embeddings.testing import emulator
from support.clients import KEY


@pytest.fixture
def doctor(run):
    """The state and the sentence of each finding, by subject, and the exit code."""
    tls_context.cache_clear()  # it is the process's, of the environment at the time

    def doctor(*arguments, **environment):
        code, out, _ = run("doctor", "--json", *arguments, **environment)
        found = [json.loads(line) for line in out.splitlines()]
        return code, {one["subject"]: (one["state"], one["told"]) for one in found}

    return doctor


def test_over_an_emulator_it_gets_all_the_way(doctor):
    with emulator(dimension=8) as running:
        code, found = doctor("--live", **running.env)
        assert (code, {state for state, _ in found.values()}) == (0, {"ok"})
        assert "responds, with status 404" in found["network"][1]
        assert "8 dimensions, made by the local engine" in found["service"][1]
        assert [request.method for request in running.log.requests] == ["GET", "POST", "POST", "POST"]
        running.faults.set("status=401")
        code, found = doctor("--live")
    assert (code, found["service"][0]) == (1, "bad")
    assert found["service"][1].startswith("AuthenticationError: ")


def test_limits_are_found_from_what_the_server_refuses_and_nothing_is_spent_unasked(doctor, run):
    with emulator(dimension=768) as running:  # its message limit is gRPC's, 4 MiB
        code, out, err = run("doctor", "--limits", **running.env)
        assert (code, out, len(running.log)) == (2, "", 0)
        assert all(part in err for part in ("3840 texts", "--yes"))
        code, found = doctor("--limits", "--yes")
    assert code == 0
    assert found["texts in a request"][1] == "1024 are taken, 2048 are too many."
    assert found["MiB in a request"][1] == "2 are taken, 4 are too many."


def test_a_clock_that_is_off(doctor, monkeypatch):
    ahead = SimpleNamespace(time=lambda: time.time() + 3600, perf_counter=time.perf_counter)
    monkeypatch.setattr("inworld_embeddings._doctor.time", ahead)
    with emulator(dimension=8) as running:
        state, told = doctor(**running.env)[1]["clock"]
    assert (state, "s ahead of the server's" in told) == ("note", True)


PROXY = "http://u:planted-secret@127.0.0.1:1"


@pytest.mark.parametrize(
    ("environment", "subject", "state", "told"),
    [
        ({"INWORLD_API_KEY": ""}, "key", "bad", "No API key."),
        ({"INWORLD_API_KEY": KEY + "\n"}, "key", "bad", "newline"),
        ({"HTTPS_PROXY": PROXY}, "proxy", "ok", "http://127.0.0.1:1"),
        ({"INWORLD_API_BASE": "https://x.example"}, "settings", "bad", "INWORLD_API_BASE"),
        ({"INWORLD_API_BASE": "http://localhost:1"}, "network", "bad", "localhost"),
        ({"HTTPS_PROXY": PROXY.replace("http", "socks5")}, "proxy", "bad", "SOCKS"),
        ({"SSL_CERT_FILE": "/nowhere"}, "certificates", "bad", "/nowhere"),
        ({"REQUESTS_CA_BUNDLE": "/b"}, "certificates", "note", "SSL_CERT_FILE=/b"),
    ],
)
def test_each_setting_that_is_wrong_is_named(doctor, monkeypatch, environment, subject, state, told):
    if subject != "network":  # nothing is to leave this machine
        monkeypatch.setattr("inworld_embeddings._doctor.reach", lambda settings: iter(()))
    _, found = doctor(**{"INWORLD_API_KEY": KEY} | environment)
    assert (found[subject][0], told in found[subject][1]) == (state, True)
    assert "planted" not in json.dumps(found)
    assert KEY not in json.dumps(found)
