"""`serve` as a program: what it prints, how it stops, what it imports."""

import os
import re
import signal
import subprocess
import sys

import httpx
import pytest

from inworld_embeddings_emulator import Emulator, EmulatorServer
from inworld_embeddings_emulator.serving import reach

PROGRAM = """
import sys
from inworld_embeddings_emulator.serving import serve

class TinyEngine:
    name, dimension = "tiny", 2
    def embed(self, texts):
        return [[0.5, 0.25] for _ in texts]

serve(port=0, engine=TinyEngine(), api_key=sys.argv[1])
print("heavy:", sorted({"httpx", "numpy", "asyncio", "attrs"} & set(sys.modules)))
"""


def run(api_key="local:local"):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, api_key],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal_and_imports_nothing_heavy(number):
    with run() as program:
        lines = [program.stdout.readline() for _ in range(4)]
        address = re.fullmatch(r"export INWORLD_EMULATOR_HOST=(127\.0\.0\.1:\d+)\n", lines[2])[1]
        url = f"http://{address}/ml/v1alpha/embedding:embed"
        response = httpx.post(url, json={"inputs": [{"text": "private"}]}, auth=("local", "local"))
        program.send_signal(number)
        out, err = program.communicate(timeout=20)
    assert response.json() == {"embeddings": [{"values": [0.5, 0.25]}]}
    assert lines[0] == f"Emulator of the embeddings API on http://{address}\n"
    assert "tiny" in lines[1]
    assert "Never mix" in lines[1]
    assert (program.returncode, out) == (0, "heavy: []\n")
    assert re.fullmatch(r"POST /ml/v1alpha/embedding:embed 200 38 bytes 1 vectors \S+ ms\n", err)


def test_with_a_key_of_its_own_it_does_not_offer_the_variable_that_sends_the_test_key():
    with run("my:own") as program:
        notice = "".join(program.stdout.readline() for _ in range(3))
        program.terminate()
        program.communicate(timeout=20)
    assert "INWORLD_EMULATOR_HOST" not in notice
    assert "my:own" not in notice
    assert "base_url=" in notice


@pytest.mark.parametrize(("built_in", "said"), [(True, True), (False, False)])
def test_only_of_the_built_in_engine_is_it_said_what_it_understands(engine, built_in, said):
    told = "".join(reach("127.0.0.1:1", Emulator(engine), built_in=built_in))
    assert ("by spelling only" in told) is said


def test_a_taken_port_ends_the_command_with_one_line():
    with EmulatorServer(Emulator()) as server:
        command = [
            "-m",
            "inworld_embeddings",
            "serve",
            "--engine",
            "hash",
            "--port",
            server.url.rpartition(":")[2],
        ]
        done = subprocess.run([sys.executable, *command], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert "choose another port" in line
