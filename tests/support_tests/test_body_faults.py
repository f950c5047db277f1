"""Bodies of a 200: what is wrong with each is wrong, and nothing else."""

import gzip
import json
import math
import tracemalloc
import zlib

import httpx
import numpy as np
import pytest

from support import faults_body, faults_bombs, faults_encoding, faults_numbers
from support.fault_server import OK, FaultServer
from support.oracle import Oracle
from support.raw_client import RawClient
from support.reader import EMBED_PATH
from support.vectors import DIM, stray_texts, vectors_for

TEXTS = ["a", "b", "c"]


def raw_body(fault, texts=TEXTS):
    """The body as it came, and its headers."""
    with FaultServer(fault) as server:
        body = {"inputs": [{"text": text} for text in texts]}
        with httpx.stream("POST", server.url + EMBED_PATH, json=body) as answer:
            assert answer.status_code == 200
            return b"".join(answer.iter_raw()), answer.headers


def values(fault, texts=TEXTS):
    return [row["values"] for row in json.loads(raw_body(fault, texts)[0])["embeddings"]]


def as_float32(value):
    with np.errstate(over="ignore"):
        return np.float32(float(value))


def is_good(data):
    """A strict reader in a few lines: is this a right-shaped answer to three texts?"""
    try:
        rows = json.loads(data.decode())["embeddings"]
        lists = [row["values"] for row in rows]
        numbers = [value for row in lists for value in row]
        finite = all(type(one) in (int, float) and math.isfinite(as_float32(one)) for one in numbers)
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return False
    return finite and isinstance(rows, list) and [len(row) for row in lists] == [DIM] * 3


BAD = (
    *faults_body.WRONG_COUNTS,
    *faults_body.BAD_ENVELOPES,
    *faults_body.BAD_ROWS,
    *faults_body.UNEQUAL_ROWS,
    *faults_encoding.BAD_TEXT,
    faults_encoding.utf8_bom,
    faults_encoding.invalid_utf8,
    faults_body.other_dimension(DIM + 1),
    *faults_numbers.DEEP_NESTING,
)


@pytest.mark.parametrize("fault", BAD, ids=str)
def test_bad_bodies_are_bad(fault):
    assert not is_good(raw_body(fault)[0])


def test_a_good_body_is_good():
    assert is_good(raw_body(OK)[0])


@pytest.mark.parametrize("fault", faults_numbers.BAD_NUMBERS, ids=str)
def test_bad_numbers_are_bad(fault):
    assert not is_good(raw_body(fault)[0])


@pytest.mark.parametrize("literal", faults_numbers.GOOD_LITERALS)
def test_good_numbers_are_good_and_what_they_become_is_known(literal):
    fault = faults_numbers.number(literal)
    assert np.array_equal(np.float32(values(fault)), faults_numbers.vectors_with(literal, TEXTS))


@pytest.mark.parametrize("fault", faults_body.GOOD_SHAPES, ids=str)
def test_good_shapes_hold_the_right_vectors(fault):
    assert values(fault) == vectors_for(TEXTS).tolist()


@pytest.mark.parametrize(
    ("fault", "rows"),
    [
        (faults_body.one_vector_short, ["a", "b"]),
        (faults_body.first_vector_missing, ["b", "c"]),
        (faults_body.one_vector_extra, [*TEXTS, *stray_texts(1)]),
        (faults_body.swapped, ["c", "b", "a"]),
        (faults_body.somebody_elses_vectors, stray_texts(3)),
        (faults_body.duplicate_embeddings_key, TEXTS),
        (faults_body.duplicate_values_key, TEXTS),
    ],
    ids=str,
)
def test_whose_vectors_they_are(fault, rows):
    assert values(fault) == vectors_for(rows).tolist()


def test_the_oracle_says_whose_vector_stands_in_the_wrong_place():
    said = "2 rows are wrong; row 0 holds the vector of text 2"
    with pytest.raises(AssertionError, match=said):
        Oracle().check(TEXTS, vectors_for(["c", "b", "a"]))


