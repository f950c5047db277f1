"""Faults of a TLS port before there is any TLS: played over the bare socket, whatever the server's context."""

from support.connection import Connection
from support.fault import Exchange, Stage, at
from support.faults_connection import black_hole_on_connect
from support.wire import TEXT, response

handshake_stall = black_hole_on_connect
"""Accept and say nothing (A08)."""


def _client_hello(conn: Connection) -> None:
    """Read the first record, so that what is played is an answer to it."""
    header = conn.read_exactly(5)
    conn.read_exactly(int.from_bytes(header[3:], "big"))


@at(Stage.CONNECT)
def handshake_stall_after_hello(ex: Exchange) -> None:
    _client_hello(ex.conn)
    ex.conn.wait_for_client_to_leave()


@at(Stage.CONNECT)
def rst_in_handshake(ex: Exchange) -> None:
    """A09."""
    _client_hello(ex.conn)
    ex.conn.rst()


@at(Stage.CONNECT)
def fin_in_handshake(ex: Exchange) -> None:
    _client_hello(ex.conn)
    ex.conn.close()


@at(Stage.CONNECT)
def plaintext_answer_in_handshake(ex: Exchange) -> None:
    """What a plain HTTP server says to a ClientHello (A07)."""
    _client_hello(ex.conn)
    ex.send(response(400, b"Client sent garbage to an HTTP server", [TEXT, ("Connection", "close")]))
    ex.conn.fin()


@at(Stage.CONNECT)
def alert_protocol_version(ex: Exchange) -> None:
    """The fatal alert 70 of a server that speaks none of the client's versions (A06)."""
    _client_hello(ex.conn)
    ex.send(bytes.fromhex("15030100020246"))
    ex.conn.fin()


@at(Stage.CONNECT)
def garbage_in_handshake(ex: Exchange) -> None:
    _client_hello(ex.conn)
    ex.send(bytes(range(128, 256)))
    ex.conn.fin()
