import gzip
import json
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inworld_embeddings._core.rpc_details import InworldStatus
from inworld_embeddings._core.rpc_status import RpcStatus, excerpt, parse_status, received_too_large

NO_KEY = b"""{"code":16, "message":"authentication is required", "details":[
 {"@type":"type.googleapis.com/ai.inworld.common.InworldStatus","errorType":"SESSION_TOKEN_INVALID",
  "reconnectType":"NO_RETRY","reconnectTime":null,"maxRetries":0}]}"""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"code":5,"message":"Not Found","details":[]}', RpcStatus(5, "Not Found")),
        (b'{"error":{"code":5,"message":"Not Found","details":[]}}', RpcStatus(5, "Not Found")),
        (b'{"message":"only words"}', RpcStatus(None, "only words")),
        (b'{"code":13}', RpcStatus(13, "")),
        (b'{"code":"13","message":"m","details":null}', RpcStatus(None, "m")),
        (b'{"code":true,"message":"m","details":{}}', RpcStatus(None, "m")),
        (b'{"code":1e400,"message":"m"}', None),
        (b'{"code":99999999999999999999,"message":"m"}', RpcStatus(None, "m")),
        (b'{"code":3,"message":7}', RpcStatus(3, "")),
        (
            NO_KEY,
            RpcStatus(
                16, "authentication is required", (InworldStatus("SESSION_TOKEN_INVALID", "NO_RETRY"),)
            ),
        ),
    ],
)
def test_statuses(body, expected):
    assert parse_status(body) == expected


NOISE = random.Random(20260901).randbytes(1_000_000)
C13_BODIES = {
    "empty": b"",
    "html": b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>",
    "text": b"upstream connect error or disconnect/reset before headers",
    "binary": NOISE,
    "short_binary": NOISE[:40],
    "gzip": gzip.compress(b'{"code":5,"message":"Not Found"}'),
    "cut_gzip": gzip.compress(NOISE)[:5000],
    "one_megabyte_of_text": b"x" * 1_000_000,
    "one_megabyte_status": json.dumps({"code": 3, "message": "m" * 1_000_000}).encode(),
    "one_megabyte_of_spaces": b" " * 1_000_000,
    "deep_lists": b"[" * 200_000,
    "deep_objects": b'{"error":' * 200_000,
    "deep_details": b'{"code":3,"message":"m","details":[' + b'{"a":' * 200_000,
    "long_integer": b'{"code":' + b"9" * 60_000 + b"}",
    "many_unclosed_tags": b"<script" * 150_000,
    "many_titles": b"<title>" * 150_000,
    "long_tag_name": b"<p><" + b"a" * 1_000_000,
    "long_reference": b"<p>&#" + b"1" * 60_000 + b";",
    "cut_json": b'{"code":5,"message":"Not',
    "two_documents": b'{"code":5}{"code":5}',
    "latin1": '{"code":5,"message":"é"}'.encode("latin-1"),
    "utf16": '{"code":5,"message":"é"}'.encode("utf-16"),
    "nan": b'{"code":NaN}',
    "top_level_string": b'"message"',
    "top_level_list": b'[{"code":5}]',
    "null": b"null",
    "wrong_members": b'{"error":"no","embeddings":[]}',
    "error_object_without_status": b'{"error":{"a":1}}',
}


@pytest.mark.parametrize("body", C13_BODIES.values(), ids=C13_BODIES)
def test_c13_what_is_no_status_is_none_quickly(body):
    start = time.process_time()
    assert parse_status(body) is None
    words = excerpt(body)
    assert time.process_time() - start < 0.5  # measured under 0.03 s
    assert len(words) <= 500
    assert words.isprintable()


