"""200s that want to fill the client's memory: compressed bombs, and bodies of any length, declared or not.

Everything is streamed, so the server itself needs a few megabytes at most. The record's ``bytes_sent`` tells
how much the client took before it stopped.
"""

import gzip
import zlib
from collections.abc import Iterator

from support.fault import Exchange, Fault
from support.wire import CHUNKED, JSON, chunk, head

_PIECE = 2**20
_FILLER = b" " * _PIECE  # white space is good JSON, so no parser may stop the bomb before the cap does


def declared_body(size: int = 10_000_000_000) -> Fault:
    """An honest Content-Length over any cap, and a body to match for whoever reads it (D14)."""

    def play(ex: Exchange) -> None:
        ex.send(head(200, [JSON, ("Content-Length", str(size))]))
        for start in range(0, size, _PIECE):
            ex.send(_FILLER[: size - start])

    return Fault(f"declares_{size}", play)


def endless_chunks() -> Fault:
    """A chunked body that never ends."""

    def play(ex: Exchange) -> None:
        ex.send(head(200, [JSON, CHUNKED]))
        while True:
            ex.send(chunk(_FILLER))

    return Fault("endless_chunks", play)


def endless_close_delimited() -> Fault:
    """A body without a length that never ends."""

    def play(ex: Exchange) -> None:
        ex.send(head())
        while True:
            ex.send(_FILLER)

    return Fault("endless_close_delimited", play)


def gzip_bomb(size: int = 10**9) -> Fault:
    """White space of ``size`` bytes (rounded up to 1 MiB), a thousandth of that on the wire (D13)."""
    return _streamed(f"gzip_bomb_{size}", "gzip", size, wbits=31)


def deflate_bomb(size: int = 10**9) -> Fault:
    return _streamed(f"deflate_bomb_{size}", "deflate", size, wbits=15)


def double_gzip_bomb(size: int = 2 * 10**8) -> Fault:
    """The same, compressed twice: under a kilobyte on the wire. Made before it is sent: 0.2 s for each 10**8 bytes."""

    def play(ex: Exchange) -> None:
        packed = gzip.compress(b"".join(_packed(size, wbits=31)))
        ex.reply(200, packed, [JSON, ("Content-Encoding", "gzip, gzip")])

    return Fault(f"double_gzip_bomb_{size}", play)


def zstd_bomb(size: int = 10**9) -> Fault:
    """White space as run-length blocks: four bytes on the wire for 128 kB. For clients that ask for zstd."""

    def play(ex: Exchange) -> None:
        ex.reply(200, _zstd_runs(size), [JSON, ("Content-Encoding", "zstd")])

    return Fault(f"zstd_bomb_{size}", play)


def many_encodings(times: int = 50) -> Fault:
    """The right body, compressed so many times over."""

    def play(ex: Exchange) -> None:
        body = ex.good_body()
        for _ in range(times):
            body = gzip.compress(body)
        ex.reply(200, body, [JSON, ("Content-Encoding", ", ".join(["gzip"] * times))])

    return Fault(f"gzip_{times}_times", play)


def _streamed(name: str, encoding: str, size: int, wbits: int) -> Fault:
    def play(ex: Exchange) -> None:
        ex.send(head(200, [JSON, CHUNKED, ("Content-Encoding", encoding)]))
        for piece in _packed(size, wbits):
            ex.send(chunk(piece))
        ex.send(chunk(b""))

    return Fault(name, play)


def _packed(size: int, wbits: int) -> Iterator[bytes]:
    """One valid compressed stream (a single gzip member) of white space, piece by piece."""
    packer = zlib.compressobj(9, wbits=wbits)
    for _ in range(-(-size // _PIECE)):
        yield packer.compress(_FILLER) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()


def _zstd_runs(size: int) -> bytes:
    """A frame (RFC 8878) with a window of 128 kB, no checksum and no content size, of RLE blocks only."""
    block, run = 1 << 17, 1 << 1
    count = -(-size // block)
    piece = (block << 3 | run).to_bytes(3, "little") + b" "
    last = (block << 3 | run | 1).to_bytes(3, "little") + b" "
    return b"\x28\xb5\x2f\xfd\x00\x38" + piece * (count - 1) + last
