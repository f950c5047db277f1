"""`serve` as a program: what it prints and serves, how it stops, what it imports."""

import os
import re
import signal
import subprocess
import sys

import httpx
import pytest

from inworld_embeddings_emulator import Emulator
from inworld_embeddings_emulator.serving import reach, say

EMBED = "/ml/v1alpha/embedding:embed"
PROGRAM = """
import sys
from inworld_embeddings_emulator.serving import serve

class TinyEngine:
    name, dimension = "tiny", 2
    def embed(self, texts):
        return [[0.5, 0.25] for _ in texts]

serve(port=0, engine=TinyEngine())
print("heavy:", sorted({"httpx", "numpy", "asyncio", "attrs"} & set(sys.modules)))
"""


def python(*arguments):
    env, pipe = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, subprocess.PIPE
    return subprocess.Popen([sys.executable, *arguments], stdout=pipe, stderr=pipe, text=True, env=env)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal_and_imports_nothing_heavy(number):
    with python("-c", PROGRAM) as program:
        lines = [program.stdout.readline() for _ in range(4)]
        address = re.fullmatch(r"export INWORLD_EMULATOR_HOST=(127\.0\.0\.1:\d+)\n", lines[2])[1]
        body = {"inputs": [{"text": "private"}]}
        response = httpx.post(f"http://{address}{EMBED}", json=body, auth=("local", "local"))
        program.send_signal(number)
        out, err = program.communicate(timeout=20)
    assert response.json() == {"embeddings": [{"values": [0.5, 0.25]}]}
    assert lines[0] == f"Emulator of the embeddings API on http://{address}\n"
    assert lines[3] == f"Playground: http://{address}/\n"
    assert (program.returncode, out) == (0, "heavy: []\n")
    assert err.startswith(f"POST {EMBED} 200 ")


@pytest.mark.parametrize(("meaning", "key"), [("good for nothing", "local:local"), ("", "my:own")])
def test_what_the_vectors_mean_and_how_to_reach_them(engine, meaning, key):
    engine.meaning = meaning
    told = reach("127.0.0.1:1", Emulator(engine, key))
    assert "the engine tiny, 3 dimensions." in told
    assert "Never mix" in told
    assert ("dimensions. good for nothing. Never" in told) is bool(meaning)
    assert ("INWORLD_EMULATOR_HOST=127.0.0.1:1" in told) is ("base_url=" not in told) is (key != "my:own")
    assert "my:own" not in told


def test_what_it_says_is_written_at_once_so_that_a_reader_of_the_first_line_may_leave(monkeypatch):
    written = []
    monkeypatch.setattr(sys.stdout, "write", written.append)
    say("a", "", "b")
    monkeypatch.undo()
    assert written == ["a\nb\n"]


def test_faults_chaos_and_the_page_as_options():
    command = "-m inworld_embeddings serve --port 0 --engine hash:4 --seed 7 --chaos --no-playground --fault"
    with python(*command.split(), "status=503 x1, ok") as running:
        lines = [running.stdout.readline() for _ in range(5)]
        url = lines[0].split()[-1]
        assert lines[3] == "Faults: status=503 x1, ok (seed 7)\n"
        assert lines[4] == f"Chaos is on: GET, PUT and DELETE {url}/_emulator/faults\n"
        with httpx.Client(base_url=url, auth=("local", "local")) as client:
            assert [client.post(EMBED, json={}).status_code for _ in range(2)] == [503, 200]
            assert client.get("/_emulator/faults").json()["injected"] == {"status=503": 1}
            assert client.get("/?private").status_code == 404
        running.terminate()
        assert "private" not in running.communicate(timeout=20)[1]
