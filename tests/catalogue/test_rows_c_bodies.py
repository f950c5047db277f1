"""Rows C13 to C15: error bodies of every kind, what they echo, and successes that bring nothing."""

import gzip
import logging
import pickle
from dataclasses import replace

import pytest

from inworld_embeddings import errors
from support.clients import BOTH, KEY, within
from support.fault_server import OK, Exchange, Fault, FaultServer
from support.faults import (
    BAD_REQUEST,
    EMPTY_SUCCESSES,
    answer,
    encoded,
    endless_error,
    error_bodies,
    key_echo,
    status,
)
from support.wire import JSON, TEXT, head

TEXT_1 = "planted-text: what a person wrote about somebody else, and nobody but the service may read"
TEXTS = [TEXT_1, 'planted-text with "quotes" and\nline breaks, as people write them in their letters']

CLASSES = {400: errors.BadRequestError, 403: errors.PermissionDeniedError, 503: errors.InternalServerError}


def unfinished(http):
    """An error whose body breaks off: the status has been read, and says enough."""

    def play(ex: Exchange) -> None:
        ex.send(head(http, [TEXT, ("Content-Length", "5000")]) + b"the beginning")
        ex.conn.close()

    return Fault(f"unfinished_{http}", play)


def odd_encoding(http, encoding):
    return answer(f"{encoding}_{http}", http, b"\x28\xb5\x2f\xfd", [JSON, ("Content-Encoding", encoding)])


def bodies(http):
    odd = (unfinished(http), odd_encoding(http, "br"), odd_encoding(http, "gzip, gzip"))
    return [pytest.param(http, fault, id=f"{fault}") for fault in (*error_bodies(http), *odd)]


@BOTH
@pytest.mark.parametrize(("http", "fault"), [case for http in CLASSES for case in bodies(http)])
def test_C13_the_status_decides_whatever_the_body_is(embed, http, fault):
    with FaultServer(fault) as server:
        with pytest.raises(CLASSES[http]) as caught:
            embed(server.url, TEXT_1)
        server.oracle.assert_requests(3 if http == 503 else 1)
    assert caught.value.status_code == http
    assert len(str(caught.value)) <= 2048
    assert str(caught.value).isprintable()
    pickle.loads(pickle.dumps(caught.value))


@BOTH
@pytest.mark.parametrize("http", [404, 503])
def test_C13_of_an_endless_body_64_kb_are_read(embed, http):
    with FaultServer(endless_error(http), send_buffer=65536) as server, within(2):
        with pytest.raises(errors.APIStatusError) as caught:
            embed(server.url, TEXT_1, max_retries=0)
        server.oracle.wait_until_idle()
        assert server.requests[0].bytes_sent < 8 * 2**20, (
            "what the kernel takes for us, and not the megabytes"
        )
    assert caught.value.status_code == http


@BOTH
def test_C13_of_an_error_bomb_64_kb_are_unpacked(embed):
    bomb = encoded("bomb", "gzip", lambda _: gzip.compress(b" " * 50_000_000))
    script = Fault("bomb_500", lambda ex: bomb.action(replace(ex, conn=_as_500(ex.conn))))
    with FaultServer(script) as server, within(1), pytest.raises(errors.InternalServerError):
        embed(server.url, TEXT_1, max_retries=0)


class _as_500:  # noqa: N801 - reads as what it does
    """A connection that says 500 where a fault says 200."""

    def __init__(self, conn):
        self._conn = conn

    def send(self, data):
        self._conn.send(data.replace(b"200 OK", b"500 No", 1))


SECRETS = (
    KEY,
    "planted-key:planted-secret",
    "planted-secret",
    f"Basic {KEY}",
    KEY[:14] + "***",
    "***" + KEY[-12:],
)
ENCODED = (*SECRETS, KEY.replace("=", "%3D"), "planted%2Dsecret", "planted\\u002dsecret")


def everything_about(error):
    yield str(error)
    yield repr(error)
    yield repr(vars(error))
    yield pickle.dumps(error).decode("latin-1")


