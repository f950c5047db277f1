"""What a fault is: a name, the moment it strikes, and a function that plays it over an exchange."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from support.connection import Connection
from support.oracle import ConnectionRecord, RequestRecord
from support.reader import Head
from support.vectors import good_json, text_id
from support.wire import JSON, Headers, response


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


def fault(action: Action) -> Fault:
    """Make a fault of a function, by its name."""
    return Fault(_name(action), action)


def at(stage: Stage) -> Callable[[Action], Fault]:
    """The same for a fault that strikes earlier."""
    return lambda action: Fault(_name(action), action, stage)


def body(build: BodyBuilder) -> Fault:
    """Make a fault that answers 200 with the JSON body which ``build(texts, dim)`` returns."""
    return body_fault(_name(build), build)


def body_fault(name: str, build: BodyBuilder) -> Fault:
    return Fault(name, lambda ex: ex.reply(200, build(ex.request.texts, ex.dim)))


def good_body(name: str, build: BodyBuilder) -> Fault:
    """As `body_fault`, for a body that is odd but right: the texts count as answered."""

    def play(ex: Exchange) -> None:
        ex.reply(200, build(ex.request.texts, ex.dim))
        ex.mark_answered()

    return Fault(name, play)


def _name(function: Any) -> str:
    return str(function.__name__)


OK = good_body("ok", good_json)
"""The right answer, and the connection stays open."""
