"""Reads one request body from a connection: by length or in chunks, never more than a limit.

Whoever is unsure where a body ends must not guess, or the next request is read from the middle of this one.
"""

from email import errors
from email.message import Message
from io import BufferedIOBase

_MAX_LINE = 4096

_OF_A_BODY = (
    errors.InvalidMultipartContentTransferEncodingDefect,
    errors.MultipartInvariantViolationDefect,
    errors.NoBoundaryInMultipartDefect,
    errors.StartBoundaryNotFoundDefect,
)
"""What the parser of the standard library misses below a head with ``Content-Type: multipart/…``: it is not given a body."""


class RefusedError(Exception):
    """The request is answered with a status and a line of text, and the connection closed."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def check_headers(headers: Message) -> None:
    """Refuses a head that another reader might understand differently.

    Raises:
        RefusedError: 400.
    """
    malformed = [defect for defect in headers.defects if not isinstance(defect, _OF_A_BODY)]
    if malformed or any(name != name.strip() for name in headers):
        raise RefusedError(400, "malformed header")


def body_length(headers: Message, limit: int) -> int | None:
    """Length of the body in bytes, or None if it comes in chunks.

    Raises:
        RefusedError: 400 contradicting or malformed, 413 over the limit, 501 a coding other than chunked.
    """
    lengths, codings = headers.get_all("content-length", []), headers.get_all("transfer-encoding", [])
    if codings:
        if lengths or len(codings) > 1:
            raise RefusedError(400, "both Content-Length and Transfer-Encoding, or one of them twice")
        if codings[0].strip().lower() != "chunked":
            raise RefusedError(501, "only the chunked transfer coding is known")
        return None
    if not lengths:
        return 0
    text = lengths[0].strip()
    if len(lengths) > 1 or not (text.isascii() and text.isdigit()):
        raise RefusedError(400, "malformed Content-Length")
    if len(text) > 18 or int(text) > limit:
        raise RefusedError(413, "Payload Too Large")
    return int(text)


def read_body(stream: BufferedIOBase, length: int | None, limit: int) -> bytes:
    """The body.

    Args:
        stream: Positioned after the head.
        length: From `body_length`.
        limit: Most bytes a chunked body may have.

    Raises:
        RefusedError: 400 malformed chunks, 413 over the limit.
        ConnectionError: the client left in the middle.
    """
    return _exactly(stream, length) if length is not None else _chunks(stream, limit)


def _chunks(stream: BufferedIOBase, limit: int) -> bytes:
    body = bytearray()
    while size := _chunk_size(stream):
        if len(body) + size > limit:
            raise RefusedError(413, "Payload Too Large")
        body += _exactly(stream, size)
        if _line(stream):
            raise RefusedError(400, "malformed chunk")
    trailer = 0
    while line := _line(stream):
        trailer += len(line)
        if trailer > _MAX_LINE:
            raise RefusedError(400, "trailer too long")
    return bytes(body)


def _chunk_size(stream: BufferedIOBase) -> int:
    digits = _line(stream).partition(b";")[0].strip(b" \t")
    if not 0 < len(digits) <= 15 or digits.strip(b"0123456789abcdefABCDEF"):
        raise RefusedError(400, "malformed chunk size")
    return int(digits, 16)


def _line(stream: BufferedIOBase) -> bytes:
    line = stream.readline(_MAX_LINE)
    if not line.endswith(b"\r\n"):
        if len(line) == _MAX_LINE or line.endswith(b"\n"):
            raise RefusedError(400, "malformed chunk")
        raise ConnectionError("the client left inside its request")
    return line[:-2]


def _exactly(stream: BufferedIOBase, length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise ConnectionError("the client left inside its request")
    return data
