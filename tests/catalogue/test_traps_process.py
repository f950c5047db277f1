"""More traps: those that show in another process, in what is cached, and in what is sent by whom."""

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import httpx
import numpy as np
import pytest

import inworld_embeddings
import inworld_embeddings_client
from inworld_embeddings import EmbeddingClient, _api
from support.clients import BOTH_OPEN, KEY
from support.fault_server import OK, FaultServer
from support.faults import status
from support.reader import EMBED_PATH

TEXTS = [f"planted-text {number}" for number in range(4)]
PACKAGE = Path(inworld_embeddings.__file__).parent


def run_apart(program, *arguments):
    """A program in an interpreter of its own; fails with what it wrote."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(program), *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        env={name: value for name, value in os.environ.items() if not name.startswith("INWORLD_")},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_forked_child_does_not_read_its_siblings_vectors():
    program = """
        import json, os, sys
        from inworld_embeddings import EmbeddingClient
        client = EmbeddingClient(base_url=sys.argv[1], api_key=sys.argv[2])
        client.embed("before the fork")
        children = []
        for child in range(3):
            pid = os.fork()
            if not pid:
                texts = [f"child {child} text {number}" for number in range(20)]
                rows = [client.embed(text).tolist() for text in texts]
                os.write(1, (json.dumps([texts, rows]) + "\\n").encode())
                os._exit(0)
            children.append(pid)
        for pid in children:
            assert os.waitpid(pid, 0)[1] == 0
        client.embed("after the fork")
    """
    with FaultServer() as server:
        lines = run_apart(program, server.url, KEY).splitlines()
        assert len(lines) == 3
        for texts, rows in map(json.loads, lines):
            server.oracle.check(texts, np.array(rows, np.float32))


def test_no_vector_of_another_model_comes_out_of_a_cache():
    asked = []

    class Service(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request):
            asked.append(json.loads(request.content)["model"]["model"])
            return httpx.Response(200, json={"embeddings": [{"values": [float(len(asked))]}]})

    with EmbeddingClient(api_key=KEY, transport=Service()) as client:
        answers = [client.embed("x", model=model)[0] for model in ("one", "two", "one")]
    assert (answers, asked) == ([1.0, 2.0, 3.0], ["one", "two", "one"])


def test_nothing_is_cached_by_its_arguments_but_settings():
    cached = re.compile(r"@(?:functools\.)?(?:lru_)?cache\b[^\n]*\n(?:async )?def (\w+)\(([^)]*)\)")
    found = {
        name: arguments
        for path in PACKAGE.rglob("*.py")
        for name, arguments in cached.findall(path.read_text("utf-8"))
    }
    assert not [name for name, arguments in found.items() if "text" in arguments]


def test_first_use_downloads_nothing_and_writes_no_file():
    program = """
        import sys
        sys.dont_write_bytecode = True

        def watch(event, arguments):
            if event in ("socket.connect", "socket.getaddrinfo", "urllib.Request", "subprocess.Popen"):
                raise SystemExit(f"{event}{arguments}")
            if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
                raise SystemExit(f"writes {arguments[0]}")

        sys.addaudithook(watch)
        from inworld_embeddings import EmbeddingClient
        with EmbeddingClient.local() as client:
            print(client.embed("hello").shape)
    """
    assert run_apart(program) == "(768,)\n"


def test_without_numpy_nothing_is_paid_for():
    program = """
        import sys
        sys.modules["numpy"] = None
        from inworld_embeddings import EmbeddingClient
        try:
            EmbeddingClient(base_url=sys.argv[1], api_key=sys.argv[2]).embed("x")
        except ImportError as error:
            print(error.name)
    """
    with FaultServer() as server:
        assert run_apart(program, server.url, KEY) == "numpy\n"
        server.oracle.assert_requests(0)


@BOTH_OPEN
def test_every_request_takes_path_headers_and_model_from_the_generated_endpoint(opened, monkeypatch):
    generated = inworld_embeddings_client.embed.request_kwargs

    def marked(**arguments):
        made = generated(**arguments)
        return made | {"params": {"generated": "yes"}, "headers": made["headers"] | {"x-generated": "yes"}}

    monkeypatch.setattr(inworld_embeddings_client.embed, "request_kwargs", marked)
    _api.envelope.cache_clear()
    try:
        with FaultServer([status(503), OK]) as server, opened(server.url) as embed:
            embed(TEXTS[:3])
            embed(TEXTS[3])
            assert len(server.requests) == 3
            for request in server.requests:
                assert request.target == f"{EMBED_PATH}?generated=yes"
                assert ("x-generated", "yes") in request.headers
    finally:
        _api.envelope.cache_clear()
