"""How a server behaves under load and over time: a token bucket, latency with a knee, outages, slow start."""

import time
from collections.abc import Callable
from threading import Lock

from support.fault import OK, Fault, Request
from support.faults_status import status

Clock = Callable[[], float]


class TokenBucket:
    """``rate`` tokens a second, at most ``burst`` in store. Counts what was taken and what was refused."""

    def __init__(self, rate: float, burst: float = 1.0, clock: Clock = time.monotonic) -> None:
        self.taken = 0
        self.refused = 0
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._tokens = burst
        self._filled = clock()
        self._lock = Lock()

    def take(self) -> float:
        """0 if a token was taken, else the seconds until there is one."""
        with self._lock:
            now = self._clock()
            self._tokens = min(self._burst, self._tokens + (now - self._filled) * self._rate)
            self._filled = now
            if self._tokens < 1:
                self.refused += 1
                return (1 - self._tokens) / self._rate
            self._tokens -= 1
            self.taken += 1
            return 0.0


def knee(base: float, capacity: int) -> Callable[[Request], float]:
    """Latency that is ``base`` up to so many requests in flight and grows in proportion beyond."""
    return lambda request: base * max(1.0, request.in_flight / capacity)


class Since:
    """Seconds from the first request to each."""

    def __init__(self) -> None:
        self._first: float | None = None
        self._lock = Lock()

    def __call__(self, request: Request) -> float:
        with self._lock:
            if self._first is None:
                self._first = request.at
            return request.at - self._first


def phases(*parts: tuple[float, Fault], then: Fault = OK) -> Callable[[Request], Fault]:
    """A script by time: ``phases((2.0, OK), (5.0, status(503)))`` fails from second 2 to second 5.

    Each pair gives the second after the first request at which its fault ends.
    """
    since = Since()

    def choose(request: Request) -> Fault:
        now = since(request)
        return next((fault for end, fault in parts if now < end), then)

    return choose


def outage(start: float, seconds: float, fault: Fault | None = None) -> Callable[[Request], Fault]:
    """A script: all is well, then nothing works for so many seconds, then all is well (G02)."""
    return phases((start, OK), (start + seconds, fault or status(503)))


def slower_between(base: float, factor: float, start: float, end: float) -> Callable[[Request], float]:
    """Latency that is ``factor`` times ``base`` from one second to another after the first request (G05)."""
    since = Since()
    return lambda request: base * factor if start <= since(request) < end else base


def slow_start(base: float, seconds: float, factor: float = 10.0) -> Callable[[Request], float]:
    """Latency that falls from ``factor`` times ``base`` to ``base`` in so many seconds (G06)."""
    since = Since()
    return lambda request: base * max(1.0, factor - (factor - 1) * since(request) / seconds)
