"""The page of `serve` as a program, and the switch that leaves it out."""

from contextlib import contextmanager

import httpx
import pytest

from inworld_embeddings_emulator.playground.files import SETTINGS
from support.programs import serve


@contextmanager
def serving(*options, **environment):
    """A client of `serve`, what it printed, and what it logged once it has ended."""
    with serve(*options, **environment) as program:
        printed = [program.stdout.readline() for _ in range(3 if "--no-playground" in options else 4)]
        log = []
        with httpx.Client(base_url=printed[0].split()[-1]) as client:
            yield client, printed, log
        program.terminate()
        log += program.communicate(timeout=20)[1].splitlines()


def test_the_page_is_there_and_its_address_is_printed():
    with serving() as (client, printed, log):
        assert printed[-1] == f"Playground: {client.base_url}/\n".replace("//\n", "/\n")
        assert "<title>Embeddings playground</title>" in client.get("/?private").text
        assert client.get(SETTINGS).json()["engine"] == "hash-4"
    assert log[0].startswith("GET / 200 ")
    assert " 0 vectors " in log[0]
    assert "private" not in log[0]


def test_it_can_be_left_out():
    with serving("--no-playground") as (client, printed, _):
        assert client.get("/").json() == {"code": 5, "message": "Not Found", "details": []}
        assert client.get(SETTINGS).status_code == 404
        assert "Playground" not in "".join(printed)


@pytest.mark.parametrize("option", ["--openai", "--chaos"])
def test_it_is_there_beside_the_rest(option):
    with serving(option) as (client, _, _):
        assert client.get("/").status_code == 200
        assert client.get(SETTINGS).json()["chaos"] is (option == "--chaos")
        assert client.get("/v1/models", headers={"authorization": "Bearer local:local"}).status_code == (
            200 if option == "--openai" else 404
        )


def test_a_key_of_its_own_is_nowhere_on_the_page():
    with serving("--key-from", "OWN", OWN="planted-key:planted-secret") as (client, printed, _):
        assert client.get(SETTINGS).json()["key"] is None
        assert "planted" not in client.get("/").text + "".join(printed)
