"""Heads, bodies and hosts: what is read, and whatever two readers could understand differently refused."""

import io

import pytest

from inworld_embeddings_emulator.http import RefusedError, body_length, hears, read_body, read_head

LIMIT = 20
LINE = b"POST /x?y=1 HTTP/1.1\r\n"


def head(fields=b"", line=LINE):
    return read_head(io.BytesIO(line + fields + b"\r\n"))


def test_a_head_as_it_was_sent():
    found = head(b"Host: a\r\nX-A:\t 1, 2 \t\r\nX-Empty:\r\nx-a: \xe9\r\n", b"\r\n" + LINE)
    assert (found.method, found.target, found.closes) == ("POST", "/x?y=1", False)
    assert found.fields == [("host", "a"), ("x-a", "1, 2"), ("x-empty", ""), ("x-a", "é")]
    assert found.values("x-a") == ["1, 2", "é"]


@pytest.mark.parametrize(
    ("version", "connection", "closes"),
    [
        (b"1.1", b"", False),
        (b"1.1", b"Connection: Keep-Alive, \tClose\r\n", True),
        (b"1.0", b"", True),
        (b"1.0", b"Connection: keep-alive\r\n", False),
    ],
)
def test_who_wants_to_close(version, connection, closes):
    assert head(connection, b"GET / HTTP/" + version + b"\r\n").closes is closes


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"NONSENSE\r\n", 400),
        (b"GET  / HTTP/1.1\r\n", 400),
        (b"GET / HTTP/1.1 \r\n", 400),
        (b"GET /a b HTTP/1.1\r\n", 400),
        (b"GET /\x1b HTTP/1.1\r\n", 400),
        (b"G(T / HTTP/1.1\r\n", 400),
        (b"GET / HTTP/1.1\n", 400),
        (b"GET / HTTP/2.0\r\n", 505),
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n", 431),
        (LINE + b"A: 1\r\n" * 11_000, 431),
        (LINE + b"A: " + b"1" * 70_000 + b"\r\n", 431),
        (LINE + b"A: 1\rB: 2\r\n", 400),
        (LINE + b"A: 1\r\r\n", 400),
        (LINE + b"A: 1\n\r\n", 400),
        (LINE + b"A: 1\r\n folded\r\n", 400),
        (LINE + b"A: 1\r\n\tfolded\r\n", 400),
        (LINE + b" A: 1\r\n", 400),
        (LINE + b"A : 1\r\n", 400),
        (LINE + b": 1\r\n", 400),
        (LINE + b"no colon\r\n", 400),
        (LINE + b"A: 1\x002\r\n", 400),
        (LINE + b"A: \x0b1\r\n", 400),
        (LINE + b"A: 1\x7f\r\n", 400),
    ],
    ids=lambda value: repr(value[-30:]) if isinstance(value, bytes) else None,
)
def test_heads_refused(sent, status):
    with pytest.raises(RefusedError) as caught:
        read_head(io.BytesIO(sent + b"\r\n"))
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("fields", "length"),
    [
        (b"", 0),
        (b"content-length: \t20 \r\n", 20),
        (b"Transfer-Encoding: \tChunked\t \r\n", None),
    ],
)
def test_length(fields, length):
    assert body_length(head(fields), LIMIT) == length


