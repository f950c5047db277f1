"""A discrete-event simulator of overload: server models, a virtual clock, and a job that drives the real core.

The job uses the very classes the engine uses (Throttle, Latency, RetryPolicy), so that what is measured here is
their behaviour and not that of a model of them. A row never fails because the service is down: every batch is
tried until it succeeds. Everything random comes from one seeded generator.
"""

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from math import inf
from typing import Protocol

from inworld_embeddings._retry import Latency, RetryPolicy, Spent, Timeouts
from inworld_embeddings._throttle import Outcome, Throttle

HANG = 1e9
POLICY = RetryPolicy()


class Loop:
    """A virtual clock and the events on it."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def at(self, when: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._events, (max(when, self.now), next(self._order), action))

    def run(self, unfinished: Callable[[], bool], horizon: float = 3600.0) -> None:
        while unfinished():
            when, _, action = heapq.heappop(self._events)
            assert when < horizon, "the job does not get done"
            self.now = when
            action()


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server will do with a request: after ``latency`` seconds, ``outcome``."""

    latency: float
    outcome: Outcome = Outcome.SUCCESS
    retry_after: float | None = None


class Server(Protocol):
    def answer(self, now: float, in_service: int) -> Reply: ...


def latencies(rng: random.Random, mean: float = 0.1) -> Callable[[], float]:
    """Latencies between 0.8 and 1.2 of the mean, with a tail of 2 % at twice to three times the mean."""
    return lambda: mean * (rng.uniform(2, 3) if rng.random() < 0.02 else rng.uniform(0.8, 1.2))


@dataclass
class Site:
    """One server as all its clients share it: counts arrivals and requests in service."""

    loop: Loop
    server: Server
    arrivals: list[float] = field(default_factory=list)
    in_service: int = 0
    peak_in_service: int = 0

    def request(self) -> Reply:
        self.arrivals.append(self.loop.now)
        reply = self.server.answer(self.loop.now, self.in_service)
        self.in_service += 1
        self.peak_in_service = max(self.peak_in_service, self.in_service)
        self.loop.at(self.loop.now + reply.latency, self._served)  # work goes on after a client gave up
        return reply

    def _served(self) -> None:
        self.in_service -= 1


@dataclass
class Tally:
    done_at: list[float] = field(default_factory=list)
    requests: int = 0
    throttled: int = 0
    failed: int = 0
    timed_out: int = 0
    cuts_without_throttle: int = 0
    outages: int = 0
    restarts: list[float] = field(default_factory=list)


class Job:
    """The retry loop of a bulk job, event-driven as the engine's is."""

    def __init__(self, site: Site, throttle: Throttle, batches: int, rng: random.Random) -> None:
        self.site, self.loop, self.throttle, self.rng = site, site.loop, throttle, rng
        self.latency = Latency(Timeouts())
        self.ready = deque(Spent() for _ in range(batches))
        self.left = batches
        self.tally = Tally()
        self._wake_at = inf
        self.loop.at(0.0, self.pump)

    def pump(self) -> None:
        now = self.loop.now
        while self.ready and (due := self.throttle.next_start(now)) <= now:
            self._send(self.ready.popleft())
        if self.ready and now < due < self._wake_at:
            self._wake_at = due
            self.loop.at(due, self._wake)

    def _wake(self) -> None:
        self._wake_at = inf
        self.pump()

    def _send(self, batch: Spent) -> None:
        started, timeout = self.loop.now, self.latency.attempt_timeout()
        self.throttle.start(started)
        self.tally.requests += 1
        reply = self.site.request()
        if reply.latency > timeout:
            self.loop.at(started + timeout, lambda: self._timed_out(batch, started))
        else:
            self.loop.at(started + reply.latency, lambda: self._answered(batch, started, reply))

    def _timed_out(self, batch: Spent, started: float) -> None:
        self.tally.timed_out += 1
        self.latency.timed_out(self.loop.now, started)
        self._answered(batch, started, Reply(0.0, Outcome.FAILED))

    def _answered(self, batch: Spent, started: float, reply: Reply) -> None:
        now = self.loop.now
        self._finish(started, reply)
        if reply.outcome is Outcome.SUCCESS:
            self.latency.success(now - started)
            self.tally.done_at.append(now)
            self.left -= 1
        else:
            self.loop.at(now + self._delay(batch, reply), lambda: self._again(batch))
        self.pump()

    def _finish(self, started: float, reply: Reply) -> None:
        limit, probing = self.throttle.limit, self.throttle.probing
        self.throttle.arrived()
        self.throttle.judge(self.loop.now, started, reply.outcome, reply.retry_after)
        self.tally.outages += self.throttle.probing and not probing
        if probing and not self.throttle.probing:
            self.tally.restarts.append(self.throttle.limit)
        shrunk = self.throttle.limit < limit and not probing
        self.tally.cuts_without_throttle += shrunk and reply.outcome is not Outcome.THROTTLED

    def _delay(self, batch: Spent, reply: Reply) -> float:
        if reply.outcome is Outcome.THROTTLED:
            self.tally.throttled += 1
            batch.throttles += 1
            return POLICY.wait(POLICY.throttle_base, batch.throttles - 1, self.rng.random, reply.retry_after)
        self.tally.failed += 1
        batch.faults += 1
        return POLICY.wait(POLICY.transient_base, batch.faults - 1, self.rng.random, reply.retry_after)

    def _again(self, batch: Spent) -> None:
        self.ready.appendleft(batch)
        self.pump()


