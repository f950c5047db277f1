"""`inworld_embeddings.testing`: clients, the served emulator, the log, the fakes."""

import asyncio
import math

import httpx
import pytest

from inworld_embeddings import APIResponseValidationError
from inworld_embeddings.testing import (
    FakeEngine,
    RequestLog,
    async_local_client,
    emulator,
    fake_vectors,
    local_client,
)
from inworld_embeddings_emulator.engines import default_engine
from support.clients import in_threads
from support.processes import program


def test_fake_vectors_are_unit_vectors_of_the_text_alone():
    one, two, again = fake_vectors(["a", "b", "a"], 5)
    assert one == again != two
    assert math.hypot(*one) == pytest.approx(1, abs=1e-6)
    assert len(fake_vectors(["a"])[0]) == 768
    assert fake_vectors(iter(["a"]), 5) == [one] == FakeEngine(5).embed(["a"])


def test_a_local_client_takes_the_clients_options_and_an_engine():
    log = RequestLog()
    with local_client(dimension=5, log=log, batch_size=1, model="mine", max_retries=0) as client:
        found = client.embed(["a", "b", "c"]).vectors
    assert abs(found - fake_vectors(["a", "b", "c"], 5)).max() < 1e-6
    assert sorted(log.texts) == ["a", "b", "c"]
    assert [(len(request), request.model) for request in log.requests] == [(1, "mine")] * 3
    with local_client(engine=default_engine()) as client:
        assert client.embed(["a"]).engine == default_engine().name


def test_async_with_a_seed():
    async def statuses(seed):
        log = RequestLog()
        async with async_local_client(faults="50% drop", seed=seed, dimension=3, log=log) as client:
            assert [(await client.embed("a", max_retries=20)).shape for _ in range(12)] == [(3,)] * 12
        return log.statuses

    first, same, other = (asyncio.run(statuses(seed)) for seed in (3, 3, 4))
    assert first == same != other
    assert {None, 200} == set(first)


def test_served():
    async def also_async():
        async with running.async_client() as client:
            return await client.embed(["a", "b"])

    with emulator(dimension=3, faults="status=503 x1, ok") as running, running.client() as client:
        assert client.embed("a").shape == (3,)
        assert len(asyncio.run(also_async())) == 2
        assert running.log.statuses == [503, 200, 200]
        assert running.faults.injected == {"status=503": 1}
        assert running.url == f"http://{running.address}"
        running.log.clear()
        running.faults("truncate x1, short")
        with pytest.raises(APIResponseValidationError):
            client.embed("a", max_retries=1)
        assert running.log.statuses == [200, 200]
        assert [request.faults for request in running.log.requests] == [("truncate",), ("short",)]
        chaos = httpx.get(f"{running.url}/_emulator/faults", auth=("local", "local"))
        assert chaos.status_code == 404, "it is off unless asked for"
    with pytest.raises(TypeError, match="colour"):
        emulator(colour="red").__enter__()


def test_a_log_takes_from_many_threads_and_shows_no_texts():
    log, texts = RequestLog(), [f"planted-text {number:2}" for number in range(16)]
    with local_client(log=log, dimension=2) as client:
        in_threads(16, lambda number: client.embed([texts[number]]))
    assert sorted(log.texts) == texts
    assert repr(log) == "<RequestLog of 16 requests>"
    assert "planted-text" not in repr(log.requests)
    log.clear()
    assert (len(log), log.requests, log.texts) == (0, [], [])


def test_importing_it_loads_nothing_heavy():
    heavy = {"httpx", "numpy", "asyncio", "msgspec", "attrs", "anyio"}
    code = f"import sys, inworld_embeddings.testing.plugin\nprint({heavy} & set(sys.modules))"
    assert program(code, preamble="").stdout == "set()\n"
