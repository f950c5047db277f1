"""``serve``, the command. What it serves is tested with the emulator, and with the gateway."""

import re
import signal

import httpx

from inworld_embeddings_emulator import Emulator, EmulatorServer
from inworld_embeddings_emulator.engines import HashEngine
from support.clients import KEY
from support.network import closed_port


def test_in_front_of_the_api_it_names_both_and_shows_no_key(start):
    with EmulatorServer(Emulator(HashEngine(4), "planted-key:planted-secret")) as behind:
        address = ("--openai", "--upstream", "--base-url", behind.url)
        server = start("serve", "--port", "0", *address, INWORLD_API_KEY=KEY)
        try:
            notice = "".join(server.stdout.readline() for _ in range(4))
            pattern = (
                r"OpenAI-compatible face on (\S+)\n.*\nexport OPENAI_BASE_URL=\1 OPENAI_API_KEY=local:local\n"
            )
            url = re.fullmatch(pattern, notice, re.DOTALL)[1]
            assert behind.url in notice
            asked = {"json": {"model": "m", "input": "a"}, "headers": {"authorization": "Bearer local:local"}}
            assert httpx.post(f"{url}/embeddings", **asked).status_code == 200
        finally:
            server.send_signal(signal.SIGINT)
            out, err = server.communicate(timeout=20)
    assert server.returncode == 0
    assert not re.search(f"planted|{KEY}", notice + out + err)


def test_a_port_that_is_in_use_is_named_with_the_way_out(start):
    with closed_port() as port:
        command = start("serve", "--port", str(port))
        _, told = command.communicate(timeout=60)
    assert command.returncode == 1
    assert f"Cannot listen on 127.0.0.1 port {port}: Address already in use." in told
    assert "choose another port" in told
