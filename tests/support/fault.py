"""What a fault is, the bytes it is made of, and the scripts that say which is played when."""

import functools
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from random import Random
from threading import Lock

import httpx

from inworld_embeddings_emulator import TEST_KEY, Emulator, LocalTransport
from inworld_embeddings_emulator.faults import HEADER as FAULT_HEADER
from inworld_embeddings_emulator.faults import FaultLayer
from support.connection import Connection
from support.oracle import EMBED_PATH, ConnectionRecord, Head, RequestRecord
from support.vectors import good_json, text_id, vectors_for

# The bytes of responses, written by hand so that they can also be wrong.

JSON = ("Content-Type", "application/json")
TEXT = ("Content-Type", "text/plain; charset=utf-8")
CHUNKED = ("Transfer-Encoding", "chunked")


def head(status=200, headers=(JSON,)):
    """Status line, headers and the empty line, exactly as given: no length is added."""
    known = status in HTTPStatus._value2member_map_
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase if known else 'Unassigned'}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode()


def response(status=200, body=b"", headers=(JSON,)):
    """A complete response with an honest Content-Length."""
    return head(status, [*headers, ("Content-Length", str(len(body)))]) + body


def chunk(data):
    """One chunk of a chunked body; an empty one is the last."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


class Stage(Enum):
    """When a fault strikes: on accept (before TLS), after a request's head, or after all of it."""

    CONNECT = "connect"
    HEAD = "head"
    REQUEST = "request"


@dataclass(frozen=True, slots=True)
class Request:
    """What a script may decide by. Numbers count from 0; ``in_flight`` includes this request."""

    number: int
    connection: int
    on_connection: int
    head: Head
    texts: tuple[str, ...]
    body_bytes: int
    in_flight: int
    at: float


@dataclass(slots=True)
class Exchange:
    """One request (or, at `Stage.CONNECT`, one bare connection) and the means to answer it, or not to."""

    conn: Connection
    request: Request
    record: RequestRecord | ConnectionRecord
    dim: int

    def play(self, fault):
        """The last name on the record stands: that of what a wrapper chose."""
        self.record.fault = fault.name
        fault.action(self)

    def send(self, data):
        self.conn.send(data)

    def reply(self, status=200, body=b"", headers=(JSON,)):
        self.send(response(status, body, headers))

    def good_body(self):
        return good_json(self.request.texts, self.dim)

    def answer(self):
        """Send the right vectors of all texts."""
        self.reply(200, self.good_body())
        self.mark_answered()

    def mark_answered(self):
        """Note that the right vectors of all texts have been sent."""
        self.record.answered = tuple(map(text_id, self.request.texts))


@dataclass(frozen=True, slots=True)
class Fault:
    """A named behaviour: a function of an `Exchange`. Its name makes a readable test id."""

    name: str
    action: object
    stage: Stage = Stage.REQUEST

    def __str__(self):
        return self.name


def at(stage):
    """Make a fault of a function, by its name."""
    return lambda action: Fault(action.__name__, action, stage)


fault = at(Stage.REQUEST)


def sends(name, make, end=None, *, good=False):
    """Sends the bytes that ``make(exchange)`` gives, then ends the connection in this way, if any.

    A good one brings all vectors, in however odd a way: the texts count as answered.
    """

    def play(ex):
        ex.send(make(ex))
        if good:
            ex.mark_answered()
        if end:
            end(ex.conn)

    return Fault(name, play)


def body_fault(name, build, *, good=False):
    """A 200 with the JSON body that ``build(texts, dim)`` returns."""
    return sends(name, lambda ex: response(200, build(ex.request.texts, ex.dim)), good=good)


OK = body_fault("ok", good_json, good=True)
"""The right answer, and the connection stays open."""


@dataclass(frozen=True, slots=True)
class _Vectors:
    """The engine of an emulator that gives the vectors of `support.vectors`."""

    dimension: int
    name: str = "by text"

    def embed(self, texts):
        return vectors_for(texts, self.dimension).tolist()


def emulated(script):
    """What the emulator does by a script of its own language (docs/use/local-mode.md), such as ``status=503 x2, ok``."""

    @functools.cache
    def emulator(dim):
        return LocalTransport(FaultLayer(Emulator(_Vectors(dim)), script))

    def play(ex):
        inputs = [{"text": text} for text in ex.request.texts]
        with httpx.Client(transport=emulator(ex.dim), auth=tuple(TEST_KEY.split(":"))) as client:
            try:
                reply = client.post(f"http://emulator{EMBED_PATH}", json={"inputs": inputs})
            except httpx.ReadError:
                ex.conn.rst()
                return
            except httpx.RemoteProtocolError:
                ex.conn.close()
                return
        headers = [pair for pair in reply.headers.multi_items() if pair[0] != "content-length"]
        ex.reply(reply.status_code, reply.content, headers)
        if reply.status_code == 200 and FAULT_HEADER not in reply.headers:
            ex.mark_answered()

    return Fault(script, play)


class InOrder:
    """One fault per request, in the order of their coming; the last one repeats.

    A fault that strikes at connect or after the head takes its turn there. If its turn comes on a connection
    that is already open, it is played after the request.
    """

    def __init__(self, faults):
        self._faults = [_as_fault(fault) for fault in faults]
        self._next = 0
        self._lock = Lock()

    def take(self, stage, request):
        """The fault to play at this stage, or None to go on."""
        with self._lock:
            chosen = self._faults[min(self._next, len(self._faults) - 1)]
            if stage not in (Stage.REQUEST, chosen.stage):
                return None
            self._next += 1
            return chosen


@dataclass(frozen=True, slots=True)
class Chosen:
    """A function of the request decides, once the request has been read."""

    choose: object

    def take(self, stage, request):
        return _as_fault(self.choose(request)) if stage is Stage.REQUEST else None


class ByConnection:
    """A script of its own for some connections, by number; the others get the right answers."""

    def __init__(self, scripts):
        self._scripts = {number: InOrder(faults) for number, faults in scripts.items()}

    def take(self, stage, request):
        return self._scripts.get(request.connection, Chosen(lambda _: OK)).take(stage, request)


def at_random(seed, rate, faults):
    """Play one of the faults on a share ``rate`` of the requests. The choice depends on seed and number only."""

    def choose(request):
        dice = Random(f"{seed}:{request.number}")
        return dice.choice(faults) if dice.random() < rate else OK

    return choose


def as_script(script):
    """A script of whatever stands for one: the emulator's words, a fault, several in order, or a function."""
    if isinstance(script, Fault | str):
        return InOrder([script])
    if isinstance(script, list | tuple):
        return InOrder(script)
    return Chosen(script) if callable(script) else script


def _as_fault(fault):
    return emulated(fault) if isinstance(fault, str) else fault
