"""``serve``, the command. What it serves is tested with the emulator, and with the gateway."""

import re
import signal

import httpx

from inworld_embeddings_emulator import Emulator, EmulatorServer
from inworld_embeddings_emulator.engines import HashEngine
from support.clients import KEY


def test_in_front_of_the_api_it_names_both_and_shows_no_key(start):
    with EmulatorServer(Emulator(HashEngine(4), "planted-key:planted-secret")) as behind:
        address = ("--openai", "--upstream", "--base-url", behind.url)
        server = start("serve", "--port", "0", *address, INWORLD_API_KEY=KEY)
        try:
            notice = [server.stdout.readline() for _ in range(4)]
            url = re.fullmatch(r"export OPENAI_BASE_URL=(\S+) OPENAI_API_KEY=local:local\n", notice[3])[1]
            assert notice[0] == f"OpenAI-compatible face on {url}\n"
            assert behind.url in notice[1]
            asked = {"json": {"model": "m", "input": "a"}, "headers": {"authorization": "Bearer local:local"}}
            assert httpx.post(f"{url}/embeddings", **asked).status_code == 200
        finally:
            server.send_signal(signal.SIGINT)
            shown = "".join([*notice, *server.communicate(timeout=20)])
    assert server.returncode == 0
    assert "planted" not in shown
    assert KEY not in shown


def test_a_taken_port_ends_it_with_one_line(run):
    with EmulatorServer(Emulator()) as server:
        ended, out, err = run("serve", "--engine", "hash:4", "--port", server.url.rpartition(":")[2])
    assert (ended, out) == (1, "")
    assert re.fullmatch(r"error: .* choose another port; .*\n", err)
