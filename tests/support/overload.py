"""A simulation of overload: a service, its clients and a virtual clock, as discrete events.

The clients use the very classes that the engine uses (Throttle, Latency, RetryPolicy), so that what is measured is their
behaviour and not that of a model of them. No batch fails because the service is down: each is tried until it succeeds.
Everything random comes from one seeded generator.
"""

import heapq
import random
from collections import deque
from itertools import count
from math import inf
from typing import NamedTuple

from inworld_embeddings._retry import Latency, RetryPolicy, Spent, Timeouts
from inworld_embeddings._throttle import Outcome, Throttle

POLICY = RetryPolicy()


class Reply(NamedTuple):
    """What becomes of a request: after ``latency`` seconds, ``outcome``."""

    latency: float
    outcome: Outcome = Outcome.SUCCESS
    retry_after: float | None = None


class Service:
    """One for all its clients, and the clock. ``answer(now, in_service, latency)`` gives the reply to each request.

    Latencies are between 0.8 and 1.2 of the mean, with a tail of 2 % at twice to three times the mean.
    """

    def __init__(self, answer, rng, mean=0.1):
        self.now, self.rng = 0.0, rng
        self.arrivals, self.in_service, self.peak_in_service = [], 0, 0
        self._answer, self._mean, self._events, self._order = answer, mean, [], count()

    def at(self, when, action, *given):
        heapq.heappush(self._events, (max(when, self.now), next(self._order), action, given))

    def run(self, jobs, horizon=3600.0):
        while any(job.left for job in jobs):
            self.now, _, action, given = heapq.heappop(self._events)
            assert self.now < horizon, "the jobs do not get done"
            action(*given)

    def request(self):
        rng = self.rng
        self.arrivals.append(self.now)
        latency = self._mean * (rng.uniform(2, 3) if rng.random() < 0.02 else rng.uniform(0.8, 1.2))
        reply = self._answer(self.now, self.in_service, latency)
        self.in_service += 1
        self.peak_in_service = max(self.peak_in_service, self.in_service)
        self.at(self.now + reply.latency, self._served)  # work goes on after a client gave up
        return reply

    def _served(self):
        self.in_service -= 1


class Job:
    """The retry loop of a bulk job, event-driven as the engine's is; and what it came to."""

    def __init__(self, service, batches):
        self.service, self.left = service, batches
        self.throttle, self.latency = Throttle(service.rng.random, POLICY, 64), Latency(Timeouts())
        self.done_at, self.restarts = [], []
        self.requests = self.throttled = self.failed = self.timed_out = 0
        self.cuts_without_throttle = self.outages = 0
        self._ready, self._wake_at = deque(Spent() for _ in range(batches)), inf
        service.at(0.0, self._pump)

    def _pump(self):
        now = self.service.now
        while self._ready and (due := self.throttle.next_start(now)) <= now:
            self._send(self._ready.popleft())
        if self._ready and now < due < self._wake_at:
            self._wake_at = due
            self.service.at(due, self._wake)

    def _wake(self):
        self._wake_at = inf
        self._pump()

    def _send(self, batch):
        started, timeout = self.service.now, self.latency.attempt_timeout()
        self.throttle.start(started)
        self.requests += 1
        reply = self.service.request()
        if late := reply.latency > timeout:
            reply = Reply(timeout, Outcome.FAILED)
        self.service.at(started + reply.latency, self._ended, batch, started, reply, late)

    def _ended(self, batch, started, reply, late):
        now = self.service.now
        if late:
            self.timed_out += 1
            self.latency.timed_out(now, started)
        self._judge(started, reply)
        if reply.outcome is Outcome.SUCCESS:
            self.latency.success(now - started)
            self.done_at.append(now)
            self.left -= 1
        else:
            self.service.at(now + self._wait(batch, reply), self._again, batch)
        self._pump()

    def _judge(self, started, reply):
        throttle = self.throttle
        limit, probing = throttle.limit, throttle.probing
        throttle.arrived()
        throttle.judge(self.service.now, started, reply.outcome, reply.retry_after)
        self.outages += throttle.probing and not probing
        if probing and not throttle.probing:
            self.restarts.append(throttle.limit)
        shrunk = throttle.limit < limit and not probing
        self.cuts_without_throttle += shrunk and reply.outcome is not Outcome.THROTTLED

    def _wait(self, batch, reply):
        if reply.outcome is Outcome.THROTTLED:
            self.throttled += 1
            batch.throttles += 1
            base, tries = POLICY.throttle_base, batch.throttles
        else:
            self.failed += 1
            batch.faults += 1
            base, tries = POLICY.transient_base, batch.faults
        return POLICY.wait(base, tries - 1, self.service.rng.random, reply.retry_after)

    def _again(self, batch):
        self._ready.appendleft(batch)
        self._pump()


def run(answer, batches, rng, mean=0.1):
    service = Service(answer, rng, mean)
    job = Job(service, batches)
    service.run([job])
    return job


# What a service does


def throttled(latency, retry_after=None):
    return Reply(latency / 4, Outcome.THROTTLED, retry_after)


def quota(rate, burst=1.0, retry_after=None):
    """A token bucket: over the rate it answers 429, fast, with or without a ``retry_after``."""
    tokens, filled_at = burst, 0.0

    def answer(now, in_service, latency):
        nonlocal tokens, filled_at
        tokens, filled_at = min(burst, tokens + (now - filled_at) * rate), now
        if tokens < 1.0:
            return throttled(latency, retry_after)
        tokens -= 1.0
        return Reply(latency)

    return answer


def window(most, seconds, *, tells=False):
    """A quota per fixed window (60 a minute): after it, 429 until the window ends."""
    used = {}

    def answer(now, in_service, latency):
        number = now // seconds
        used[number] = used.get(number, 0) + 1
        if used[number] > most:
            return throttled(latency, (number + 1) * seconds - now if tells else None)
        return Reply(latency)

    return answer


def slots(most):
    return lambda now, in_service, latency: throttled(latency) if in_service >= most else Reply(latency)


SILENCE = 1e9


def down(start, end, kind):
    """A total outage: refused at once, 503 after a while, or silence."""

    def answer(now, in_service, latency):
        if not start <= now < end:
            return Reply(latency)
        return Reply({"refused": 0.001, "503": latency, "silence": SILENCE}[kind], Outcome.FAILED)

    return answer


def stray(share, seed, reply=throttled):
    """429, or another reply, at random, however little it is asked."""
    rng = random.Random(f"stray {seed}")  # not the service's own numbers once more
    return lambda now, in_service, latency: reply(latency) if rng.random() < share else Reply(latency)


def slow(start, end, factor):
    return lambda now, in_service, latency: Reply(latency * (factor if start <= now < end else 1.0))


def warming_up(start, end, ramp, room=64):
    """Down for a while, then room for a number of requests that grows to ``room`` in ``ramp`` seconds."""

    def answer(now, in_service, latency):
        if now < start:
            return Reply(latency)
        room_now = room * (now - end) / ramp if now >= end else 0
        if in_service >= max(room_now, now >= end):
            return Reply(latency / 4, Outcome.FAILED)
        return Reply(latency)

    return answer