def test_c13_no_more_than_64_kb_is_looked_at():
    status = b'{"code":5,"message":"Not Found"}'
    assert parse_status(status + b" " * 1_000_000) == RpcStatus(5, "Not Found")
    assert parse_status(b" " * 65_536 + status) is None
    assert excerpt(b" " * 65_536 + status) == ""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", ""),
        (b" \r\n ", ""),
        (b"no healthy upstream\n", "no healthy upstream"),
        (b"first line\r\n\r\n  second line\n", "first line second line"),
        (b"\xef\xbb\xbfwith a mark", "with a mark"),
        (b"colour \x1b[31mred\x1b[0m and some more text", r"colour \x1b[31mred\x1b[0m and some more text"),
        ("日本語 é".encode(), "日本語 é"),
        ("Le délai est dépassé".encode("latin-1"), None),
        (b"<html><head>\n<title> 502 Bad\nGateway </title></head><body>x</body>", "502 Bad Gateway"),
        (
            b"<html><title></title><body><h1>Oops</h1>\n<p>Try &amp; retry&#33;</p></body>",
            "Oops Try & retry!",
        ),
        (b"<HTML><SCRIPT>if (a<b) {var t='<p>no</p>'}</SCRIPT><style>p{}</style><P>yes", "yes"),
        (b"<!-- page --><html><p>x > y</p>", "x > y"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "AccessDenied"),
        (b"<html><p>unclosed < tag", "unclosed < tag"),
        (b"<3 this is plain text", "<3 this is plain text"),
        (b"<p>&#" + b"1" * 6000 + b";", None),
        (b"\x00\x01\x02\x03", "<4 bytes of binary data>"),
        (NOISE, "<1000000 bytes of binary data>"),
        (b'{"error":"no"}', '{"error":"no"}'),
    ],
)
def test_c13_excerpts(body, expected):
    words = excerpt(body)
    assert words.isprintable()
    assert expected is None or words == expected


def test_c13_a_text_in_another_encoding_is_still_text():
    assert excerpt("Le délai est dépassé".encode("latin-1")).startswith("Le d")


def test_excerpts_are_cut():
    assert excerpt(b"abcdef", 4) == "abc…"
    assert excerpt(b"<title>abcdef</title>", 4) == "abc…"
    assert excerpt(b"a" * 499 + "é".encode()) == "a" * 499 + "é"
    assert len(excerpt(b"\x1b" * 70_000)) == 500


def test_a_character_cut_at_64_kb_is_no_binary_data():
    assert excerpt(b"a" * 65_535 + "é".encode(), 10) == "a" * 9 + "…"


@settings(derandomize=True, max_examples=300, deadline=None)
@given(
    st.binary(max_size=300) | st.text(max_size=200).map(lambda s: s.encode("utf-8", "replace")),
    st.integers(0, 600),
)
def test_c13_no_body_raises(body, limit):
    parse_status(body)
    for wrapped in (body, b"<html>" + body, b'{"code":3,"message":"' + body):
        words = excerpt(wrapped, limit)
        assert words.isprintable()
        assert len(words) <= limit


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("grpc: received message larger than max (5242880 vs. 4194304)", (5242880, 4194304)),
        (
            "rpc error: code = ResourceExhausted desc = grpc: received message larger than max (9 vs. 4)",
            (9, 4),
        ),
        ("Received message larger than max (5242880 vs 4194304) from upstream", (5242880, 4194304)),
        ("SERVER: Received message larger than max (5 vs. 4)\n", (5, 4)),
        ("grpc: trying to send message larger than max (5242880 vs. 4194304)", (5242880, 4194304)),
        (
            "grpc: received message after decompression larger than max (5242880 vs. 4194304)",
            (5242880, 4194304),
        ),
        ("grpc: message after decompression larger than max (5 vs. 4)", (5, 4)),
        ("grpc: received message after decompression larger than max 4194304", (4194305, 4194304)),
        ("received\u00a0message  larger than max (5 vs. 4)", (5, 4)),
        ("received message larger than max (3 vs. 4)", (5, 4)),  # a size is always over its limit
        ("received message larger than max", None),
        ("received message larger than max (lots)", None),
        ("received message larger than max (\u0665 vs. \u0664)", None),
        ("the price is larger than max (5 vs. 4)", None),
        ("rate limit exceeded (51 vs. 50)", None),
        ("", None),
    ],
)
def test_c10_message_too_large(message, expected):
    assert received_too_large(message) == expected


@pytest.mark.parametrize(
    "word", ["message ", "message larger ", "larger than max ", "9", "message larger than max (9"]
)
def test_c10_long_messages_are_searched_quickly(word):
    start = time.process_time()
    received_too_large(word * 100_000)
    assert time.process_time() - start < 0.5  # measured under 0.01 s
