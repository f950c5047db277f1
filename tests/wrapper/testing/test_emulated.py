"""`inworld_embeddings.testing`: clients, the served emulator, the log, the fakes."""

import asyncio
import math
import os
import subprocess
import sys
import threading

import pytest

from inworld_embeddings import ConfigurationError, EmbeddingClient, testing
from inworld_embeddings.testing import (
    FakeEngine,
    Faults,
    RequestLog,
    async_local_client,
    emulator,
    fake_vectors,
    local_client,
)
from inworld_embeddings_emulator.engines import default_engine


def test_every_name_is_there():
    for name in testing.__all__:
        assert getattr(testing, name)
    with pytest.raises(AttributeError, match="local_clint"):
        testing.local_clint  # noqa: B018 - the access is the test


def test_fake_vectors_are_unit_vectors_of_the_text_alone():
    one, two, again = fake_vectors(["a", "b", "a"], 5)
    assert one == again != two
    assert math.hypot(*one) == pytest.approx(1, abs=1e-6)
    assert len(fake_vectors(["a"])[0]) == 768
    assert fake_vectors(iter(["a"]), 5) == [one] == FakeEngine(5).embed(["a"])


def test_a_local_client_answers_with_them():
    with local_client(dimension=5) as client:
        found = client.embed(["a", "b"]).vectors
    assert abs(found - fake_vectors(["a", "b"], 5)).max() < 1e-6


def test_or_with_another_engines():
    with local_client(engine=default_engine()) as client:
        assert client.embed(["a"]).engine == default_engine().name


def test_options_are_the_clients():
    log = RequestLog()
    with local_client(dimension=2, log=log, batch_size=1, model="mine", max_retries=0) as client:
        client.embed(["a", "b", "c"])
    assert sorted(log.texts) == ["a", "b", "c"]
    assert [(len(request), request.model) for request in log.requests] == [(1, "mine")] * 3


@pytest.mark.parametrize("faults", ["status=503 x2, ok", Faults("status=503 x2, ok")])
def test_faults_and_a_log_in_process(faults):
    log = RequestLog()
    with local_client(faults=faults, log=log, dimension=2) as client:
        client.embed(["a", "b"])
    assert log.statuses == [503, 503, 200]
    assert [request.faults for request in log.requests] == [("status=503",), ("status=503",), ()]
    assert log.texts == ["a", "b"] * 3


def test_async():
    log = RequestLog()

    async def scenario():
        async with async_local_client(faults="drop x1", seed=3, dimension=3, log=log) as client:
            return await client.embed("a")

    assert asyncio.run(scenario()).shape == (3,)
    assert log.statuses == [None, 200]


def test_the_seed_chooses_the_mix():
    def statuses(seed):
        log = RequestLog()
        with local_client(faults="50% status=400", seed=seed, log=log, dimension=2) as client:
            for _ in range(12):
                client.embed(["a"], on_error="return")
        return log.statuses

    assert statuses(1) == statuses(1)
    assert len({tuple(statuses(seed)) for seed in range(4)}) > 1


def test_served():
    with emulator(dimension=3, faults="status=503 x1, ok") as running, running.client() as client:
        assert client.embed("a").shape == (3,)
        assert running.log.statuses == [503, 200]
        assert running.faults.injected == {"status=503": 1}
        assert running.url == f"http://{running.address}"
        running.log.clear()
        running.faults("short")
        with pytest.raises(Exception, match="asked for 1|1 "):
            client.embed("a", max_retries=0)
        assert {request.faults for request in running.log.requests} == {("short",)}


def test_served_async():
    async def scenario(running):
        async with running.async_client() as client:
            return await client.embed(["a", "b"])

    with emulator(dimension=3) as running:
        assert len(asyncio.run(scenario(running))) == 2


def test_other_processes_find_it_by_their_environment():
    program = (
        "from inworld_embeddings import EmbeddingClient; print(EmbeddingClient().embed('from afar').shape)"
    )
    with emulator(dimension=3) as running:
        environment = {**os.environ, **running.env, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True
        )
        assert (done.stdout, running.log.texts) == ("(3,)\n", ["from afar"])


def test_chaos_is_off_unless_asked_for():
    import httpx

    for chaos, status in ((False, 404), (True, 200)):
        with emulator(chaos=chaos) as running:
            assert httpx.get(f"{running.url}/_emulator/faults", auth=("local", "local")).status_code == status


def test_it_stops_while_an_answer_is_late():
    with emulator(dimension=2, faults="latency=600") as running, running.client() as client:
        with pytest.raises(TimeoutError):
            client.embed("a", timeout=0.2)
        assert running.log.requests[0].faults == ("latency",)


def test_a_log_shows_no_texts():
    log = RequestLog()
    with local_client(log=log, dimension=2) as client:
        client.embed("planted-text")
    assert repr(log) == "<RequestLog of 1 requests>"
    assert "planted-text" not in repr(log.requests)
    assert log.texts == ["planted-text"]
    log.clear()
    assert (len(log), log.requests, log.texts) == (0, [], [])


def test_a_log_takes_from_many_threads():
    log = RequestLog()
    with local_client(log=log, dimension=2) as client:
        threads = [threading.Thread(target=client.embed, args=([f"{n}"],)) for n in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(log.texts, key=int) == [str(n) for n in range(16)]


def test_what_cannot_be_read_is_logged_without_texts():
    import httpx

    with emulator() as running:
        httpx.post(f"{running.url}/nothing?a=b", content=b"\xff", auth=("local", "local"))
        httpx.get(running.url)
    first, second = running.log.requests
    assert (first.method, first.path, first.texts, first.status) == ("POST", "/nothing", (), 404)
    assert (second.method, second.status) == ("GET", 404)


def test_misspelled_settings_are_refused():
    with pytest.raises(ConfigurationError, match="did you mean"):
        local_client(faults="sttus=503")
    with pytest.raises(ConfigurationError, match="dimension"):
        local_client(dimension=0)


def test_importing_it_loads_nothing_heavy():
    program = (
        "import sys, inworld_embeddings.testing, inworld_embeddings.testing.plugin\n"
        "print(sorted({'httpx', 'numpy', 'asyncio', 'msgspec', 'attrs', 'anyio'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_client_of_the_code_under_test_prefers_its_own_address():
    with emulator(dimension=2) as running:
        assert EmbeddingClient(base_url=running.url, key="local", secret="local").embed("a").shape == (2,)
