"""What a fault is, the bytes it is made of, and the scripts that say which is played when."""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from random import Random
from threading import Lock
from typing import Any, Protocol

import httpx

from inworld_embeddings_emulator import TEST_KEY, Emulator, LocalTransport
from inworld_embeddings_emulator.faults import HEADER as FAULT_HEADER
from inworld_embeddings_emulator.faults import FaultLayer
from support.connection import Connection
from support.oracle import EMBED_PATH, ConnectionRecord, Head, RequestRecord
from support.vectors import good_json, text_id, vectors_for

# The bytes of responses, written by hand so that they can also be wrong.

Headers = Iterable[tuple[str, str]]

JSON = ("Content-Type", "application/json")
TEXT = ("Content-Type", "text/plain; charset=utf-8")
CHUNKED = ("Transfer-Encoding", "chunked")


def head(status: int = 200, headers: Headers = (JSON,)) -> bytes:
    """Status line, headers and the empty line, exactly as given: no length is added."""
    known = status in HTTPStatus._value2member_map_
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase if known else 'Unassigned'}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode()


def response(status: int = 200, body: bytes = b"", headers: Headers = (JSON,)) -> bytes:
    """A complete response with an honest Content-Length."""
    return head(status, [*headers, ("Content-Length", str(len(body)))]) + body


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body; an empty one is the last."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


LAST_CHUNK = chunk(b"")


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

    def play(self, fault: "Fault") -> None:
        """Play a fault and put its name on the record: the last name stands, so wrappers name what they chose."""
        self.record.fault = fault.name
        fault.action(self)

    def send(self, data: bytes) -> None:
        self.conn.send(data)

    def reply(self, status: int = 200, body: bytes = b"", headers: Headers = (JSON,)) -> None:
        self.send(response(status, body, headers))

    def good_body(self) -> bytes:
        return good_json(self.request.texts, self.dim)

    def answer(self) -> None:
        """Send the right vectors of all texts."""
        self.reply(200, self.good_body())
        self.mark_answered()

    def mark_answered(self) -> None:
        """Note that the right vectors of all texts have been sent."""
        assert isinstance(self.record, RequestRecord), "nothing has been asked yet"
        self.record.answered = tuple(text_id(text) for text in self.request.texts)


Action = Callable[[Exchange], None]
BodyBuilder = Callable[[Sequence[str], int], bytes]


@dataclass(frozen=True, slots=True)
class Fault:
    """A named behaviour; `str` gives its name, which makes a readable test id."""

    name: str
    action: Action
    stage: Stage = Stage.REQUEST

    def __str__(self) -> str:
        return self.name


def at(stage: Stage) -> Callable[[Action], Fault]:
    """Make a fault of a function, by its name."""
    return lambda action: Fault(_name(action), action, stage)


fault = at(Stage.REQUEST)


def body_fault(name: str, build: BodyBuilder) -> Fault:
    """A 200 with the JSON body which ``build(texts, dim)`` returns."""
    return Fault(name, lambda ex: ex.reply(200, build(ex.request.texts, ex.dim)))


def body(build: BodyBuilder) -> Fault:
    """The same, by the function's name."""
    return body_fault(_name(build), build)


def _name(function: Any) -> str:
    return str(function.__name__)


def good_body(name: str, build: BodyBuilder) -> Fault:
    """As `body_fault`, for a body that is odd but right: the texts count as answered."""

    def play(ex: Exchange) -> None:
        ex.reply(200, build(ex.request.texts, ex.dim))
        ex.mark_answered()

    return Fault(name, play)


OK = good_body("ok", good_json)
"""The right answer, and the connection stays open."""


@dataclass(frozen=True, slots=True)
class _Vectors:
    """The engine of an emulator that gives the vectors of `support.vectors`."""

    dimension: int
    name: str = "by text"

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return vectors_for(texts, self.dimension).tolist()


