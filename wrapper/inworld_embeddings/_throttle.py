"""How many requests may be in flight, and when the next may start: one pure state machine, no I/O, no lock.

`Throttle` joins six rules: a concurrency limit, the gate set by throttles and by ``retry_after``, the single probes of
an outage, the adaptive rate learned from throttles, which throttles are chance, and the caller's fixed rate limit.
"""

from collections import deque
from enum import Enum, auto
from math import inf
from typing import Final

from ._retry import Random, RetryPolicy, full_jitter

FIRST_LIMIT: Final = 4
CUT: Final = 0.7
REST: Final = 1.0
"""Seconds. Longer than this without a start, though one was allowed: there was nothing to send."""

OUTCOMES: Final = 32
ENOUGH_OUTCOMES: Final = 16
SHARE: Final = 0.25
"""Under half also happens by chance: with 30 % random faults at one look in 190, which in the simulator stopped a
job of 10 000 batches 18 times (72 s instead of 21 s). Under a quarter does so at one look in 38 million, and a
real outage gets there only eight requests later."""
PROBE_BASE: Final = 1.0
PROBE_CAP: Final = 10.0
PROBE_SILENCE: Final = 15.0
"""Seconds. A probe sent into a black hole hangs until its timeout. The next one does not wait for it longer than this,
so that work resumes within 20 s of recovery whatever the timeout is."""
LAST_SILENCE: Final = 1.0
"""The same while a deadline is near."""
PROBE_GAP: Final = 0.25
"""Seconds from the end of a probe to the next one, however near a deadline is."""

SLACK: Final = 0.01
RATE_CUT: Final = 0.15
EPOCH_SECONDS: Final = 2.0
EPOCH_SUCCESSES: Final = 50
BELOW: Final = 0.95
"""The ceiling is put this far under the rate that was throttled, or the next throttle would come too soon."""
STEEP: Final = 2.0
"""From this epoch on the curve is so steep that an average over all of it lies far below its end."""
ENOUGH_SUCCESSES: Final = 8
"""With fewer successes than this a measured rate is mostly noise."""
TICK: Final = 1e-3

FORGIVEN: Final = 0.1
"""So much of a throttle each success takes off: throttles among more than ten successes do not add up."""
AWAITED: Final = 0.05
"""So much each request in flight does: throttles come back sooner than successes."""
CROWD: Final = 1.8
"""Throttles left over at one time. Two within three outcomes are rare by chance where one in thirty is throttled."""
UNKNOWN_CROWD: Final = 2.0
FEW: Final = 4
"""Successes since a cut, at least, before a throttle may speak for chance."""
CHANCES: Final = 2
LOWER: Final = 0.93
"""Where a ceiling is put after a throttle below it: it may have been measured a little too high."""
FAR_BELOW: Final = 0.6
MOST_TOLERANCE: Final = 3
LONG_WAIT: Final = 2.0
"""Seconds. A server that asks for more means it."""


class Outcome(Enum):
    """How a request ended, as far as load is concerned."""

    SUCCESS = auto()
    REFUSED = auto()
    """An error about the request: the service lives, which is no reason to send it more at a time."""
    THROTTLED = auto()
    """429: the server asks for less."""
    FAILED = auto()
    """Reset, timeout, 5xx, bad body: says nothing about load unless most requests end so."""
    CANCELLED = auto()
    """Given up by the caller: nothing is learned."""


class RateLimit:
    """A fixed rate of starts for a known quota: 1/rate seconds apart, nothing to save up.

    A caller that woke up to 10 ms late catches up: timers are late by about a millisecond, which at hundreds of
    starts per second would otherwise cost real throughput.

    Args:
        rate: Starts per second, above 0.

    Attributes:
        next_at: When the next start is due.
    """

    def __init__(self, rate: float) -> None:
        self._interval = 1.0 / rate
        self.next_at = -inf

    def start(self, now: float) -> None:
        """Records a start."""
        on_time = now - self.next_at <= SLACK
        self.next_at = (self.next_at if on_time else now) + self._interval


