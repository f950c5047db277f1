import asyncio
import threading

import anyio
import httpx
import pytest

from inworld_embeddings_emulator import Emulator, LocalTransport

URL = "http://emulator.localhost/ml/v1alpha/embedding:embed"
BODY = b'{"inputs":[{"text":"a"}]}'
LARGE = b'{"inputs":[{"text":"' + b"a" * 40_000 + b'"}]}'
AUTH = ("local", "local")


@pytest.fixture
def transport(emulator):
    return LocalTransport(emulator)


def test_sync(transport):
    with httpx.Client(transport=transport, auth=AUTH) as client:
        response = client.post(URL, content=BODY)
    assert response.status_code == 200
    assert response.content == b'{"embeddings":[{"values":[1,0,-0.5]}]}'
    assert response.headers["content-type"] == "application/json"
    assert response.headers["content-length"] == str(len(response.content))
    assert response.headers["x-inworld-emulator-engine"] == "tiny"


@pytest.mark.parametrize("body", [BODY, LARGE], ids=["inline", "in a thread"])
def test_async_answers_as_sync_does(transport, body):
    async def ask():
        async with httpx.AsyncClient(transport=transport, auth=AUTH) as client:
            return await client.post(URL, content=body)

    other = asyncio.run(ask())
    with httpx.Client(transport=transport, auth=AUTH) as client:
        response = client.post(URL, content=body)
    assert (response.status_code, response.headers, response.content) == (200, other.headers, other.content)


def test_streamed_request_bodies_are_read(transport):
    async def pieces():
        for index in range(len(BODY)):
            yield BODY[index : index + 1]

    async def ask():
        async with httpx.AsyncClient(transport=transport, auth=AUTH) as client:
            return (await client.post(URL, content=pieces())).json()

    with httpx.Client(transport=transport, auth=AUTH) as client:
        assert client.post(URL, content=iter([BODY[:5], BODY[5:]])).json() == asyncio.run(ask())


def test_streamed_replies_can_be_read_in_pieces(transport):
    with (
        httpx.Client(transport=transport, auth=AUTH) as client,
        client.stream("POST", URL, content=BODY) as response,
    ):
        assert b"".join(response.iter_bytes(7)) == b'{"embeddings":[{"values":[1,0,-0.5]}]}'


def test_it_outlives_the_clients_and_loops_that_used_it(transport):
    async def ask():
        async with httpx.AsyncClient(transport=transport, auth=AUTH) as client:
            return (await client.post(URL, content=LARGE)).status_code

    for _ in range(2):
        with httpx.Client(transport=transport, auth=AUTH) as client:
            assert client.post(URL, content=BODY).status_code == 200
        assert asyncio.run(ask()) == 200


def test_large_async_bodies_do_not_block_the_loop(engine):
    arrived, release = asyncio.Event(), threading.Event()

    async def scenario():
        loop = asyncio.get_running_loop()

        def slow(texts):
            loop.call_soon_threadsafe(arrived.set)
            assert release.wait(10)
            return [[0.5, 0.5, 0.5]] * len(texts)

        engine.embed = slow
        async with httpx.AsyncClient(transport=LocalTransport(Emulator(engine)), auth=AUTH) as client:
            call = asyncio.create_task(client.post(URL, content=LARGE))
            await asyncio.wait_for(arrived.wait(), 10)
            release.set()  # reached only because the loop still runs
            return (await call).status_code

    assert asyncio.run(scenario()) == 200


def test_a_cancelled_large_call_returns_at_once(engine):
    release, finished = threading.Event(), threading.Event()

    def slow(texts):
        release.wait(10)
        finished.set()
        return [[0.5] * 3] * len(texts)

    engine.embed = slow

    async def scenario():
        async with httpx.AsyncClient(transport=LocalTransport(Emulator(engine)), auth=AUTH) as client:
            with pytest.raises(TimeoutError), anyio.fail_after(0.02):
                await client.post(URL, content=LARGE)
            assert not finished.is_set()
            release.set()

    asyncio.run(scenario())


def test_without_a_key_the_answer_is_the_servers(transport):
    with httpx.Client(transport=transport) as client:
        assert client.post(URL, content=BODY).status_code == 401