def run(server: Server, batches: int, rng: random.Random) -> Job:
    """Run one job to its end."""
    loop = Loop()
    job = Job(Site(loop, server), Throttle(rng.random, POLICY, 64), batches, rng)
    loop.run(lambda: job.left > 0)
    return job


# Server models


@dataclass
class Quota:
    """A token bucket: over the rate it answers 429, fast, with or without a ``retry_after``."""

    latency: Callable[[], float]
    rate: float
    burst: float = 1.0
    retry_after: float | None = None
    tokens: float = inf
    filled_at: float = 0.0

    def answer(self, now: float, in_service: int) -> Reply:
        self.tokens = min(self.burst, self.tokens + (now - self.filled_at) * self.rate)
        self.filled_at = now
        if self.tokens < 1.0:
            return Reply(self.latency() / 4, Outcome.THROTTLED, self.retry_after)
        self.tokens -= 1.0
        return Reply(self.latency())


@dataclass
class Window:
    """A quota per fixed window (60 a minute): after it, 429 until the window ends."""

    latency: Callable[[], float]
    quota: int
    seconds: float
    tells: bool = False
    window: int = -1
    used: int = 0

    def answer(self, now: float, in_service: int) -> Reply:
        if int(now // self.seconds) != self.window:
            self.window, self.used = int(now // self.seconds), 0
        if self.used >= self.quota:
            end = (self.window + 1) * self.seconds
            return Reply(self.latency() / 4, Outcome.THROTTLED, end - now if self.tells else None)
        self.used += 1
        return Reply(self.latency())


@dataclass
class Slots:
    """429 when more than ``slots`` requests are in service."""

    latency: Callable[[], float]
    slots: int

    def answer(self, now: float, in_service: int) -> Reply:
        if in_service >= self.slots:
            return Reply(self.latency() / 4, Outcome.THROTTLED)
        return Reply(self.latency())


@dataclass
class Down:
    """A total outage from ``start`` to ``end``: refused at once, 503 after a while, or silence."""

    latency: Callable[[], float]
    start: float
    end: float
    kind: str = "refused"

    def answer(self, now: float, in_service: int) -> Reply:
        if not self.start <= now < self.end:
            return Reply(self.latency())
        delay = {"refused": 0.001, "503": self.latency(), "silence": HANG}[self.kind]
        return Reply(delay, Outcome.FAILED)


@dataclass
class Faulty:
    """Answers 503 or resets the connection at random."""

    latency: Callable[[], float]
    rng: random.Random
    share: float

    def answer(self, now: float, in_service: int) -> Reply:
        if self.rng.random() < self.share:
            return Reply(self.latency() * self.rng.random(), Outcome.FAILED)
        return Reply(self.latency())


@dataclass
class Stray:
    """Answers 429 at random, however little it is asked."""

    latency: Callable[[], float]
    rng: random.Random
    share: float

    def answer(self, now: float, in_service: int) -> Reply:
        if self.rng.random() < self.share:
            return Reply(self.latency() / 4, Outcome.THROTTLED)
        return Reply(self.latency())


@dataclass
class Slow:
    """Latency times ``factor`` from ``start`` to ``end``."""

    latency: Callable[[], float]
    start: float
    end: float
    factor: float = 10.0

    def answer(self, now: float, in_service: int) -> Reply:
        return Reply(self.latency() * (self.factor if self.start <= now < self.end else 1.0))


@dataclass
class WarmingUp:
    """Down from ``start`` to ``end``, then room for a number of requests that grows to ``room`` in ``ramp`` s."""

    latency: Callable[[], float]
    start: float
    end: float
    ramp: float
    room: int = 64

    def answer(self, now: float, in_service: int) -> Reply:
        if now < self.start:
            return Reply(self.latency())
        room = self.room * (now - self.end) / self.ramp if now >= self.end else 0
        if in_service >= max(room, now >= self.end):
            return Reply(self.latency() / 4, Outcome.FAILED)
        return Reply(self.latency())
