"""The faults that no emulator plays: what is wrong in the bytes, in their framing, or with the connection itself.

What the emulator can do is said in its own words instead: a script may hold ``"status=503;retry-after=2"``. A fault that
one test alone plays stands there, made of what is here.
"""

import asyncio
import gzip
import zlib
from itertools import chain
from operator import methodcaller

from support.fault import CHUNKED, JSON, Fault, Stage, answer, at, chunk, head, response, sends
from support.vectors import good_json

close, reset, drain = map(methodcaller, ("close", "rst", "wait_for_client_to_leave"))
"""How a fault may end its connection."""


def raw(name, data):
    return sends(name, lambda _: data, close)


def framed(name, make, ending=close):
    """What ``make`` makes of the right body: head, body and all."""
    return sends(name, lambda ex: make(ex.good_body()), ending)


# Silence

black_hole = Fault("black_hole", lambda ex: drain(ex.conn))
black_hole_mid_body = framed(
    "black_hole_mid_body", lambda good: response(200, good)[: -len(good) // 2], drain
)
black_hole_on_connect = Fault("black_hole_on_connect", lambda ex: drain(ex.conn), Stage.CONNECT)
rst_on_connect = Fault("rst_on_connect", lambda ex: reset(ex.conn), Stage.CONNECT)

# Bodies


def encoded(name, encoding, encode):
    """The right body, passed through ``encode`` and called ``encoding``."""
    headers = [JSON, ("Content-Encoding", encoding)]
    return sends(name, lambda ex: response(200, encode(ex.good_body()), headers))


BROKEN_ENCODINGS = (
    encoded("gzip_cut", "gzip", lambda data: gzip.compress(data)[:-12]),
    encoded("not_gzip", "gzip", bytes),
    encoded("unknown_encoding", "x-secret", lambda data: data[::-1]),
)

EMPTY_SUCCESSES = (
    answer("no_content_204", 204, b"", []),
    sends("partial_206", lambda ex: response(206, ex.good_body())),
    answer("empty_200", 200),
)

PIECE = b" " * 2**20
"""White space is good JSON, so no parser may stop a bomb before the cap does."""


def packed(size, wbits=31):
    """One valid compressed stream (a single gzip member) of white space, piece by piece."""
    packer = zlib.compressobj(9, wbits=wbits)
    for _ in range(-(-size // len(PIECE))):
        yield packer.compress(PIECE) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()


def bomb(encoding, size=10**9):
    """White space of ``size`` bytes (rounded up to 1 MiB), a thousandth of that on the wire (D13)."""

    async def play(ex):
        await ex.send(head(200, [JSON, CHUNKED, ("Content-Encoding", encoding)]))
        for piece in packed(size, {"gzip": 31, "deflate": 15}[encoding]):
            await ex.send(chunk(piece))
        await ex.send(chunk(b""))

    return Fault(f"{encoding}_bomb_{size}", play)


# Framing: lengths that lie, broken chunks, and bytes that are no HTTP at all


CHUNKED_HEAD = head(200, [JSON, CHUNKED])


close_after_answer = framed("close_after_answer", lambda good: response(200, good))
truncated_close_delimited = framed("truncated", lambda good: head() + good[: len(good) // 2])
tls_bytes = raw("tls_alert", bytes.fromhex("15030300020228"))

NOT_WHOLE = {
    "B02": ("drop",),
    "B03": ("drop;reset",),
    "B04": ("truncate;reset", "truncate", "drop=head"),
    "B05": (
        framed("fin_mid_chunk", lambda good: CHUNKED_HEAD + f"{2 * len(good):x}\r\n".encode() + good),
        framed("missing_last_chunk", lambda good: CHUNKED_HEAD + chunk(good)),
    ),
    "B06": (
        sends("chunk_size_negative", lambda _: CHUNKED_HEAD + b"-5\r\n"),
        sends("chunk_size_endless", lambda _: CHUNKED_HEAD + b"1" * 100_000),
    ),
    "B07": (
        framed("length_too_large", lambda good: response(200, good + b" " * 10)[:-10]),
        framed("length_and_chunked", lambda good: head(200, [JSON, ("Content-Length", "2"), CHUNKED]) + good),
    ),
    "B11": (
        raw("garbage", bytes(range(128, 256)) * 8),
        raw("header_without_colon", b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n"),
        framed("code_2000", lambda good: response(200, good).replace(b" 200 ", b" 2000 ", 1)),
    ),
}
"""By row: losses of the connection, and framing that cannot be trusted, before the answer is complete. All transient."""

# Responses that nobody asked for, on a connection that will be used again


def _stray(ex):
    """A complete answer of the same shape for somebody else's texts: wrong, but nothing about it says so."""
    strays = [f"stray text {number} of somebody else" for number in range(len(ex.request.texts))]
    return response(200, good_json(strays, ex.dim))


extra_response_same_packet = sends("extra_same_packet", lambda ex: response(200, ex.good_body()) + _stray(ex))


@at(Stage.REQUEST)
async def extra_response_when_idle(ex):
    """The right answer, and a stray one when the client has had time to read it: `Oracle.wait_until_idle` waits for it."""
    await ex.play("ok")
    await asyncio.sleep(0.05)
    await ex.send(_stray(ex))


STRAYS = (
    extra_response_same_packet,
    sends("extra_half_response", lambda ex: response(200, ex.good_body()) + _stray(ex)[:-100]),
    # As servers send when they close an idle connection:
    framed("extra_408", lambda good: response(200, good) + response(408, b"", [("Connection", "close")])),
    extra_response_when_idle,
)

# Answers without end and answers by the drop. Each ends when the client leaves or the server closes.


def endless(name, beginning, more, pause=0.0):
    """Bytes that never end, after these; ``bytes_sent`` tells how many the client took."""

    async def play(ex):
        await ex.send(beginning)
        while True:
            await ex.send(more)
            await asyncio.sleep(pause)

    return Fault(name, play)


endless_1xx = endless("endless_1xx", b"", head(102, []), 0.01)


@at(Stage.REQUEST)
async def slow_body(ex):
    good = ex.good_body()
    await ex.send(response(200, good)[: -len(good)])
    await ex.conn.drip(good, 0.1)


# Before there is any TLS, over the bare socket, whatever the server's context


async def client_hello(conn):
    header = await conn.read_exactly(5)
    return await conn.read_exactly(int.from_bytes(header[3:], "big"))


def after_hello(name, data, ending=drain):
    async def action(ex):
        await client_hello(ex.conn)
        await ex.send(data)
        await ending(ex.conn)

    return Fault(name, action, Stage.CONNECT)


# A mixture for long runs: a client survives each after a retry, and none takes long. Some hold the right answer.

MIXED = (
    *chain.from_iterable(NOT_WHOLE.values()),
    *(truncated_close_delimited, tls_bytes, close_after_answer),
    *(*STRAYS, *EMPTY_SUCCESSES, *BROKEN_ENCODINGS),
    *(f"status={http}" for http in (408, 429, 500, 502, 503, 504)),
    *("html", "status=503;retry-after=0", "short", "long", "ragged", "nan"),
)