def check_clean(error, log, forbidden):
    for text in (*everything_about(error), log):
        for piece in forbidden:
            assert piece not in text


PIECES = [KEY[start : start + 8] for start in range(len(KEY) - 8)] + [
    "planted-secret",
    "planted%2D",
    "d-secret",
]


@BOTH
@pytest.mark.parametrize("echo", ENCODED)
@pytest.mark.parametrize("http", [403, 503])
def test_C14_no_part_of_the_key_gets_into_an_error_or_the_log(embed, echo, http, caplog):
    caplog.set_level(logging.DEBUG, "inworld_embeddings")
    with FaultServer(key_echo(f'no such key: "{echo}" \x1b[31m\r\nX-Forged: 1', http=http)) as server:
        with pytest.raises(CLASSES[http]) as caught:
            embed(server.url, TEXT_1)
        server.oracle.assert_well_formed()
    check_clean(caught.value, caplog.text, PIECES)
    assert "no such key" in str(caught.value)
    assert r"\x1b[31m\r\nX-Forged: 1" in str(caught.value)


@BOTH
@pytest.mark.parametrize("where", ["message", "details", "request id", "html", "redirect"])
def test_C14_nor_from_any_other_place_of_the_answer(embed, where, caplog):
    caplog.set_level(logging.DEBUG, "inworld_embeddings")
    detail = {"@type": "type.example/unknown", KEY: [{"deep": {KEY: f"Basic {KEY}"}}]}
    faults = {
        "message": status(503, message=f"Basic {KEY}"),
        "details": status(503, details=[detail, {"@type": BAD_REQUEST, "fieldViolations": [{"field": KEY}]}]),
        "request id": status(503, headers=[("x-inworld-request-id", KEY)]),
        "html": answer("html", 503, f"<html><title>{KEY}</title></html>".encode(), [("Content-Type", KEY)]),
        "redirect": answer("redirect", 302, b"", [("Location", f"https://{KEY}.example/{KEY}")]),
    }
    with FaultServer(faults[where]) as server, pytest.raises(errors.APIError) as caught:
        embed(server.url, TEXT_1)
    check_clean(caught.value, caplog.text, [*PIECES, *(piece.lower() for piece in PIECES)])


@BOTH
@pytest.mark.parametrize("where", ["message", "violation", "text", "cut", "several"])
def test_C14_the_requests_own_texts_stay_out_of_errors_and_the_log(embed, where, caplog):
    caplog.set_level(logging.DEBUG, "inworld_embeddings")
    violation = {"field": "inputs[0].text", "description": f"is refused: {TEXT_1}"}
    faults = {
        "message": status(503, message=f"cannot embed {TEXT_1!r}"),
        "violation": status(400, details=[{"@type": BAD_REQUEST, "fieldViolations": [violation]}]),
        "text": answer("text", 503, f"upstream said: {TEXT_1}".encode(), [TEXT]),
        "cut": status(503, message=f"cannot embed {TEXT_1[:40]}..."),
        "several": status(503, message="; ".join(TEXTS)),
    }
    with FaultServer(faults[where]) as server, pytest.raises(errors.APIStatusError) as caught:
        embed(server.url, TEXTS)
    windows = [text[start : start + 24] for text in TEXTS for start in range(len(text) - 24)]
    check_clean(caught.value, caplog.text, [window for window in windows if window.isprintable()])


@BOTH
@pytest.mark.parametrize("fault", EMPTY_SUCCESSES, ids=str)
def test_C15_a_success_that_brings_nothing_is_repeated_over_a_new_connection(embed, fault):
    with FaultServer([fault, OK]) as server:
        result = embed(server.url, TEXTS)
        server.oracle.check(TEXTS, result.vectors)
        server.oracle.assert_connections(2)
    with FaultServer(fault) as server:
        with pytest.raises(errors.APIResponseValidationError) as caught:
            embed(server.url, TEXTS)
        server.oracle.assert_requests(3)
    assert caught.value.attempts == 3
