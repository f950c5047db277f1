import io
from http.client import parse_headers

import pytest

from inworld_embeddings_emulator.http_body import RefusedError, body_length, check_headers, read_body

LIMIT = 20


def head(text):
    return parse_headers(io.BytesIO(text.encode() + b"\r\n"))


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0),
        ("Content-Length: 0\r\n", 0),
        ("content-length:  20 \r\n", 20),
        ("Transfer-Encoding: Chunked\r\n", None),
    ],
)
def test_length(text, length):
    assert body_length(head(text), LIMIT) == length


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Content-Length: 21\r\n", 413),
        ("Content-Length: " + "9" * 5000 + "\r\n", 413),
        ("Content-Length: -1\r\n", 400),
        ("Content-Length: +5\r\n", 400),
        ("Content-Length: 1_0\r\n", 400),
        ("Content-Length: 0x5\r\n", 400),
        ("Content-Length: \r\n", 400),
        ("Content-Length: 5, 5\r\n", 400),
        ("Content-Length: 5\r\nContent-Length: 5\r\n", 400),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400),
        ("Transfer-Encoding: gzip\r\n", 501),
        ("Transfer-Encoding: gzip, chunked\r\n", 501),
    ],
)
def test_length_refused(text, status):
    with pytest.raises(RefusedError) as caught:
        body_length(head(text), LIMIT)
    assert caught.value.status == status


@pytest.mark.parametrize(
    "text",
    [
        "Content-Type: multipart/form-data\r\n",
        "Content-Type: multipart/mixed; boundary=x\r\n",
        "Content-Type: multipart/mixed; boundary=x\r\nContent-Transfer-Encoding: base64\r\n",
        "Content-Type: message/rfc822\r\n",
        "Content-Type: ;;\r\n",
    ],
)
def test_no_content_type_makes_a_head_malformed(text):
    check_headers(head(text))


@pytest.mark.parametrize(
    "text",
    [
        "Content-Length : 5\r\n",
        "no colon here\r\nA: 1\r\n",
        "Content-Type: multipart/form-data\r\n: no name\r\n",
        "Content-Type: multipart/form-data\r\nno colon here\r\n",
    ],
)
def test_malformed_headers_are_refused(text):
    with pytest.raises(RefusedError):
        check_headers(head(text))


@pytest.mark.parametrize(
    ("stream", "length", "body"),
    [
        (b"hellorest", 5, b"hello"),
        (b"rest", 0, b""),
        (b"5\r\nhello\r\n0\r\n\r\nrest", None, b"hello"),
        (
            b"0005 ;ext=1\r\nhello\r\nF\r\nfifteen letters\r\n0\r\nTrailer: x\r\n\r\nrest",
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
        (b"\r\nhello\r\n", 400),
        (b"5\nhello\r\n", 400),
        (b"5\r\nhelloX\r\n0\r\n\r\n", 400),
        (b"1" * 5000 + b"\r\n", 400),
        (b"0\r\n" + b"Trailer: x\r\n" * 1000 + b"\r\n", 400),
    ],
)
def test_chunks_refused(stream, status):
    with pytest.raises(RefusedError) as caught:
        read_body(io.BytesIO(stream), None, LIMIT)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("stream", "length"),
    [
        (b"hell", 5),
        (b"", None),
        (b"5", None),
        (b"5\r\nhel", None),
        (b"5\r\nhello", None),
        (b"5\r\nhello\r\n", None),
        (b"0\r\n", None),
        (b"0\r\nTrailer", None),
    ],
)
def test_a_client_that_left_is_a_connection_error(stream, length):
    with pytest.raises(ConnectionError):
        read_body(io.BytesIO(stream), length, LIMIT)
