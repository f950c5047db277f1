"""Faults of HTTP framing: lengths that lie, broken chunks, and bytes that are no HTTP at all."""

from support.fault import Exchange, Fault, fault
from support.vectors import good_json
from support.wire import CHUNKED, JSON, LAST_CHUNK, chunk, head


@fault
def chunked(ex: Exchange) -> None:
    """The right answer in chunks of 7 bytes: no fault."""
    body = ex.good_body()
    pieces = [chunk(body[start : start + 7]) for start in range(0, len(body), 7)]
    ex.send(head(200, [JSON, CHUNKED]) + b"".join(pieces) + LAST_CHUNK)
    ex.mark_answered()


@fault
def close_delimited(ex: Exchange) -> None:
    """The right answer without a length, ended by closing: no fault."""
    ex.send(head() + ex.good_body())
    ex.mark_answered()
    ex.conn.close()


@fault
def fin_mid_chunk(ex: Exchange) -> None:
    """A chunk that promises twice what comes before the end (B05)."""
    body = ex.good_body()
    ex.send(head(200, [JSON, CHUNKED]) + f"{2 * len(body):x}\r\n".encode() + body)
    ex.conn.close()


@fault
def missing_last_chunk(ex: Exchange) -> None:
    """All of the JSON is there, but not the empty chunk that says so (B05)."""
    ex.send(head(200, [JSON, CHUNKED]) + chunk(ex.good_body()))
    ex.conn.close()


@fault
def content_length_too_large(ex: Exchange) -> None:
    """All of the JSON, then the end, where the header promises 10 bytes more (B07)."""
    body = ex.good_body()
    ex.send(head(200, [JSON, ("Content-Length", str(len(body) + 10))]) + body)
    ex.conn.close()


@fault
def content_length_too_small(ex: Exchange) -> None:
    """The header promises 10 bytes less than come: the rest is left over for the next answer."""
    body = ex.good_body()
    ex.send(head(200, [JSON, ("Content-Length", str(len(body) - 10))]) + body)


@fault
def truncated_close_delimited(ex: Exchange) -> None:
    """Half of the JSON, no length, and a clean end: only the JSON can tell (B08)."""
    body = ex.good_body()
    ex.send(head() + body[: len(body) // 2])
    ex.conn.close()


def chunk_size(name: str, line: bytes) -> Fault:
    """A good answer whose one chunk has this as its size line (B06)."""

    def play(ex: Exchange) -> None:
        ex.send(head(200, [JSON, CHUNKED]) + line + b"\r\n" + ex.good_body() + b"\r\n" + LAST_CHUNK)

    return Fault(f"chunk_size_{name}", play)


def framing_headers(name: str, *headers: tuple[str, str]) -> Fault:
    """A good body behind framing headers that cannot be trusted."""

    def play(ex: Exchange) -> None:
        ex.send(head(200, [JSON, *headers]) + ex.good_body())
        ex.conn.close()

    return Fault(f"framing_{name}", play)


def raw(name: str, data: bytes) -> Fault:
    """Send these bytes instead of an answer, and close (B11)."""

    def play(ex: Exchange) -> None:
        ex.send(data)
        ex.conn.close()

    return Fault(f"raw_{name}", play)


def status_line(name: str, line: bytes) -> Fault:
    """A good answer behind a bad first line (B11)."""

    def play(ex: Exchange) -> None:
        body = good_json(ex.request.texts, ex.dim)
        ex.send(line + b"\r\nContent-Type: application/json\r\n")
        ex.send(f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        ex.conn.close()

    return Fault(f"status_line_{name}", play)


illegal_chunk_size = chunk_size("not_hex", b"zz")

BAD_CHUNK_SIZES = (
    illegal_chunk_size,
    chunk_size("negative", b"-5"),
    chunk_size("empty", b""),
    chunk_size("prefixed", b"0x10"),
    chunk_size("huge", b"f" * 40),
    chunk_size("endless", b"1" * 100_000),
)

BAD_LENGTHS = (
    framing_headers("length_negative", ("Content-Length", "-1")),
    framing_headers("length_word", ("Content-Length", "many")),
    framing_headers("length_twice", ("Content-Length", "2"), ("Content-Length", "200")),
    framing_headers("length_list", ("Content-Length", "2, 200")),
)
"""Lengths that are no numbers, or several. Clients differ in them; none may hand out a wrong vector."""

length_and_chunked = framing_headers("length_and_chunked", ("Content-Length", "2"), CHUNKED)

garbage_bytes = raw("garbage", bytes(range(128, 256)) * 8)
tls_bytes = raw("tls_alert", bytes.fromhex("15030300020228"))
malformed_status_line = status_line("no_code", b"HTTP/1.1 OK")

NOT_HTTP = (
    garbage_bytes,
    tls_bytes,
    malformed_status_line,
    raw("nul", b"\0" * 64),
    raw("empty_lines_then_end", b"\r\n" * 8),
    raw("json_only", b'{"embeddings":[]}'),
    raw("ssh", b"SSH-2.0-OpenSSH_9.6\r\n"),
    raw("http2_settings", bytes.fromhex("000000040000000000")),
    raw("header_without_colon", b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n"),
    status_line("code_word", b"HTTP/1.1 two hundred"),
    status_line("code_2000", b"HTTP/1.1 2000 OK"),
    status_line("code_negative", b"HTTP/1.1 -20 OK"),
)
"""First bytes that are no HTTP/1.1 response (B11)."""

LENIENT_STATUS_LINES = (
    status_line("version_9", b"HTTP/9.9 200 OK"),
    status_line("lower_case", b"http/1.1 200 ok"),
    status_line("no_phrase", b"HTTP/1.1 200"),
    status_line("version_0", b"HTTP/1.0 200 OK"),
)
"""First lines that clients may refuse or let pass; the vectors behind them are right."""

TRUNCATIONS = (fin_mid_chunk, missing_last_chunk, content_length_too_large, truncated_close_delimited)
"""Ends that come too early: all transient."""
