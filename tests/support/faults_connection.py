"""Faults of the connection itself: resets, ends and silences, at connect, before, inside and after an answer."""

from support.fault import Exchange, Fault, Stage, at, fault
from support.wire import JSON, head


@at(Stage.CONNECT)
def rst_on_connect(ex: Exchange) -> None:
    """Reset at once, before anything is read."""
    ex.conn.rst()


@at(Stage.CONNECT)
def fin_on_connect(ex: Exchange) -> None:
    """Close at once, before anything is read; what the client sends is swallowed, so it sees no reset."""
    ex.conn.fin()


@at(Stage.CONNECT)
def black_hole_on_connect(ex: Exchange) -> None:
    """Accept, then neither read nor write. On a TLS port: a handshake that stalls."""
    ex.conn.hold()


@at(Stage.HEAD)
def never_read_body(ex: Exchange) -> None:
    """Read the head and nothing more (B17).

    The client's write stalls once both kernels' buffers are full. Give the server a ``receive_buffer`` of
    4096 and send more than the client's own send buffer may grow to (on Linux 4 MB: use 8).
    """
    ex.conn.hold()


@at(Stage.HEAD)
def rst_before_body(ex: Exchange) -> None:
    """Reset after the head, while the client may still be writing."""
    ex.conn.rst()


@fault
def rst_before_any_byte(ex: Exchange) -> None:
    """B03."""
    ex.conn.rst()


@fault
def fin_before_any_byte(ex: Exchange) -> None:
    """B02; on a reused connection B01 as a server plays it that closes while the request is on its way."""
    ex.conn.close()


@fault
def black_hole(ex: Exchange) -> None:
    """Read the request and never answer (B16). Ends when the client leaves."""
    ex.conn.wait_for_client_to_leave()


@fault
def close_after_answer(ex: Exchange) -> None:
    """Answer rightly and close at once, without a word of it in the headers (B01)."""
    ex.reply(200, ex.good_body())
    ex.mark_answered()
    ex.conn.close()


@fault
def rst_after_answer(ex: Exchange) -> None:
    """Answer rightly, give the bytes time to be read, and reset."""
    ex.reply(200, ex.good_body())
    ex.mark_answered()
    ex.conn.sleep(0.05)
    ex.conn.rst()


@fault
def announced_close(ex: Exchange) -> None:
    """Answer rightly with ``Connection: close`` and close: good manners, not a fault."""
    ex.reply(200, ex.good_body(), [JSON, ("Connection", "close")])
    ex.mark_answered()
    ex.conn.close()


@fault
def rst_mid_body(ex: Exchange) -> None:
    """Half of the body, then a reset (B04)."""
    _half_a_body(ex)
    ex.conn.sleep(0.05)  # or the reset would overtake the bytes
    ex.conn.rst()


@fault
def fin_mid_body(ex: Exchange) -> None:
    _half_a_body(ex)
    ex.conn.close()


@fault
def black_hole_mid_body(ex: Exchange) -> None:
    _half_a_body(ex)
    ex.conn.wait_for_client_to_leave()


@fault
def fin_mid_headers(ex: Exchange) -> None:
    ex.send(b"HTTP/1.1 200 OK\r\nContent-Type: appli")
    ex.conn.close()


@fault
def rst_mid_headers(ex: Exchange) -> None:
    ex.send(b"HTTP/1.1 200 OK\r\nContent-Type: appli")
    ex.conn.sleep(0.05)
    ex.conn.rst()


def close_when_idle(seconds: float) -> Fault:
    """Answer rightly and close after so many idle seconds, as a server with a short keep-alive does."""

    def play(ex: Exchange) -> None:
        ex.reply(200, ex.good_body())
        ex.mark_answered()
        ex.conn.sleep(seconds)
        ex.conn.close()

    return Fault(f"close_when_idle_{seconds}", play)


def _half_a_body(ex: Exchange) -> None:
    body = ex.good_body()
    ex.send(head(200, [JSON, ("Content-Length", str(len(body)))]) + body[: len(body) // 2])


CONNECTION_LOSSES = (
    rst_before_any_byte,
    fin_before_any_byte,
    rst_mid_body,
    fin_mid_body,
    rst_mid_headers,
    fin_mid_headers,
)
"""Losses of the connection before the answer is complete: all transient."""
