"""Row F11: other runtimes are tried here, or documented as unsupported."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from inworld_embeddings import APITimeoutError, AsyncEmbeddingClient, ClientClosedError
from support.clients import KEY
from support.fault_server import OK, FaultServer
from support.faults import black_hole, status
from support.processes import assert_silent, program
from support.vectors import vectors_for

PAGE = Path(__file__).resolve().parents[2] / "docs" / "processes.md"


@pytest.mark.parametrize("runtime", ["uvloop", "gevent", "trio", "Free-threaded", "Subinterpreters"])
def test_F11_the_page_says_where_each_runtime_stands(runtime):
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith(f"| {runtime}")]
    assert len(lines) == 1
    assert any(word in lines[0] for word in ("works", "Works", "Not supported", "Not tried"))


def test_F11_uvloop():
    uvloop = pytest.importorskip("uvloop")
    texts = [str(number) for number in range(100)]

    async def work(url):
        async with AsyncEmbeddingClient(base_url=url, api_key=KEY, batch_size=3, max_retries=5) as client:
            assert np.array_equal((await client.embed(texts)).vectors, vectors_for(texts))
            rows = [vector async for _, vector in client.embed_iter(texts)]
            assert np.array_equal(rows, vectors_for(texts))

    async def give_up(url):
        client = AsyncEmbeddingClient(base_url=url, api_key=KEY)
        with pytest.raises(APITimeoutError):
            await client.embed("x", timeout=0.2)
        task = asyncio.create_task(client.embed("x"))
        await asyncio.sleep(0.05)
        await client.close()
        with pytest.raises(ClientClosedError):
            await task

    with FaultServer([status(503), OK, status(500), OK]) as server:
        uvloop.run(work(server.url))
    with FaultServer(black_hole) as server:
        uvloop.run(give_up(server.url))
        server.oracle.wait_until_closed()


def test_F11_gevent():
    pytest.importorskip("gevent")
    code = """
import gevent
client = make(batch_size=3)
jobs = [gevent.spawn(lambda n=n: [right(client, f"{n}:{i}") for i in range(10)]) for n in range(20)]
gevent.joinall(jobs, timeout=30, raise_error=True)
print(all(all(job.value) for job in jobs), len(list(client.embed_iter(map(str, range(10))))))
client.close()
"""
    with FaultServer() as server:
        done = program("from gevent import monkey; monkey.patch_all()\n" + code, server.url)
    assert_silent(done)
    assert done.stdout.split() == ["True", "10"]