class AdaptiveRate:
    """How many starts per second the quota seems to allow: unlimited until a throttle teaches it.

    A concurrency limit alone cannot obey a quota per second: one request at a time may already be too many, and
    growing by one per round trip runs into the ceiling every few requests. So a throttle also teaches a rate. It
    restarts at 0.85 of the ceiling, flattens out at it, then probes beyond it along a cubic (the shape TCP CUBIC
    uses). One unit of that curve, an epoch, is at least 2 seconds and 50 successes long, which keeps throttles
    near one in a hundred requests.

    Attributes:
        known: Whether a throttle has taught a rate.
        next_at: When the next start is due.
    """

    def __init__(self) -> None:
        self.known = False
        self.next_at = -inf
        self._ceiling, self._worked = inf, 0.0
        self._since = -inf
        self._successes = 0
        self._paused = 0.0
        self._recent: deque[float] = deque(maxlen=32)

    def start(self, now: float) -> None:
        """Records a start, once a rate is known."""
        self.next_at = max(now, self.next_at) + 1.0 / self._rate(now)

    def success(self, now: float) -> None:
        """Records a success."""
        self._successes += 1
        self._recent.append(now - self._paused)

    def rested(self, now: float) -> None:
        """Forgets what was counted: there was nothing to send, which says nothing about the quota."""
        self._since, self._successes = now, 0
        self._recent.clear()

    def throttled(self, now: float, resume_at: float) -> None:
        """Learns from a throttle, if there were successes to learn from.

        Args:
            now: The present.
            resume_at: When starts go on. Until a rate is known, the time up to then is not counted as slow
                service: a server without any burst would otherwise look far slower than it is.
        """
        if self._successes < (1 if self.known else ENOUGH_SUCCESSES):
            self._paused += resume_at - now
            return
        came_back = self.known and self._epochs(now) >= 1.0
        self._worked = max(self._worked, self._ceiling) if came_back else 0.0
        self._ceiling = self._measured(now)
        self.known = True
        self._since, self._successes = now, 0
        self.start(now)

    def is_below_ceiling(self, now: float) -> bool:
        """Whether the rate is known, and below what was refused at its last cut or worked for an epoch."""
        return self.known and (self._epochs(now) < 1.0 or self._rate(now) < FAR_BELOW * self._worked)

    def lower(self) -> None:
        """Puts the ceiling a little lower."""
        self._ceiling *= LOWER

    def forget(self) -> None:
        """The rate is unlimited again."""
        self.known, self.next_at = False, -inf
        self._successes, self._paused = 0, 0.0
        self._recent.clear()

    def _rate(self, now: float) -> float:
        return self._ceiling * (1.0 + RATE_CUT * (self._epochs(now) - 1.0) ** 3)

    def _epochs(self, now: float) -> float:
        return min((now - self._since) / EPOCH_SECONDS, self._successes / EPOCH_SUCCESSES)

    def _measured(self, now: float) -> float:
        recent = len(self._recent) / max(now - self._paused - self._recent[0], TICK)
        if not self.known:
            return recent
        allowed = self._rate(now)
        average = (self._successes + 1) / max(now - self._since, TICK)
        served = recent if self._epochs(now) > STEEP else average
        least = allowed * (0.25 if self._successes >= ENOUGH_SUCCESSES else 0.5)
        return min(BELOW * allowed, max(served, least))


class Chance:
    """Tells throttles that come by chance from those that load brings.

    A cut answers load: below the rate that was refused, a quota refuses nothing more. So a throttle down there, alone
    among successes, speaks for chance; the ceiling is only put a little lower. If another follows all the same, chance
    is proved: the rate is forgotten, and from then on it takes a crowd of throttles to cut it, a larger one after each
    such proof. A throttle that comes once the rate is back at its ceiling speaks for load again.
    """

    def __init__(self) -> None:
        self._excess = 0.0
        self._suspected = False
        self._chances = self._tolerance = self._new = 0

    def throttled(self, in_flight: int, *, known: bool, below: bool) -> bool:
        """Whether to act on a throttle.

        Args:
            in_flight: Requests that have not come back.
            known: Whether a rate is known.
            below: Whether that is below its ceiling.
        """
        self._excess += 1.0
        if below:
            acts = self._excess - AWAITED * in_flight >= CROWD
            self._suspected |= not acts and self._new >= FEW
            return acts
        return known or self._excess >= UNKNOWN_CROWD + self._tolerance

    def cut(self, *, at_ceiling: bool) -> None:
        """The rate is cut."""
        if at_ceiling and not self._suspected:
            self._tolerance, self._chances = max(0, self._tolerance - 1), 0
        self._excess, self._new, self._suspected = 0.0, 0, False

    def success(self, *, known: bool, new: bool) -> int:
        """How many throttles below the ceiling have turned out to be alone by now, if one just has; else 0.

        Args:
            known: As above.
            new: Whether the request started after the cut.
        """
        self._new += new
        self._excess = max(0.0, self._excess - FORGIVEN * (1 if known else 1 + self._tolerance))
        if not self._suspected or self._excess:
            return 0
        self._suspected, self._chances = False, self._chances + 1
        return self._chances

    def proved(self) -> None:
        """It is chance."""
        self._chances, self._tolerance = 0, min(MOST_TOLERANCE, self._tolerance + 1)