def emulated(script: str) -> Fault:
    """What the emulator does by a script of its own language (docs/emulator.md), such as ``status=503 x2, ok``."""

    @functools.cache
    def emulator(dim: int) -> LocalTransport:
        return LocalTransport(FaultLayer(Emulator(_Vectors(dim)), script))

    def play(ex: Exchange) -> None:
        inputs = [{"text": text} for text in ex.request.texts]
        with httpx.Client(transport=emulator(ex.dim), auth=tuple(TEST_KEY.split(":"))) as client:
            try:
                response = client.post(f"http://emulator{EMBED_PATH}", json={"inputs": inputs})
            except httpx.ReadError:
                return ex.conn.rst()
            except httpx.RemoteProtocolError:
                return ex.conn.close()
        ex.reply(response.status_code, response.content, _without_length(response.headers))
        if response.status_code == 200 and FAULT_HEADER not in response.headers:
            ex.mark_answered()
        return None

    return Fault(script, play)


def _without_length(headers: httpx.Headers) -> list[tuple[str, str]]:
    return [pair for pair in headers.multi_items() if pair[0] != "content-length"]


# Scripts

Choice = Callable[[Request], Fault | str]


class Script(Protocol):
    def take(self, stage: Stage, request: Request) -> Fault | None:
        """The fault to play at this stage, or None to go on. At `Stage.REQUEST` it is never None."""
        ...


class InOrder:
    """One fault per request, in the order of their coming; the last one repeats.

    A fault that strikes at connect or after the head takes its turn there. If its turn comes on a connection
    that is already open, it is played after the request.
    """

    def __init__(self, faults: Sequence[Fault | str]) -> None:
        self._faults = [_as_fault(fault) for fault in faults]
        self._next = 0
        self._lock = Lock()

    def take(self, stage: Stage, request: Request) -> Fault | None:
        with self._lock:
            chosen = self._faults[min(self._next, len(self._faults) - 1)]
            if stage not in (Stage.REQUEST, chosen.stage):
                return None
            self._next += 1
            return chosen


@dataclass(frozen=True, slots=True)
class Chosen:
    """A function of the request decides, once the request has been read."""

    choose: Choice

    def take(self, stage: Stage, request: Request) -> Fault | None:
        return _as_fault(self.choose(request)) if stage is Stage.REQUEST else None


class ByConnection:
    """A script of its own for some connections, by number; the others get ``otherwise``."""

    def __init__(self, scripts: Mapping[int, Sequence[Fault | str]], otherwise: Fault = OK) -> None:
        self._scripts = {number: InOrder(faults) for number, faults in scripts.items()}
        self._otherwise = InOrder([otherwise])

    def take(self, stage: Stage, request: Request) -> Fault | None:
        return self._scripts.get(request.connection, self._otherwise).take(stage, request)


def at_random(seed: int, rate: float, faults: Sequence[Fault], otherwise: Fault = OK) -> Choice:
    """Play one of the faults on a share ``rate`` of the requests. The choice depends on seed and number only."""

    def choose(request: Request) -> Fault:
        dice = Random(f"{seed}:{request.number}")
        return dice.choice(faults) if dice.random() < rate else otherwise

    return choose


def later_on_each_connection(later: Fault, otherwise: Fault = OK) -> Choice:
    """Play a fault on every request that comes over a reused connection."""
    return lambda request: later if request.on_connection else otherwise


AnyScript = Fault | str | Sequence[Fault | str] | Choice | Script


def as_script(script: AnyScript) -> Script:
    """A script of whatever stands for one: the emulator's words, a fault, several in order, or a function."""
    if isinstance(script, Fault | str):
        return InOrder([script])
    if isinstance(script, Sequence):
        return InOrder(script)
    return Chosen(script) if callable(script) else script


def _as_fault(fault: Fault | str) -> Fault:
    return emulated(fault) if isinstance(fault, str) else fault
