"""The cache: what is not sent, what is never mixed, damage, one flight for a text, processes that are killed."""

import asyncio
import copy
import os
import pickle
import sqlite3
import subprocess
import sys
from unittest import mock

import numpy as np
import pytest

from inworld_embeddings import Cache, EmbeddingClient, errors
from inworld_embeddings import cache as caches
from inworld_embeddings.testing import FakeEngine
from support.fault import JSON, response, sends
from support.in_process import AsyncFace, Service, SyncFace
from support.processes import PREAMBLE, dice
from support.vectors import good_json, vector_for, vectors_for

TEXTS = [f"planted-text {number}" for number in range(10)]


@pytest.fixture
def file(tmp_path):
    yield tmp_path / "cache.db"
    caches._close_all()


def sent(service):
    return [len(request.texts) for request in service.requests]


def embedded(face, texts, **options):
    return face.embed(texts, **options).vectors


def streamed(face, texts, **options):
    rows, error = face.rows(texts, **options)
    assert ([index for index, _ in rows], error) == ([*range(len(texts))], None)
    return np.array([vector for _, vector in rows])


@pytest.mark.parametrize("kind", [SyncFace, AsyncFace])
@pytest.mark.parametrize("way", [embedded, streamed])
def test_what_was_embedded_before_is_not_sent_again_and_stands_in_the_stats(kind, way, file):
    told = []
    for texts, lacking in ((TEXTS[2:6], [4]), (TEXTS, [6]), (TEXTS[::-1], [])):
        with kind(Service(), cache=file, batch_size=20) as face:
            planned = face.client.plan(texts)
            vectors = way(face, texts, on_progress=lambda done, total: told.append(done))
            assert np.array_equal(vectors, vectors_for(texts))
            assert (planned.requests, planned.cache_hits) == (len(lacking), len(texts) - sum(lacking))
            assert told[-1] == face.embed(texts).stats.cache_hits == len(texts)
            assert np.array_equal(face.embed(texts[0]), vectors[0])
            assert np.array_equal(way(face, texts, cache=None), vectors)
            assert sent(face.service) == [*lacking, len(texts)], "None switches it off"


@pytest.mark.parametrize("way", [embedded, streamed])
def test_a_text_that_stands_there_twice_is_sent_once(way, file):
    texts = ["a", "b", "a", "c", "a"]
    with AsyncFace(Service(), cache=file, batch_size=2) as face:
        assert np.array_equal(way(face, texts), vectors_for(texts))
        assert sum(sent(face.service)) == 3


OTHERS = [("base_url", "http://127.0.0.1:8"), ("model", "a"), ("extra_body", {"a": 1})]
OTHERS += [("service_provider", "SERVICE_PROVIDER_OPENAI")]


@pytest.mark.parametrize(("option", "value"), OTHERS)
def test_what_another_request_gave_is_no_hit(option, value, file):
    for settings, requests in (({}, 1), ({option: value}, 1), ({}, 0)):
        with AsyncFace(Service(), cache=file, **settings) as face:
            face.embed(TEXTS)
            assert len(face.service.requests) == requests


def named(name, texts):
    """What an engine makes a vector of."""
    return [f"{name} {text}" for text in texts]


def engine(name, dim=8):
    headers = [JSON, *([("x-inworld-emulator-engine", name)] if name else [])]
    reply = lambda ex: response(200, good_json(named(name, ex.request.texts), dim), headers)  # noqa: E731
    return Service(sends(str(name), reply), dim=dim)


@pytest.mark.parametrize(("name", "dim"), [(None, 8), ("other", 8), ("first", 5)])
def test_vectors_of_two_engines_or_dimensions_never_meet(name, dim, file):
    """The same address is answered by another engine, or the model behind its name is another."""
    with AsyncFace(engine("first"), cache=file) as face:
        face.embed(TEXTS[:6])
    with AsyncFace(engine(name, dim), cache=file, batch_size=3) as face:
        result = face.embed(TEXTS)
        assert result.engine == name
        assert np.array_equal(result.vectors, vectors_for(named(name, TEXTS), dim))
        assert set(face.service.oracle.times_received().values()) == {1}, "all were sent again, once"
        assert face.embed(TEXTS).stats.cache_hits == sum(sent(face.service)) == 10


def test_a_stream_that_meets_another_engine_says_so_and_the_next_one_is_right(file):
    with AsyncFace(engine("first"), cache=file) as face:
        face.embed(TEXTS[:4])
    with AsyncFace(engine(None), cache=file, batch_size=4, max_concurrency=1) as face:
        _, error = face.rows(TEXTS)
        assert isinstance(error, errors.APIResponseValidationError)
        assert "earlier ones of this call from first" in str(error)
        assert np.array_equal(streamed(face, TEXTS), vectors_for(named(None, TEXTS)))


