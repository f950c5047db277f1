"""`serve` as a program: what it prints and serves, how it stops, what it imports."""

import os
import re
import signal
import subprocess
import sys

import httpx
import pytest

from inworld_embeddings_emulator import Emulator
from inworld_embeddings_emulator.serving import reach

EMBED = "/ml/v1alpha/embedding:embed"
PROGRAM = """
import sys
from inworld_embeddings_emulator.engines import HashEngine
from inworld_embeddings_emulator.serving import serve
serve(port=0, engine=HashEngine(2))
print("heavy:", sorted({"httpx", "numpy", "asyncio", "attrs"} & set(sys.modules)))
"""


def python(*arguments):
    env, pipe = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, subprocess.PIPE
    return subprocess.Popen([sys.executable, *arguments], stdout=pipe, stderr=pipe, text=True, env=env)


def test_it_serves_until_it_is_interrupted_and_imports_nothing_heavy():
    with python("-c", PROGRAM) as program:
        first, _, export, playground = (program.stdout.readline() for _ in range(4))
        url = first.removeprefix("Emulator of the embeddings API on ").strip()
        response = httpx.post(url + EMBED, json={"inputs": [{"text": "private"}]}, auth=("local", "local"))
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=20)
    assert len(response.json()["embeddings"]) == 1
    assert export == f"export INWORLD_EMULATOR_HOST={url.removeprefix('http://')}\n"
    assert (playground, program.returncode, out) == (f"Playground: {url}/\n", 0, "heavy: []\n")
    assert re.fullmatch(f"POST {EMBED} 200 .*\n", err)


def test_faults_chaos_and_the_page_as_options():
    command = "-m inworld_embeddings serve --port 0 --engine hash:4 --seed 7 --chaos --no-playground --fault"
    with python(*command.split(), "status=503 x1, ok") as running:
        first, *_, faults, chaos = (running.stdout.readline() for _ in range(5))
        url = first.split()[-1]
        assert faults == "Faults: status=503 x1, ok (seed 7)\n"
        assert chaos == f"Chaos is on: GET, PUT and DELETE {url}/_emulator/faults\n"
        with httpx.Client(base_url=url, auth=("local", "local")) as client:
            assert [client.post(EMBED, json={}).status_code for _ in range(2)] == [503, 200]
            assert client.get("/_emulator/faults").json()["injected"] == {"status=503": 1}
            assert client.get("/").status_code == 404
        running.terminate()
    assert running.returncode == 0


@pytest.mark.parametrize(("meaning", "key"), [("good for nothing", "local:local"), ("", "my:own")])
def test_what_the_vectors_mean_and_how_to_reach_them(engine, meaning, key):
    engine.meaning = meaning
    told = reach("127.0.0.1:1", Emulator(engine, key))
    assert f"the engine tiny, 3 dimensions. {meaning and f'{meaning}. '}Never mix" in told
    assert ("INWORLD_EMULATOR_HOST=127.0.0.1:1" in told) is ("base_url=" not in told) is (key != "my:own")
    assert "my:own" not in told
