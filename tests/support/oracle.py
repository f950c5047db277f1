"""What the server saw and did, request by request, and whether vectors that reached a caller are the right ones."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Condition
from typing import Any

import numpy as np
from numpy.typing import NDArray

from support.audit import Authorization
from support.vectors import DIM, text_id, vectors_for

_WAIT_SECONDS = 5.0


@dataclass(slots=True)
class RequestRecord:
    """One request. ``answered`` holds the ids of the texts whose right vectors were sent to the last byte.

    Times are seconds of the server's clock. ``answered``, ``bytes_sent`` and ``finished`` are set only when the
    fault has been played, which may be after the client got what it waits for: see `Oracle.wait_until_idle`.
    """

    connection: int
    on_connection: int
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    authorization: Authorization
    credential_elsewhere: bool
    text_ids: tuple[str, ...]
    bytes_received: int
    problem: str | None
    started: float
    number: int = -1
    fault: str = ""
    answered: tuple[str, ...] = ()
    bytes_sent: int = 0
    finished: float | None = None

    def header(self, name: str) -> str | None:
        """A header's first value, or None. Headers with secrets are not in here."""
        return next((value for known, value in self.headers if known == name.lower()), None)


@dataclass(slots=True)
class ConnectionRecord:
    """One accepted connection. ``tls_error`` is why a handshake failed, as OpenSSL names it."""

    number: int
    fault: str = ""
    requests: int = 0
    bytes_received: int = 0
    bytes_sent: int = 0
    tls_error: str | None = None
    closed: bool = False


@dataclass(slots=True)
class Oracle:
    """The log and what can be asserted about it."""

    dim: int = DIM
    requests: list[RequestRecord] = field(default_factory=list)
    connections: list[ConnectionRecord] = field(default_factory=list)
    in_flight: int = 0
    _changed: Condition = field(default_factory=Condition)

    def add_connection(self, record: ConnectionRecord) -> None:
        with self._changed:
            self.connections.append(record)
            self._changed.notify_all()

    def add_request(self, record: RequestRecord, connection: ConnectionRecord) -> int:
        """Number and keep a request that has been read; returns how many are in flight with it."""
        with self._changed:
            record.number = len(self.requests)
            self.requests.append(record)
            connection.requests += 1
            self.in_flight += 1
            self._changed.notify_all()
            return self.in_flight

    def finish_request(self, record: RequestRecord, now: float) -> None:
        with self._changed:
            record.finished = now
            self.in_flight -= 1
            self._changed.notify_all()

    def finish_connection(self, record: ConnectionRecord) -> None:
        with self._changed:
            record.closed = True
            self._changed.notify_all()

    def wait_for_requests(self, count: int, seconds: float = _WAIT_SECONDS) -> None:
        """Return when that many requests have come. Raises `TimeoutError`."""
        self.wait_for(lambda: len(self.requests) >= count, seconds)

    def wait_until_idle(self, seconds: float = _WAIT_SECONDS) -> None:
        """Return when every request has been played to its end. Raises `TimeoutError`."""
        self.wait_for(lambda: not self.in_flight, seconds)

    def wait_until_closed(self, seconds: float = _WAIT_SECONDS) -> None:
        """Return when every connection is closed, by whichever side. Raises `TimeoutError`."""
        self.wait_for(lambda: all(record.closed for record in self.connections), seconds)

    def wait_for(self, condition: Callable[[], bool], seconds: float = _WAIT_SECONDS) -> None:
        with self._changed:
            if not self._changed.wait_for(condition, seconds):
                raise TimeoutError(f"not within {seconds} s; {len(self.requests)} requests came")

    def check(self, texts: Sequence[str], vectors: Any) -> None:
        """Raise `AssertionError` unless row *i* of ``vectors`` is exactly the vector of text *i*.

        Expects float32 of shape ``(n, dim)``. The message says whose vector stands in the wrong place.
        """
        rows, right = np.asarray(vectors), vectors_for(texts, self.dim)
        assert rows.shape == right.shape, f"shape {rows.shape} instead of {right.shape}"
        assert rows.dtype == np.float32, f"dtype {rows.dtype}"
        wrong = np.flatnonzero((rows != right).any(axis=1))
        if wrong.size:
            index = int(wrong[0])
            owner = _owner(rows[index], right)
            raise AssertionError(f"{wrong.size} rows are wrong; row {index} holds {owner}")

    def check_one(self, text: str, vector: Any) -> None:
        """The same for one vector of shape ``(dim,)``."""
        self.check([text], np.asarray(vector)[np.newaxis])

    def times_received(self) -> Counter[str]:
        """How often each text came, by its id (``vectors.text_id``)."""
        return Counter(one for record in self.requests for one in record.text_ids)

    def times_answered(self) -> Counter[str]:
        """How often each text was answered rightly and completely, by its id."""
        return Counter(one for record in self.requests for one in record.answered)

    def all_answered(self, texts: Sequence[str]) -> bool:
        return set(map(text_id, texts)) <= self.times_answered().keys()

    def faults_played(self) -> Counter[str]:
        """How often each fault was played, at connect or on a request."""
        at_connect = (record.fault for record in self.connections if record.fault)
        return Counter([*at_connect, *(record.fault for record in self.requests)])

    def assert_requests(self, count: int) -> None:
        played = [record.fault for record in self.requests]
        assert len(played) == count, f"{len(played)} requests instead of {count}: {played}"

    def assert_connections(self, count: int) -> None:
        assert len(self.connections) == count, f"{len(self.connections)} connections instead of {count}"

    def assert_well_formed(self) -> None:
        """Every request was an embed request, and no credential stood outside its header."""
        problems = [record.problem for record in self.requests if record.problem]
        assert not problems, problems
        assert not any(record.credential_elsewhere for record in self.requests), "the credential leaked"


def _owner(row: NDArray[np.float32], right: NDArray[np.float32]) -> str:
    matches = np.flatnonzero((right == row).all(axis=1))
    return f"the vector of text {int(matches[0])}" if matches.size else "the vector of no text of this call"
