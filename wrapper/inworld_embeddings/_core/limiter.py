"""How many requests may be in flight, and when the next may start: one pure state machine, no I/O, no lock.

It joins four rules: an AIMD concurrency limit, the gate set by throttles and server hints, the pace learned
from throttles, and the single probes of an outage.
"""

from enum import Enum, auto
from math import inf
from typing import Final

from .backoff import Random, after_hint, throttle_delay
from .outage import Outage
from .pace import Pace

START: Final = 4
CAP: Final = 64
CUT: Final = 0.7
GUARD_CUT: Final = 0.9
REST: Final = 1.0
"""Longer than this without a start, though one was allowed: there was nothing to send."""
LONGEST_GATE: Final = 60.0
"""A longer hint is a decision for the caller (fail, or pause the job); it must not block a client for hours."""


class Outcome(Enum):
    """How a request ended, as far as load is concerned."""

    SUCCESS = auto()
    THROTTLED = auto()
    """429: the server asks for less."""
    FAILED = auto()
    """Reset, timeout, 5xx, bad body: says nothing about load unless most requests end so."""
    CANCELLED = auto()
    """Given up by the caller: nothing is learned."""


class Limiter:
    """Adaptive concurrency limit, driven from one thread with the clock passed in.

    Before a request: ``next_start(now)``; when that is not later than ``now``, ``start(now)``. After it:
    ``finish(now, started_at, outcome, hint)``, exactly once, with the time that was given to ``start``; or
    ``arrived()`` and later ``judge(…)``, where an answer is read only after the next request has started.

    The limit starts at ``start``, grows by 1 per success up to a threshold and by 1/limit beyond it, only
    while it is what holds requests back, and never over ``cap``. Only a throttle cuts it (x 0.7, at most once
    per round trip). An outage lowers it to single probes; afterwards it restarts low.

    Args:
        random: Source of floats in [0, 1) for the jitter of pauses.
        start: First limit, requests in flight.
        cap: Highest limit; also the size the connection pool needs.
        latency_guard: When set, also shrink (x 0.9, once per round trip) while answers take more than this
            many times the quickest recent answer. For servers that get slower, not faster, with more load.

    Attributes:
        limit: The present limit, a float; its whole part counts.
        in_flight: Requests started and not finished.
        gate_until: No request starts before this time.
    """

    __slots__ = (
        "_barren",
        "_cap",
        "_cut_at",
        "_full_at",
        "_guard",
        "_last_at",
        "_outage",
        "_pace",
        "_quickest",
        "_random",
        "_ssthresh",
        "_start",
        "gate_until",
        "in_flight",
        "limit",
    )

    def __init__(
        self, random: Random, *, start: int = START, cap: int = CAP, latency_guard: float | None = None
    ) -> None:
        if not 1 <= start <= cap:
            raise ValueError("start must be at least 1 and at most cap")
        self._random = random
        self._start = start
        self._cap = cap
        self._guard = latency_guard
        self.limit = float(start)
        self.in_flight = 0
        self.gate_until = -inf
        self._ssthresh = float(cap)
        self._cut_at = self._full_at = self._last_at = -inf
        self._barren = 0
        self._quickest = inf
        self._pace = Pace()
        self._outage = Outage(random)

    @property
    def probing(self) -> bool:
        """Whether this is outage mode: one probe at a time."""
        return self._outage.active

    def next_start(self, now: float) -> float:
        """When the next request may start: ``now``, a later time, or ``math.inf`` until one finishes."""
        if self.in_flight >= self._allowed():
            return inf
        own = self._outage.next_probe if self.probing else self._pace.next_start(now)
        return max(now, self.gate_until, own)

    def start(self, now: float) -> None:
        """Record that a request starts now; only right after ``next_start(now)`` allowed it."""
        if not self.in_flight and now - max(self._last_at, self.next_start(self._last_at)) > REST:
            self._pace.rested(now)
        self.in_flight += 1
        self._last_at = now
        if self.in_flight >= int(self.limit):
            self._full_at = now
        self._pace.start(now)
        self._outage.start(now)

    def finish(self, now: float, started_at: float, outcome: Outcome, hint: float | None = None) -> None:
        """Record the end of a request, and how it ended: `arrived` and `judge` in one."""
        self.arrived()
        self.judge(now, started_at, outcome, hint)

    def arrived(self) -> None:
        """Record that a request is no longer in flight; `judge` must follow."""
        self.in_flight -= 1

    def judge(self, now: float, started_at: float, outcome: Outcome, hint: float | None = None) -> None:
        """Record how a request ended.

        Args:
            now: The present.
            started_at: The time given to ``start`` for this request.
            outcome: How it ended.
            hint: Seconds the server asked to wait (Retry-After and its kind), with whatever outcome. The gate
                follows it up to 60 s.
        """
        self._last_at = now
        if hint is not None:
            self.gate_until = max(self.gate_until, now + after_hint(min(hint, LONGEST_GATE), self._random))
        if outcome is Outcome.SUCCESS or outcome is Outcome.FAILED:
            self._judge(now, started_at, success=outcome is Outcome.SUCCESS)
        else:
            self._outage.abandon(now, started_at)
        if outcome is Outcome.THROTTLED and started_at > self._cut_at:
            self._throttled(now, hinted=hint is not None)

    def _allowed(self) -> int:
        if self.probing:  # requests from before the outage may still hang; they must not keep probes out
            return self._cap
        return 1 if self._barren else int(self.limit)

    def _judge(self, now: float, started_at: float, *, success: bool) -> None:
        was_probing = self.probing
        self._outage.finish(now, started_at, success=success)
        if self.probing and not was_probing:
            self._ssthresh = max(2.0, self.limit / 2)
        if was_probing and not self.probing:
            self.limit = max(1.0, min(self._start, self._ssthresh / 2))
        elif success and not self.probing:
            self._grow(now, started_at)
        if success:
            self._barren = 0
            self._pace.success(now)

    def _grow(self, now: float, started_at: float) -> None:
        if self._too_slow(now - started_at):
            if started_at > self._cut_at:
                self._cut(now, GUARD_CUT)
        elif self._full_at >= started_at:  # the limit was reached during this request's life
            step = 1.0 if self.limit < self._ssthresh else 1.0 / self.limit
            self.limit = min(self._cap, self.limit + step)

    def _too_slow(self, latency: float) -> bool:
        if self._guard is None:
            return False
        # Forgets slowly (1 % per 100 answers), so that a service that became slower for good is accepted.
        self._quickest = min(self._quickest * 1.0001, latency)
        return latency > self._guard * self._quickest

    def _throttled(self, now: float, *, hinted: bool) -> None:
        if not hinted:
            self.gate_until = max(self.gate_until, now + throttle_delay(self._barren, self._random))
        self._barren += 1
        self._cut(now, CUT)
        self._pace.throttled(now, max(now, self.gate_until))

    def _cut(self, now: float, factor: float) -> None:
        self.limit = self._ssthresh = max(1.0, self.limit * factor)
        self._cut_at = now
