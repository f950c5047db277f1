"""What a server saw and did, request by request, and whether vectors that reached a caller are the right ones."""

import base64
import json
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from threading import Condition

import httpx
import numpy as np

from support.vectors import vectors_for

EMBED_PATH = "/ml/v1alpha/embedding:embed"
KEY = base64.b64encode(b"planted-key:planted-secret").decode()
"""That of all clients here."""

_WAIT_SECONDS = 30.0


@dataclass
class RequestRecord:
    """One request, and what became of it. Its repr holds no text and no key.

    ``on_connection`` is its number on its connection, ``in_flight`` includes it. ``answered`` holds its texts, if their
    right vectors were sent to the last byte. It, ``bytes_sent`` and ``finished`` are set when the fault has been
    played, which may be after the client got what it waits for: see `Oracle.wait_until_idle`.
    """

    method: str
    target: str
    head: httpx.Headers = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    number: int = 0
    connection: int = 0
    on_connection: int = 0
    in_flight: int = 0
    started: float = 0.0
    fault: str = ""
    answered: tuple[str, ...] = field(default=(), repr=False)
    bytes_sent: int = 0
    finished: float | None = None

    @cached_property
    def texts(self):
        """The texts of an embed request; none of any other body."""
        try:
            return tuple(item["text"] for item in json.loads(self.body)["inputs"])
        except (ValueError, KeyError, TypeError):
            return ()

    @property
    def authorized(self):
        return self.head.get_list("authorization") == [f"Basic {KEY}"]


@dataclass
class ConnectionRecord:
    number: int = 0
    fault: str = ""
    requests: int = 0
    closed: bool = False


class Oracle:
    """The log and what can be asserted about it. One thread writes it and tells the others."""

    def __init__(self, dim):
        self.dim, self.requests, self.connections, self.in_flight = dim, [], [], 0
        self._changed = Condition()

    def tell(self):
        with self._changed:
            self._changed.notify_all()

    def wait_for(self, condition):
        with self._changed:
            if not self._changed.wait_for(condition, _WAIT_SECONDS):
                raise TimeoutError(f"not within {_WAIT_SECONDS} s; {len(self.requests)} requests came")

    def wait_until_idle(self):
        self.wait_for(lambda: not self.in_flight)

    def wait_until_closed(self):
        self.wait_for(lambda: all(record.closed for record in self.connections))

    def check(self, texts, vectors):
        """Row *i* of ``vectors`` is exactly the float32 vector of text *i*."""
        rows, right = np.asarray(vectors), vectors_for(texts, self.dim)
        assert (rows.shape, rows.dtype) == (right.shape, np.float32)
        assert np.flatnonzero((rows != right).any(axis=1)).tolist() == [], "the rows that are wrong"

    def check_one(self, text, vector):
        self.check([text], np.asarray(vector)[np.newaxis])

    def times_received(self):
        """How often each text came."""
        return Counter(text for record in self.requests for text in record.texts)

    def times_answered(self):
        """How often each text was answered rightly and completely."""
        return Counter(text for record in self.requests for text in record.answered)

    def assert_requests(self, count):
        played = [record.fault for record in self.requests]
        assert len(played) == count, f"{len(played)} requests instead of {count}: {played}"

    def assert_well_formed(self):
        """Every request was an embed request, and no credential stood outside its header."""
        for record in self.requests:
            others = [value for name, value in record.head.multi_items() if name != "authorization"]
            assert (record.method, record.target, bool(record.texts)) == ("POST", EMBED_PATH, True)
            assert record.head["content-type"] == "application/json"
            assert not any(KEY in text for text in [*others, record.body.decode()])