@pytest.mark.parametrize(
    "field", [b"Content-Length:%c5", b"Content-Length:5%c", b"Transfer-Encoding:%cchunked"]
)
def test_nothing_but_space_and_tab_may_stand_around_a_length_or_a_coding(field):
    for byte in set(range(256)) - set(b"\t 0123456789"):
        with pytest.raises(RefusedError):
            body_length(head(field % byte + b"\r\n"), LIMIT)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (b"Content-Length: 21\r\n", 413),
        (b"Content-Length: " + b"9" * 5000 + b"\r\n", 413),
        (b"Content-Length: -1\r\n", 400),
        (b"Content-Length: +5\r\n", 400),
        (b"Content-Length: 1_0\r\n", 400),
        (b"Content-Length: 0x5\r\n", 400),
        (b"Content-Length: \xb2\r\n", 400),
        (b"Content-Length: \r\n", 400),
        (b"Content-Length: 5, 5\r\n", 400),
        (b"Content-Length: 5\r\nContent-Length: 5\r\n", 400),
        (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400),
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400),
        (b"Transfer-Encoding: gzip\r\n", 501),
        (b"Transfer-Encoding: gzip, chunked\r\n", 501),
    ],
)
def test_lengths_refused(fields, status):
    with pytest.raises(RefusedError) as caught:
        body_length(head(fields), LIMIT)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("stream", "length", "body"),
    [
        (b"hellorest", 5, b"hello"),
        (b"rest", 0, b""),
        (b"5\r\nhello\r\n0\r\n\r\nrest", None, b"hello"),
        (
            b"0005 ;e=1\r\nhello\r\nF\r\nfifteen letters\r\n0\r\nT: x\r\n\r\nrest",
            None,
            b"hellofifteen letters",
        ),
        (b"0\r\n\r\nrest", None, b""),
    ],
)
def test_a_body_ends_where_it_ends(stream, length, body):
    source = io.BytesIO(stream)
    assert read_body(source, length, LIMIT) == body
    assert source.read() == b"rest"


@pytest.mark.parametrize(
    ("stream", "status"),
    [
        (b"15\r\n" + b"x" * 21, 413),
        (b"f\r\nfifteen letters\r\n6\r\nsix..", 413),
        (b"ffffffffffff\r\n", 413),
        (b"-5\r\nhello\r\n", 400),
        (b"0x5\r\nhello\r\n", 400),
        (b"5_0\r\nhello\r\n", 400),
        (b"\x0b5\r\nhello\r\n", 400),
        (b" 5\r\nhello\r\n", 400),
        (b"\r\nhello\r\n", 400),
        (b"5\nhello\r\n", 400),
        (b"5;a\rb\r\nhello\r\n", 400),
        (b"5\r\nhelloX\r\n0\r\n\r\n", 400),
        (b"1" * 5000 + b"\r\n", 400),
        (b"0\r\n" + b"Trailer: x\r\n" * 6000 + b"\r\n", 431),
        (b"0\r\nno trailer\r\n\r\n", 400),
    ],
)
def test_chunks_refused(stream, status):
    with pytest.raises(RefusedError) as caught:
        read_body(io.BytesIO(stream), None, LIMIT)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("stream", "length"),
    [(b"hell", 5), (b"", None), (b"5\r\nhel", None), (b"5\r\nhello\r\n", None), (b"0\r\nTrailer", None)],
)
def test_a_client_that_left_is_a_connection_error(stream, length):
    with pytest.raises(ConnectionError):
        read_body(io.BytesIO(stream), length, LIMIT)
    with pytest.raises(ConnectionError):
        read_head(io.BytesIO(LINE + b"A: 1\r\n"))


@pytest.mark.parametrize(
    ("header", "bound", "expected"),
    [
        ("127.8.9.1:8080", "127.0.0.1", True),
        ("localhost:1", "127.0.0.1", True),
        ("LOCALHOST", "127.0.0.1", True),
        ("[::1]:8080", "127.0.0.1", True),
        ("evil.example:8080", "127.0.0.1", False),
        ("127.0.0.1.evil.example", "127.0.0.1", False),
        ("localhost.evil.example", "127.0.0.1", False),
        ("evil.example@127.0.0.1", "127.0.0.1", False),
        ("127.0.0.1, evil.example", "127.0.0.1", False),
        ("127.0.0.1:port", "127.0.0.1", False),
        ("::1", "127.0.0.1", False),
        ("", "127.0.0.1", False),
        ("192.168.1.5:80", "192.168.1.5", True),
        ("192.168.1.6", "192.168.1.5", False),
        ("192.168.1.6", "0.0.0.0", True),
        ("192.168.1.6", "", True),
        ("[2001:db8::1]", "::", True),
        ("evil.example", "0.0.0.0", False),
        ("GIVEN.test:9", "0.0.0.0", True),
    ],
)
def test_which_hosts_it_hears(header, bound, expected):
    assert hears(header, bound, ("Given.test",)) is expected
