"""`serve --fault --seed --chaos` as a program."""

import json
import re
from contextlib import contextmanager

import httpx
import pytest

from support.programs import serve

ADMIN = "/_emulator/faults"
PATH = "/ml/v1alpha/embedding:embed"


@contextmanager
def serving(*arguments):
    with serve(*arguments) as running:
        lines = []
        while not lines or not lines[-1].startswith("export"):
            lines.append(running.stdout.readline())
        address = lines[-1].strip().partition("=")[2]
        with httpx.Client(base_url=f"http://{address}", auth=("local", "local")) as client:
            try:
                yield client, running
            finally:
                running.terminate()


def test_a_script_at_the_start_and_calls_to_change_it():
    with serving("--fault", "status=503 x2, ok", "--seed", "7", "--chaos") as (client, running):
        assert running.stdout.readline() == "Faults: status=503 x2, ok (seed 7)\n"
        assert re.fullmatch(
            r"Chaos is on: .* http://127.0.0.1:\d+/_emulator/faults\n", running.stdout.readline()
        )
        assert [client.post(PATH, json={}).status_code for _ in range(3)] == [503, 503, 200]
        told = client.get(ADMIN).json()
        assert told == {
            "faults": "status=503 x2, ok",
            "seed": 7,
            "requests": 3,
            "injected": {"status=503": 2},
        }
        put = client.put(ADMIN, content="drop", headers={"content-type": "text/plain"})
        assert put.json()["faults"] == "drop"
        with pytest.raises(httpx.RemoteProtocolError):
            client.post(PATH, json={})
        assert client.delete(ADMIN).json()["faults"] == "ok"
        assert client.post(PATH, content=json.dumps({})).status_code == 200


def test_a_script_implies_no_chaos():
    with serving("--fault", "status=503 x1") as (client, _):
        assert client.get(ADMIN).status_code == 404
        assert client.post(PATH, json={}).status_code == 503


def test_a_wrong_script_ends_it_with_one_line():
    out, err = serve("--fault", "sttus=503").communicate(timeout=20)
    assert out == ""
    assert re.fullmatch(
        r"error: faults, at character 1: 'sttus' is not a kind; did you mean status\?.*\n", err
    )


def test_the_real_api_gets_no_faults():
    _, err = serve("--openai", "--upstream", "--fault", "drop").communicate(timeout=20)
    assert "not for --upstream" in err
