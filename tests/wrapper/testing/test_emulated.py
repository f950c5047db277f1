"""`inworld_embeddings.testing`, as far as the examples of docs/use/testing.md do not show it, which are tests too."""

import asyncio
import math

import httpx
import pytest

from inworld_embeddings import testing
from inworld_embeddings_emulator.engines import default_engine
from support.processes import program


def test_fake_vectors_are_unit_vectors_of_the_text_alone():
    one, two, again = testing.fake_vectors(iter(["a", "b", "a"]))
    assert one == again != two
    assert (len(one), math.hypot(*one)) == (768, pytest.approx(1, abs=1e-6))
    assert testing.FakeEngine(5).embed(["a"]) == testing.fake_vectors(["a"], 5)


def test_async():
    async def embedded():
        async with testing.async_local_client(dimension=3) as client:
            return await client.embed("a")

    assert asyncio.run(embedded()) == pytest.approx(testing.fake_vectors(["a"], 3)[0])


def test_served():
    async def also_async():
        async with running.async_client() as client:
            return await client.embed(["a", "b"], max_retries=1)

    with testing.emulator(engine=default_engine()) as running:
        running.faults("truncate x1, ok")
        assert asyncio.run(also_async()).engine == default_engine().name
        assert [(one.status, one.faults) for one in running.log.requests] == [(200, ("truncate",)), (200, ())]
        assert running.faults.injected == {"truncate": 1}
        chaos = httpx.get(f"{running.url}/_emulator/faults", auth=("local", "local"))
        assert chaos.status_code == 404, "it is off unless asked for"
    with pytest.raises(TypeError, match="colour"):
        testing.emulator(colour="red").__enter__()


def test_a_log_shows_no_texts():
    log = testing.RequestLog()
    with testing.local_client(log=log, dimension=2, model="mine") as client:
        client.embed(["planted-text"])
    assert [(len(request), request.model) for request in log.requests] == [(1, "mine")]
    assert "planted-text" not in f"{log!r} {log.requests!r}"
    log.clear()
    assert len(log) == 0


def test_importing_it_loads_nothing_heavy():
    heavy = {"httpx", "numpy", "asyncio", "msgspec", "attrs", "anyio"}
    code = f"import sys, inworld_embeddings.testing.plugin\nprint({heavy} & set(sys.modules))"
    assert program(code, preamble="").stdout == "set()\n"
