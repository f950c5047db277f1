"""Answers nobody asked for, on a connection that will be used again: the next call must get its own."""

from support.fault import Exchange, Fault, fault
from support.vectors import good_json, stray_texts
from support.wire import response


def _stray(ex: Exchange) -> bytes:
    """A complete answer of the same shape for somebody else's texts: wrong, but nothing about it says so."""
    return response(200, good_json(stray_texts(len(ex.request.texts)), ex.dim))


@fault
def extra_response_same_packet(ex: Exchange) -> None:
    """The right answer and a stray one in the same write (B09)."""
    ex.send(response(200, ex.good_body()) + _stray(ex))
    ex.mark_answered()


@fault
def extra_half_response(ex: Exchange) -> None:
    """The right answer and the first half of a stray one in the same write."""
    stray = _stray(ex)
    ex.send(response(200, ex.good_body()) + stray[: len(stray) // 2])
    ex.mark_answered()


@fault
def extra_line(ex: Exchange) -> None:
    """The right answer and one empty line too many: harmless by the letter, and often seen."""
    ex.send(response(200, ex.good_body()) + b"\r\n")
    ex.mark_answered()


@fault
def extra_408(ex: Exchange) -> None:
    """The right answer, and a 408 in the same write, as servers send when they close an idle connection."""
    ex.send(response(200, ex.good_body()) + response(408, b"", [("Connection", "close")]))
    ex.mark_answered()
    ex.conn.close()


def extra_response_when_idle(seconds: float = 0.05) -> Fault:
    """The right answer, and a stray one so many seconds later, while the connection rests (B10).

    The record counts as finished when the stray answer is out, so `Oracle.wait_until_idle` waits for it.
    """

    def play(ex: Exchange) -> None:
        ex.reply(200, ex.good_body())
        ex.mark_answered()
        ex.conn.sleep(seconds)
        ex.send(_stray(ex))

    return Fault("extra_response_when_idle", play)


STRAYS = (extra_response_same_packet, extra_half_response, extra_408, extra_response_when_idle())