class Throttle:
    """Says when the next request may start, and learns from how each one ended. Driven from one thread.

    Before a request: ``next_start(now)``; when that is not later than ``now``, ``start(now)``. After it: ``arrived()``
    and, perhaps later, ``judge(…)`` with the time that was given to ``start``, each exactly once: a response may be
    read after the next request has started. Times are in seconds, of any one clock.

    The concurrency limit starts at 4, grows by 1 per success up to a threshold and by 1/limit beyond it, only while it
    is what holds requests back, and never over ``max_concurrency``. Only throttles cut it (x 0.7, at most once per
    round trip), unless they come by `Chance`. After a cut, requests go one at a time until one succeeds.

    An outage begins when under a quarter of the last 32 outcomes (at least 16) were successes; throttles do not count,
    they come from a living server. From then on requests are probes, one at a time, until one that was started since
    then succeeds; the limit restarts low. Outcomes of requests from before either change are not counted.

    Args:
        random: Source of floats in [0, 1) for the jitter of pauses.
        policy: Its throttle waits, and the longest ``retry_after``, hold for the gate too.
        max_concurrency: Highest limit, at least 1; also the size the connection pool needs.
        rate_limit: Most starts per second, above 0; None for no fixed limit.

    Attributes:
        limit: The present concurrency limit, a float; its whole part counts.
        in_flight: Requests started and not arrived.
        probing: Whether this is an outage: one probe at a time.
    """

    def __init__(
        self, random: Random, policy: RetryPolicy, max_concurrency: int, rate_limit: float | None = None
    ) -> None:
        self._random, self._policy, self._max = random, policy, max_concurrency
        self.limit, self._threshold = float(min(FIRST_LIMIT, max_concurrency)), float(max_concurrency)
        self.in_flight = 0
        self._cut_at = self._full_at = self._last_at = self._gate = self._backoff = -inf
        self._throttles = 0  # without a success in between
        self._fixed = RateLimit(rate_limit) if rate_limit is not None else None
        self._adaptive, self._chance = AdaptiveRate(), Chance()
        self.probing = False
        self._outcomes: deque[bool] = deque(maxlen=OUTCOMES)
        self._changed_at = self._probe_ended = -inf
        self._probe_started: float | None = None
        self._probes = 0

    @property
    def blocked(self) -> bool:
        """Whether nothing succeeds at present, so that requests go one at a time."""
        return self.probing or self._throttles > 0

    @property
    def opens_at(self) -> float:
        """Before this nothing starts for certain: the server asked to wait, or the caller's rate limit does not allow it."""
        return self._gate if self._fixed is None else max(self._gate, self._fixed.next_at)

    def next_start(self, now: float, last_chance: float = inf) -> float:
        """When the next request may start: ``now``, a later time, or ``math.inf`` until one arrives.

        Args:
            now: The present.
            last_chance: While nothing succeeds, a request starts at this time at the latest, if none is in flight:
                later, somebody's deadline would come first.
        """
        allowed = 1 if self._throttles else int(self.limit)
        if self.probing:  # requests from before the outage may still hang; they must not keep probes out
            allowed = self._max
        if self.in_flight >= allowed:
            return inf
        due = max(self._backoff, self._adaptive.next_at)
        if self._probe_started is not None:
            due = min(
                self._probe_started + PROBE_SILENCE, max(self._probe_started + LAST_SILENCE, last_chance)
            )
        elif self.blocked:
            due = min(self._backoff, max(self._probe_ended + PROBE_GAP, last_chance))
        return max(now, self.opens_at, due)

    def start(self, now: float) -> None:
        """Records that a request starts now; only right after ``next_start(now)`` allowed it."""
        idle = not self.in_flight and now - self._last_at > REST
        if idle and now - self.next_start(self._last_at) > REST:
            self._adaptive.rested(now)
        self.in_flight += 1
        self._last_at = now
        if self.in_flight >= int(self.limit):
            self._full_at = now
        if self.probing:
            self._probe_started = now
        if self._adaptive.known:
            self._adaptive.start(now)
        if self._fixed is not None:
            self._fixed.start(now)

    def arrived(self) -> None:
        """Records that a request is no longer in flight; `judge` must follow."""
        self.in_flight -= 1

    def judge(
        self, now: float, started_at: float, outcome: Outcome, retry_after: float | None = None
    ) -> None:
        """Records how a request ended.

        Args:
            now: The present.
            started_at: The time given to ``start`` for this request.
            outcome: How it ended.
            retry_after: Seconds the server asked to wait, with whatever outcome. The gate follows it up to 60 s:
                a longer one is a decision for the caller, and must not block a client for hours.
        """
        self._last_at = now
        if retry_after is not None:
            asked = min(retry_after, self._policy.longest_retry_after)
            self._gate = max(self._gate, now + self._policy.wait(0.0, 0, self._random, asked))
        if outcome is Outcome.SUCCESS or outcome is Outcome.REFUSED:
            self._alive(now, started_at, outcome)
        elif outcome is Outcome.FAILED:
            self._failed(now, started_at)
        else:
            if self.probing and started_at == self._probe_started:
                self._probe_later(now)  # it proved nothing
            if outcome is Outcome.THROTTLED and started_at > self._cut_at:
                adaptive, below = self._adaptive, self._adaptive.is_below_ceiling(now)
                acts = self._chance.throttled(self.in_flight, known=adaptive.known, below=below)
                if acts or self._throttles or (retry_after or 0.0) > LONG_WAIT:  # none of that is chance
                    self._chance.cut(at_ceiling=adaptive.known and not below and not self._throttles)
                    self._throttled(now, retry_after)

    def _alive(self, now: float, started_at: float, outcome: Outcome) -> None:
        self._throttles = 0
        if started_at > self._cut_at:  # perhaps a last chance, before the time
            self._backoff = -inf
        self._adaptive.success(now)
        self._judge_chance(started_at)
        if self.probing:
            if started_at >= self._changed_at:
                self._change(now, probing=False)
                self.limit = max(1.0, min(FIRST_LIMIT, self._max, self._threshold / 2))
            return
        if started_at >= self._changed_at:
            self._outcomes.append(True)
        was_full = started_at <= self._full_at  # the limit was reached during this request's life
        if was_full and outcome is Outcome.SUCCESS:
            step = 1.0 if self.limit < self._threshold else 1.0 / self.limit
            self.limit = min(self._max, self.limit + step)

    def _judge_chance(self, started_at: float) -> None:
        chances = self._chance.success(known=self._adaptive.known, new=started_at > self._cut_at)
        if chances >= CHANCES:
            self._chance.proved()
            self._adaptive.forget()
            self._threshold = float(self._max)
        elif chances:
            self._adaptive.lower()

    def _throttled(self, now: float, retry_after: float | None) -> None:
        if retry_after is None:
            wait = self._policy.wait(self._policy.throttle_base, self._throttles, self._random)
            self._backoff = max(self._backoff, now + wait)
        self._throttles += 1
        self._probe_ended = now
        self.limit = self._threshold = max(1.0, self.limit * CUT)
        self._cut_at = now
        self._adaptive.throttled(now, max(now, self._gate, self._backoff))

    def _failed(self, now: float, started_at: float) -> None:
        if started_at < self._changed_at:
            return
        if self.probing:
            if started_at == self._probe_started:
                self._probe_later(now)
            return
        self._outcomes.append(False)
        seen = len(self._outcomes)
        if seen >= ENOUGH_OUTCOMES and sum(self._outcomes) < SHARE * seen:
            self._change(now, probing=True)
            self._probe_later(now)
            self._threshold = max(2.0, self.limit / 2)

    def _change(self, now: float, *, probing: bool) -> None:
        self.probing, self._changed_at, self._probes, self._probe_started = probing, now, 0, None
        self._backoff = -inf
        self._outcomes.clear()

    def _probe_later(self, now: float) -> None:
        self._probe_started, self._probe_ended = None, now
        self._backoff = now + full_jitter(self._probes, self._random, base=PROBE_BASE, cap=PROBE_CAP)
        self._probes += 1