def test_texts_that_fail_are_not_kept_and_hits_are_not_lost_to_them(file):
    with AsyncFace(Service(f'poison="^{TEXTS[7]}$"'), cache=file, batch_size=4) as face:
        face.embed(TEXTS[:3])
        for hits in (3, 9):
            result = face.embed(TEXTS, on_error="return")
            assert ([failure.index for failure in result.failures], result.stats.cache_hits) == ([7], hits)
            assert np.array_equal(result[9], vector_for(TEXTS[9]))
        rows, error = face.rows(TEXTS)
        assert ([index for index, _ in rows][:7], type(error)) == ([*range(7)], errors.BadRequestError)
        assert 7 not in dict(rows)


# The file.


def test_neither_texts_nor_zero_vectors_are_in_the_file(file):
    with AsyncFace(Service(["ok", "zero"]), cache=file) as face:
        for text in TEXTS[:2]:
            face.embed(text)
        assert face.client.plan(TEXTS[:2]).cache_hits == 1
        written = b"".join(path.read_bytes() for path in file.parent.iterdir())
    assert b"planted" not in written
    assert vector_for(TEXTS[0]).tobytes() in written


def of_another_program(path):
    sqlite3.connect(path).execute("PRAGMA application_id = 7").connection.close()


WRONG = {
    "a text": (lambda path: path.write_text("some text, " * 5000), "Remove the file"),
    "half a file": (lambda path: os.truncate(path, path.stat().st_size // 2 + 77), "Remove the file"),
    "another database": (of_another_program, "no cache, but a database of something else"),
}


@pytest.mark.parametrize(("spoil", "told"), WRONG.values(), ids=WRONG)
def test_a_file_that_is_no_whole_cache_is_named_and_nothing_is_sent(spoil, told, file):
    with AsyncFace(Service(dim=768), cache=file) as face:
        face.embed(TEXTS * 5)
    caches._close_all()
    spoil(file)
    before = file.read_bytes()
    with AsyncFace(Service(dim=768), cache=file) as face:
        for use in (face.embed, face.client.plan):
            with pytest.raises(errors.CacheError, match=f"{file}.*{told}") as caught:
                use(TEXTS)
            assert caught.value.path == str(file)
        assert not face.service.requests
    assert file.read_bytes() == before


def test_a_damaged_file_never_gives_a_wrong_vector(file):
    """Single bytes are changed all over it."""
    texts, random = [f"text {n}" for n in range(60)], dice()
    with AsyncFace(Service(dim=200), cache=file) as face:
        face.embed(texts)
    caches._close_all()
    good, noticed = file.read_bytes(), 0
    in_a_table = good.index(b"tablevectorsvectors") + 5, 0x80  # Python cannot read what SQLite says of that
    anywhere = ((random.randrange(len(good)), random.randrange(1, 256)) for _ in range(40))
    for place, change in [in_a_table, *anywhere]:
        file.write_bytes(good[:place] + bytes([good[place] ^ change]) + good[place + 1 :])
        with AsyncFace(Service(dim=200), cache=file) as face:
            try:
                assert np.array_equal(face.embed(texts).vectors, vectors_for(texts, 200))
            except (errors.CacheError, errors.PartialFailureError) as error:
                noticed += 1
                failed = getattr(error, "failures", ())
                assert all(isinstance(failure.error, errors.CacheError) for failure in failed)
        caches._close_all()
    assert noticed > 3, "most of the file is vectors: some 17 of 41 hit them"


def test_a_call_loses_nothing_to_a_file_that_cannot_be_written(file, monkeypatch, caplog):
    with AsyncFace(Service(), cache=file) as face:
        face.embed(TEXTS[:2])
        full = sqlite3.OperationalError("database or disk is full")
        monkeypatch.setattr(caches, "_shrink", mock.Mock(side_effect=full))
        assert np.array_equal(face.embed(TEXTS).vectors, vectors_for(TEXTS))
        assert face.client.plan(TEXTS).cache_hits == 2
    assert f"{file}: database or disk is full" in caplog.text


def test_what_was_not_used_for_the_longest_time_goes_first(file, monkeypatch):
    clock = [1_000_000]
    monkeypatch.setattr(caches.time, "time", lambda: clock[0])
    with pytest.raises(errors.ConfigurationError, match="size_limit must be"):
        Cache(file, size_limit=1000)  # less than its own bookkeeping
    cache = Cache(file, size_limit=1 << 20)
    with AsyncFace(Service(dim=1024), cache=cache) as face:
        for number in range(12):
            clock[0] += 4000
            face.embed([f"{number} {text}" for text in range(40)] + ["0 0"])
        hits = [face.client.plan([text]).cache_hits for text in ("0 0", "11 39", "1 1")]
        assert (hits, file.stat().st_size < 1.5 * cache.size_limit) == ([1, 1, 0], True)
        cache.clear()
        assert (face.client.plan(["0 0"]).cache_hits, file.stat().st_size < 100_000) == (0, True)


def test_a_network_drive_is_told_from_a_disk_and_refused_by_name(file, monkeypatch):
    mounts = ["/dev/sda1 / ext4 rw", "server:/home /home nfs4 rw", "/dev/sdb1 /home/fast ext4 rw"]
    mounts = "\n".join([*mounts, r"//server/s /mnt/a\040share cifs rw"])
    kinds = {"/homes": None, "/home/me/c": "nfs4", "/home/fast/c": None, "/mnt/a share/c": "cifs"}
    assert {path: caches.network_drive_of(path, mounts) for path in kinds} == kinds
    monkeypatch.setattr(caches, "_network_drive", lambda path: "nfs4")
    with AsyncFace(Service(), cache=file) as face:
        with pytest.raises(errors.CacheError, match=r"network drive \(nfs4\)"):
            face.embed("a")
        assert not face.service.requests


# Calls at once.


def test_calls_at_once_send_a_text_once(file):
    parts = [TEXTS[:5], TEXTS[1:6], TEXTS[2:7], TEXTS[:5]]
    with AsyncFace(Service(latency=1.0), cache=file) as face:

        async def at_once():
            return await asyncio.gather(*map(face.client.embed, parts))

        for part, result in zip(parts, face.wait(at_once()), strict=True):
            assert np.array_equal(result.vectors, vectors_for(part))
        assert sum(sent(face.service)) == 7


def test_who_waited_for_a_call_that_failed_sends_the_text_itself(file):
    with AsyncFace(Service("status=400, ok", latency=1.0), cache=file) as face:

        async def two():
            return await asyncio.gather(*map(face.client.embed, "aa"), return_exceptions=True)

        first, second = face.wait(two())
        assert isinstance(first, errors.BadRequestError)
        assert np.array_equal(second, vector_for("a"))


def test_who_waits_for_another_call_keeps_its_deadline_and_sends_the_text_if_that_is_cancelled(file):
    with AsyncFace(Service(latency=10.0), cache=file, timeout=None) as face:

        async def three():
            first, second = (asyncio.create_task(face.client.embed("a")) for _ in range(2))
            await asyncio.sleep(1)
            with pytest.raises(TimeoutError):
                await face.client.embed("a", timeout=2)
            assert 3 <= face.now <= 3.25
            first.cancel()
            return await second

        assert np.array_equal(face.wait(three()), vector_for("a"))
        assert not face.client._options["opened"].store.flights


# Processes.


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_F08_copies_pickles_and_forks_of_a_client_have_its_engine_and_use_the_file(file):
    with EmbeddingClient.local(FakeEngine(8), cache=Cache(file, size_limit=1 << 21)) as client:
        client.embed(TEXTS)
        for one in (pickle.loads(pickle.dumps(client)), copy.copy(client), copy.deepcopy(client)):
            assert one.embed(TEXTS).stats.cache_hits == 10
            assert repr(one._options["cache"]) == f"Cache({str(file)!r}, size_limit={1 << 21})"
            one.close()
        if hasattr(os, "fork"):
            if not (child := os.fork()):
                os._exit(client.embed(TEXTS).stats.cache_hits)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 10


WORK = """
from inworld_embeddings.testing import FakeEngine
client = EmbeddingClient.local(FakeEngine(300), cache=URL)
while True:
    client.embed([f"text {random.randrange(600)}" for _ in range(SIZE)])
    print(flush=True)
"""


def test_two_processes_share_a_file_and_one_is_killed(file):
    command = [sys.executable, "-W", "error", "-c", PREAMBLE + WORK, str(file), "30"]
    texts = [f"text {number}" for number in range(600)]
    with EmbeddingClient.local(FakeEngine(300), cache=file) as client:
        with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
            for start in range(0, 300, 30):
                assert other.stdout.readline()
                client.embed(texts[start : start + 30])
            other.kill()
        result = client.embed(texts)
    assert result.stats.cache_hits > 300
    assert np.array_equal(result.vectors, np.float32(FakeEngine(300).embed(texts)))
