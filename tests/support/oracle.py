"""What a server saw and did, request by request, and whether vectors that reached a caller are the right ones."""

import base64
import json
from collections import Counter
from dataclasses import dataclass, field
from threading import Condition

import numpy as np

from support.vectors import DIM, text_id, vectors_for

EMBED_PATH = "/ml/v1alpha/embedding:embed"
KEY = base64.b64encode(b"planted-key:planted-secret").decode()
"""That of all clients here."""

_WAIT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Head:
    """Request line and headers as they came; names in lower case."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]

    def all(self, name):
        return [value for known, value in self.headers if known == name.lower()]

    def get(self, name):
        return next(iter(self.all(name)), None)


def texts_in(body):
    """The texts of an embed request; None for any other body."""
    try:
        texts = tuple(item["text"] for item in json.loads(body)["inputs"])
    except (ValueError, KeyError, TypeError):
        return None
    return texts if all(isinstance(text, str) for text in texts) else None


@dataclass(slots=True)
class RequestRecord:
    """One request, and what became of it. Its repr holds no text and no key.

    ``on_connection`` is its number on its connection, ``in_flight`` includes it. ``answered`` holds the ids of its texts,
    if their right vectors were sent to the last byte. It, ``bytes_sent`` and ``finished`` are set when the fault has been
    played, which may be after the client got what it waits for: see `Oracle.wait_until_idle`.
    """

    head: Head = field(repr=False)
    body: bytes = field(repr=False)
    texts: tuple[str, ...] = field(repr=False)
    number: int
    connection: int
    on_connection: int
    in_flight: int
    started: float
    problem: str | None
    fault: str = ""
    answered: tuple[str, ...] = ()
    bytes_sent: int = 0
    finished: float | None = None

    @property
    def text_ids(self):
        return tuple(map(text_id, self.texts))

    @property
    def authorized(self):
        return self.head.all("authorization") == [f"Basic {KEY}"]


def _problem(head, body, texts):
    """Why this is no request that a right client would send, or None."""
    if head.method != "POST" or head.target != EMBED_PATH:
        return f"asked for {head.method} {head.target.partition('?')[0]}"
    if texts is None:
        return "the body is no embed request"
    if (head.get("content-type") or "").partition(";")[0] != "application/json":
        return "the content type is not JSON"
    others = [value for name, value in head.headers if name != "authorization"]
    if any(KEY in text for text in others) or KEY.encode() in body:
        return "the credential leaked"
    return None


@dataclass(slots=True)
class ConnectionRecord:
    number: int
    fault: str = ""
    requests: int = 0
    closed: bool = False


@dataclass(slots=True)
class Oracle:
    """The log and what can be asserted about it."""

    dim: int = DIM
    requests: list[RequestRecord] = field(default_factory=list)
    connections: list[ConnectionRecord] = field(default_factory=list)
    in_flight: int = 0
    changed: Condition = field(default_factory=Condition)

    def add_connection(self, record):
        with self.changed:
            self.connections.append(record)
            self.changed.notify_all()

    def add_request(self, head, body, connection, started):
        texts = texts_in(body)
        with self.changed:
            self.in_flight += 1
            record = RequestRecord(
                head=head,
                body=body,
                texts=texts or (),
                number=len(self.requests),
                connection=connection.number,
                on_connection=connection.requests,
                in_flight=self.in_flight,
                started=started,
                problem=_problem(head, body, texts),
            )
            self.requests.append(record)
            connection.requests += 1
            self.changed.notify_all()
            return record

    def finish_request(self, record, now):
        with self.changed:
            record.finished = now
            self.in_flight -= 1
            self.changed.notify_all()

    def finish_connection(self, record):
        with self.changed:
            record.closed = True
            self.changed.notify_all()

    def wait_until_idle(self):
        self.wait_for(lambda: not self.in_flight)

    def wait_until_closed(self):
        self.wait_for(lambda: all(record.closed for record in self.connections))

    def wait_for(self, condition):
        with self.changed:
            if not self.changed.wait_for(condition, _WAIT_SECONDS):
                raise TimeoutError(f"not within {_WAIT_SECONDS} s; {len(self.requests)} requests came")

    def check(self, texts, vectors):
        """Row *i* of ``vectors`` is exactly the float32 vector of text *i*."""
        rows, right = np.asarray(vectors), vectors_for(texts, self.dim)
        assert (rows.shape, rows.dtype) == (right.shape, np.float32)
        assert np.flatnonzero((rows != right).any(axis=1)).tolist() == [], "the rows that are wrong"

    def check_one(self, text, vector):
        self.check([text], np.asarray(vector)[np.newaxis])

    def times_received(self):
        """How often each text came, by its id (``vectors.text_id``)."""
        return Counter(one for record in self.requests for one in record.text_ids)

    def times_answered(self):
        """How often each text was answered rightly and completely, by its id."""
        return Counter(one for record in self.requests for one in record.answered)

    def assert_requests(self, count):
        played = [record.fault for record in self.requests]
        assert len(played) == count, f"{len(played)} requests instead of {count}: {played}"

    def assert_connections(self, count):
        assert len(self.connections) == count, f"{len(self.connections)} connections instead of {count}"

    def assert_well_formed(self):
        """Every request was an embed request, and no credential stood outside its header."""
        problems = [record.problem for record in self.requests if record.problem]
        assert not problems, problems
