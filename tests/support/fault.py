"""What a fault is, the bytes it is made of, and the scripts that say which is played when."""

import asyncio
import base64
import functools
from dataclasses import dataclass, replace
from enum import Enum
from http.client import responses
from random import Random
from types import SimpleNamespace

from inworld_embeddings_emulator import TEST_KEY, Emulator
from inworld_embeddings_emulator import messages as emulators
from inworld_embeddings_emulator.faults import HEADER, FaultLayer, Faults
from inworld_embeddings_emulator.http import reply_bytes
from support.vectors import good_json, vectors_for

# The bytes of responses, written by hand so that they can also be wrong.

JSON = ("Content-Type", "application/json")
TEXT = ("Content-Type", "text/plain; charset=utf-8")
CHUNKED = ("Transfer-Encoding", "chunked")


def head(status=200, headers=(JSON,)):
    """Status line, headers and the empty line, exactly as given: no length is added."""
    lines = [f"HTTP/1.1 {status} {responses.get(status, 'Unassigned')}"]
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


@dataclass
class Exchange:
    """One request (or, at `Stage.CONNECT`, one bare connection) and the means to answer it, or not to."""

    conn: object
    request: object
    dim: int

    async def play(self, fault):
        chosen = _as_fault(fault)
        self.request.fault = chosen.name
        await chosen.action(self)

    async def send(self, data):
        await self.conn.send(data)

    def good_body(self):
        return good_json(self.request.texts, self.dim)


@dataclass(frozen=True, slots=True)
class Fault:
    """A named behaviour: a coroutine function of an `Exchange`. Its name makes a readable test id."""

    name: str
    action: object
    stage: Stage = Stage.REQUEST

    def __str__(self):
        return self.name


def at(stage):
    return lambda action: Fault(action.__name__, action, stage)


def held(event):
    """A good response, once an event is set."""

    async def play(ex):
        await event.wait()
        await ex.play(OK)

    return Fault("held", play)


def sends(name, make, end=None):
    """Sends the bytes that ``make(exchange)`` gives, then ends the connection in this way, if any."""

    async def play(ex):
        await ex.send(make(ex))
        if end:
            await end(ex.conn)

    return Fault(name, play)


def answer(name, status, body=b"", headers=(JSON,)):
    return sends(name, lambda _: response(status, body, headers))


def status(http, *, message="it did not work", details=(), headers=()):
    """An error with a gateway body, where the emulator's words do not say enough."""
    reply = emulators.status_reply(http, message, details)
    return answer(f"status_{http}", http, reply.body, [JSON, *headers])


# What the emulator does, in its own words.

OK = "ok"


@functools.cache
def _emulator(dim):
    embed = lambda texts: vectors_for(texts, dim).tolist()  # noqa: E731
    return Emulator(SimpleNamespace(name="by text", dimension=dim, embed=embed))


_KEY = f"Basic {base64.b64encode(TEST_KEY.encode()).decode()}"
"""The emulator's; whether a request had the right one is the log's business."""


def emulated(script):
    """What the emulator does by a script of its own language (docs/use/local-mode.md), such as ``status=503 x2, ok``."""
    faults = Faults(script)

    async def play(ex):
        request, layer = ex.request, FaultLayer(_emulator(ex.dim), faults)
        headers = dict(request.head) | {"authorization": _KEY}
        reply = layer.handle(emulators.Request(request.method, request.target, headers, request.body))
        await _carry(ex, reply)
        if reply.status == 200 and HEADER not in dict(reply.headers):
            request.answered = request.texts

    return Fault(script, play)


async def _carry(ex, reply):
    """Send a reply as the emulator's server does, without the headers by which the emulator can be told from the API."""
    own = tuple(pair for pair in reply.headers if not pair[0].startswith("x-inworld-"))
    await asyncio.sleep(reply.carriage.delay)
    await ex.send(reply_bytes(replace(reply, headers=own), close=False))
    if reply.carriage.end is not None:
        await asyncio.sleep(0.02)  # or a reset would overtake the bytes
        await (ex.conn.rst() if reply.carriage.reset else ex.conn.close())


def _as_fault(fault):
    return emulated(fault) if isinstance(fault, str) else fault


# Scripts: functions of a stage and, once it has been read, the request, that give a fault or None


def as_script(script):
    """Of a list, one fault per request, the last one for ever. Where its stage is over, it is played after the request."""
    if callable(script):
        return lambda stage, request=None: script(request) if stage is Stage.REQUEST else None
    left = [_as_fault(fault) for fault in (script if isinstance(script, list | tuple) else [script])]

    def play(stage, request=None):
        if stage not in (Stage.REQUEST, left[0].stage):
            return None
        return left.pop(0) if len(left) > 1 else left[0]

    return play


def at_random(seed, rate, faults):
    """Play one of the faults on a share ``rate`` of the requests. The choice depends on seed and number only."""

    def choose(request):
        dice = Random(f"{seed}:{request.number}")
        return dice.choice(faults) if dice.random() < rate else OK

    return choose
