"""Heads, bodies and hosts: what is read, and whatever two readers could understand differently refused."""

import io

import pytest

from inworld_embeddings_emulator.http import RefusedError, body_length, hears, read_body, read_head

LIMIT = 20
LINE = b"POST /x?y=1 HTTP/1.1\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


def body_of(stream):
    """The body of the request in a stream."""
    return read_body(stream, body_length(read_head(stream), LIMIT), LIMIT)


HEADS = {
    400: [
        *(b"NONSENSE\r\n", b"GET /a b HTTP/1.1\r\n", b"GET /\x1b HTTP/1.1\r\n", b"GET / HTTP/1.1\n"),
        *(LINE + b"A: 1\rB: 2\r\n", LINE + b"A: 1\n\r\n", LINE + b"A: 1\r\n folded\r\n", LINE + b"A : 1\r\n"),
        *(LINE + b"no colon\r\n", LINE + b"A: 1\x002\r\n"),
        *(LINE + b"Content-Length: %s\r\n" % text for text in b"-1|+5|1_0|0x5|\xb2||5, 5".split(b"|")),
        *(LINE + b"Content-Length: 5\r\n" * 2, LINE + b"Content-Length: 5\r\n" + CHUNKED),
    ],
    413: [LINE + b"Content-Length: 21\r\n", LINE + b"Content-Length: " + b"9" * 5000 + b"\r\n"],
    431: [b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n", LINE + b"A: 1\r\n" * 11_000],
    501: [LINE + b"Transfer-Encoding: gzip, chunked\r\n", LINE + CHUNKED * 2],
    505: [b"GET / HTTP/2.0\r\n"],
}
CHUNKS = {
    400: [
        *(size + b"\r\nhello\r\n" for size in (b"-5", b"0x5", b"5_0", b"\x0b5", b" 5", b"", b"5;a\rb")),
        *(b"5\nhello\r\n", b"5\r\nhelloXY0\r\n\r\n", b"1" * 5000 + b"\r\n", b"0\r\nno trailer\r\n\r\n"),
    ],
    413: [b"15\r\n" + b"x" * 21, b"f\r\nfifteen letters\r\n6\r\nsix..", b"ffffffffffff\r\n"],
    431: [b"0\r\n" + b"Trailer: x\r\n" * 6000 + b"\r\n"],
}
REFUSED = [
    *((status, sent + b"\r\n") for status, heads in HEADS.items() for sent in heads),
    *((status, LINE + CHUNKED + b"\r\n" + sent) for status, bodies in CHUNKS.items() for sent in bodies),
]


@pytest.mark.parametrize(("status", "sent"), REFUSED, ids=lambda value: repr(value)[-40:])
def test_refused(status, sent):
    with pytest.raises(RefusedError) as caught:
        body_of(io.BytesIO(sent))
    assert caught.value.status == status


CHUNKS_OF_A_BODY = b"0005 ;e=1\r\nhello\r\nA\r\n ten bytes\r\n0\r\nT: x\r\n\r\n"


def test_a_body_ends_where_it_ends():
    for fields, sent in ((b"Content-Length: 15\r\n", b"hello ten bytes"), (CHUNKED, CHUNKS_OF_A_BODY)):
        stream = io.BytesIO(LINE + fields + b"\r\n" + sent + b"rest")
        assert (body_of(stream), stream.read()) == (b"hello ten bytes", b"rest")


@pytest.mark.parametrize(
    ("bound", "heard", "not_heard"),
    [
        ("127.0.0.1", "127.8.9.1:8080|LOCALHOST|[::1]:8080|GIVEN.test:9", "evil.example:8080|evillocalhost|"),
        ("127.0.0.1", "127.0.0.1", "127.0.0.1.evil.example|localhost.evil.example|evil.example@127.0.0.1"),
        ("192.168.1.5", "192.168.1.5:80", "192.168.1.6"),
        ("0.0.0.0", "192.168.1.6|GIVEN.test:9", "evil.example"),
        ("", "192.168.1.6", "evil.example"),
        ("::", "[2001:db8::1]", "evil.example"),
    ],
)
def test_which_hosts_it_hears(bound, heard, not_heard):
    hosts = f"{heard}|{not_heard}".split("|")
    assert [host for host in hosts if hears(host, bound, ("Given.test",))] == heard.split("|")