def test_lengths_of_uneven_rows():
    assert [len(row) for row in values(faults_body.ragged)] == [DIM, DIM, DIM - 1]
    assert [len(row) for row in values(faults_body.ragged_same_total)] == [DIM - 1, DIM, DIM + 1]
    assert [len(row) for row in values(faults_body.other_dimension(5))] == [5, 5, 5]


def test_constant_vectors():
    assert not np.any(values(faults_numbers.zero_vectors))
    assert np.all(np.array(values(faults_numbers.huge_norm)) == 1e30)


@pytest.mark.parametrize("fault", faults_encoding.GOOD_ENCODINGS, ids=str)
def test_good_encodings_are_read_by_httpx(fault):
    with FaultServer(fault) as server:
        answer = httpx.post(server.url + EMBED_PATH, json={"inputs": [{"text": "a"}]})
        assert answer.json()["embeddings"][0]["values"] == vectors_for(["a"])[0].tolist()


@pytest.mark.parametrize("fault", faults_encoding.BROKEN_ENCODINGS[:3], ids=str)
def test_broken_gzip_is_broken(fault):
    data, headers = raw_body(fault)
    assert headers["content-encoding"] == "gzip"
    with pytest.raises((OSError, EOFError)):
        gzip.decompress(data)


def test_content_types_are_as_asked():
    assert raw_body(faults_encoding.content_type("text/plain"))[1]["content-type"] == "text/plain"
    assert "content-type" not in raw_body(faults_encoding.content_type(None))[1]
    assert raw_body(faults_encoding.html_200)[1]["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("fault", "wbits"),
    [(faults_bombs.gzip_bomb(50_000_000), 31), (faults_bombs.deflate_bomb(50_000_000), 15)],
    ids=str,
)
def test_bombs_are_one_valid_stream_a_thousandth_of_its_size(fault, wbits):
    data, _ = raw_body(fault)
    unpacked = zlib.decompressobj(wbits)
    assert len(unpacked.decompress(data)) >= 50_000_000
    assert unpacked.eof
    assert len(data) < 50_000_000 / 900


def test_the_double_bomb_is_tiny_and_goes_off_twice():
    data, headers = raw_body(faults_bombs.double_gzip_bomb(50_000_000))
    assert headers["content-encoding"] == "gzip, gzip"
    assert len(data) < 1000
    assert len(gzip.decompress(gzip.decompress(data))) >= 50_000_000


def test_the_zstd_bomb_is_one_valid_frame():
    zstandard = pytest.importorskip("zstandard")
    data, _ = raw_body(faults_bombs.zstd_bomb(50_000_000))
    unpacked = zstandard.ZstdDecompressor().decompressobj().decompress(data)
    assert 50_000_000 <= len(unpacked) < 50_200_000
    assert not unpacked.strip()
    assert len(data) < 2000


def test_many_encodings():
    data, _ = raw_body(faults_bombs.many_encodings(5))
    for _ in range(5):
        data = gzip.decompress(data)
    assert json.loads(data)


def test_ten_gigabytes_are_declared_and_what_was_taken_is_counted():
    with FaultServer(faults_bombs.declared_body(), send_buffer=65536) as server:
        with RawClient(server.port) as client:
            client.ask("a")
            assert b"Content-Length: 10000000000\r\n" in client.read_exactly(200)
        server.oracle.wait_until_idle()
        assert 200 < server.requests[0].bytes_sent < 2_000_000


@pytest.mark.parametrize(
    "fault", [faults_bombs.endless_chunks(), faults_bombs.endless_close_delimited()], ids=str
)
def test_endless_bodies_cost_the_server_nothing(fault):
    with FaultServer(fault) as server:
        with RawClient(server.port) as client:
            client.ask("a")
            client.sock.recv(1)
            tracemalloc.start()
            for _ in range(300):
                client.sock.recv(65536)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        server.oracle.wait_until_idle()
        assert peak < 16_000_000
