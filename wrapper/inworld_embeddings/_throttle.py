"""How many requests may be in flight, and when the next may start: one pure state machine, no I/O, no lock.

The law: Work starts with four requests in flight and doubles per round trip. The first crowd of throttles cuts the
concurrency limit and teaches a rate at which starts are spaced out; it climbs until it is throttled, settles under that,
and tries a little more every few seconds. A throttle that comes just after the limit had grown takes that one step
back, any other lowers the rate, and lone ones well below what was refused before are chance. While nothing but
throttles comes back, requests go one at a time, with longer and longer pauses. Failures slow nothing down, unless most
requests end so: then single probes look for the end of the outage.
"""

from collections import deque
from enum import Enum, auto
from math import inf
from typing import Final

from ._retry import Random, RetryPolicy, full_jitter

FIRST_LIMIT: Final = 4
CUT: Final = 0.7
HOLD: Final = 24
"""Successes at a full limit before it grows again after a step too far. Doubles up to the next figure."""
LONGEST_HOLD: Final = 256
REST: Final = 1.0
"""Seconds. Longer than this without a start, though one was allowed: there was nothing to send."""

OUTCOMES: Final = 32
ENOUGH_OUTCOMES: Final = 16
SHARE: Final = 0.25
"""Under half also happens by chance: with 30 % random faults at one look in 190, which in a simulation stopped a
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
ENOUGH_SUCCESSES: Final = 4
"""With fewer successes than this a measured rate is mostly noise."""
FIRST_SHARE: Final = 0.5
"""The climb begins at this share of the measured rate: a burst that was saved up makes it too high."""
CLIMBED: Final = 0.5
ALONE: Final = 0.6
CROWDED: Final = 0.4
TOLD: Final = 0.2
"""The least share of a refused rate that is kept: at the end of a climb, which went too far by a doubling at most; of one
refused once, by a crowd, by a server that asks to wait."""
BELOW: Final = 0.95
"""The most that is kept, or the next throttle would come too soon."""
LONG: Final = 100
"""Successes after which a lone throttle too begins a new measurement."""
RATE_CUT: Final = 0.15
EPOCH_SECONDS: Final = 2.0
EPOCH_SUCCESSES: Final = 50
FIRST_EPOCH: Final = 0.5
"""Epochs: while the ceiling is little known, it is looked for faster. Doubles up to 1 with every cut."""
NEAR: Final = 0.6
"""Epochs. Later than this the rate is so near its ceiling that a throttle may well come from load."""
TICK: Final = 1e-3

FORGIVEN: Final = 0.1
"""So much of a throttle each success takes off: throttles among more than ten successes do not add up."""
AWAITED: Final = 0.05
"""So much each request in flight does: throttles come back sooner than successes."""
CROWD: Final = 1.8
"""Throttles left over at one time. Two within three outcomes are rare by chance where one in thirty is throttled."""
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

    A concurrency limit alone cannot obey a quota per second: one request at a time may already be too many. So the
    first crowd of throttles teaches a rate, half of what was accepted per second. From there the rate climbs, doubling
    per round trip, to the first throttle, which puts a ceiling at what was let through per second since the cut
    before: a quota that was used up then, and is now, allows just that. It restarts at 0.85 of the ceiling, flattens
    out at it, then probes beyond it along a cubic (the shape TCP CUBIC uses). One unit of that curve, an epoch, is at
    first a second and 25 successes long, later two and 50, which keeps throttles near one in a hundred requests. The
    rate grows only while it is what holds requests back.

    Attributes:
        known: Whether throttles have taught a rate.
        climbing: Whether nothing was refused at it yet.
        trusted: Whether it is known, and the throttles that taught it were not chance.
        next_at: When the next start is due.
    """

    def __init__(self) -> None:
        self.known = self.climbing = self.trusted = False
        self.next_at = self._paced_at = self._cut_at = -inf
        self._ceiling, self._worked, self._epoch = inf, 0.0, FIRST_EPOCH
        self._paced = self._starts = 0  # successes of paced requests and starts, since the cut
        self._counted_from, self._successes = inf, 0

    def start(self, now: float) -> None:
        """Records a start."""
        self._counted_from = min(self._counted_from, now)
        self._starts += 1
        if self.known:
            if now - self.next_at <= SLACK:
                self._paced_at = now
            self.next_at = max(now, self.next_at) + 1.0 / self._rate(now)

    def success(self, started_at: float, in_flight: int) -> None:
        """Records a success, after which so many requests are in flight."""
        self._successes += 1
        if not self._cut_at < started_at <= self._paced_at:
            return
        if self.climbing:
            self._ceiling *= 1.0 + 1.0 / (1 + in_flight)
        else:
            self._paced += 1

    def rested(self, now: float) -> None:
        """Forgets what was counted: there was nothing to send, which says nothing about the quota."""
        self._cut_at = self._counted_from = now
        self._paced = self._starts = self._successes = 0

    def throttled(self, now: float, started_at: float, *, alone: bool, told: bool) -> None:
        """Learns from a throttle, if there were successes to learn from.

        Args:
            now: The present.
            started_at: When the request started that was throttled.
            alone: Whether it came alone among successes.
            told: Whether the server asked to wait.
        """
        if self._successes < (1 if self.known else ENOUGH_SUCCESSES):
            return
        served = self._successes / max(now - self._counted_from, TICK)
        if self.known:
            rate = self._rate(now)
            if not self.trusted:  # it climbed while something else may have held requests back
                rate = min(rate, served)
            kept = TOLD if told else CROWDED
            if alone:
                let_through = self._starts - rate * (now - started_at)
                measured = let_through / max(started_at - self._cut_at, TICK)
                kept = max(CLIMBED if self.climbing else ALONE, measured / rate)
            self._worked = max(self._worked, self._ceiling) if self.is_at_ceiling(now) else 0.0
            self._ceiling = min(BELOW * rate, max(served, kept * rate))
            self._epoch = min(1.0, 2.0 * self._epoch)
            self.climbing, self.trusted = False, True
        else:
            self._ceiling = FIRST_SHARE * served
            self.known = self.climbing = self.trusted = True
            self.next_at = now
        self._cut_at, self._paced, self._starts = now, 0, 0
        if not alone or self._successes > LONG:
            self._counted_from, self._successes = now, 0
        self.start(now)

    def is_at_ceiling(self, now: float) -> bool:
        """Whether the rate is known and back where it was refused."""
        return self.known and self._epochs(now) >= 1.0

    def is_below_ceiling(self, now: float) -> bool:
        """Whether it is well below what was refused at its last cut, or worked for an epoch."""
        low = self._epochs(now) < NEAR or self._rate(now) < FAR_BELOW * self._worked
        return self.known and not self.climbing and low

    def doubt(self, now: float) -> None:
        """Climbs again, from where it is: a rate that were forgotten would send a crowd at once."""
        self.climbing, self.trusted = True, False
        self._counted_from, self._successes = now, 0

    def lower(self) -> None:
        """Puts the ceiling a little lower."""
        self._ceiling *= LOWER

    def _rate(self, now: float) -> float:
        curve = 0.0 if self.climbing else RATE_CUT * (self._epochs(now) - 1.0) ** 3
        return self._ceiling * (1.0 + curve)

    def _epochs(self, now: float) -> float:
        """Since the last cut."""
        return min((now - self._cut_at) / EPOCH_SECONDS, self._paced / EPOCH_SUCCESSES) / self._epoch


class Chance:
    """Tells throttles that come by chance from those that load brings.

    A cut answers load: below the rate that was refused, a quota refuses nothing more. So a throttle down there, alone
    among successes, speaks for chance; the ceiling is only put a little lower. (Nearer to the ceiling it speaks for
    chance too, but the rate is cut again to make sure.) If another follows all the same, chance is proved: the rate
    climbs again, and it takes a crowd of throttles to end that, a larger one after each such proof. A throttle that
    comes once the rate is back at its ceiling speaks for load again.
    """

    def __init__(self) -> None:
        self._excess = 0.0
        self._suspected = False
        self._chances = self._tolerance = self._new = 0

    def throttled(self, in_flight: int, *, known: bool, below: bool, early: bool) -> bool:
        """Whether to act on a throttle.

        Args:
            in_flight: Requests that have not come back.
            known: Whether a rate is known, and trusted.
            below: Whether that is well below its ceiling.
            early: Whether it is not yet back there.
        """
        self._excess += 1.0
        if below:
            acts = self._excess - AWAITED * in_flight >= CROWD
            self._suspected |= not acts and self._new >= FEW
            return acts
        self._suspected |= early and self._new >= FEW
        return known or self._excess >= CROWD + self._tolerance

    def cut(self, *, at_ceiling: bool, alone: bool) -> None:
        """The rate is cut.

        Args:
            at_ceiling: Whether it was back at its ceiling.
            alone: Whether for a throttle alone among successes.
        """
        if at_ceiling and not self._suspected:
            self._tolerance, self._chances = max(0, self._tolerance - 1), 0
        self._new = 0
        if not (alone and self._suspected):
            self._excess, self._suspected = 0.0, False

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
    is what holds requests back, and never over ``max_concurrency``. Only throttles cut it, at most once per round trip,
    unless they come by `Chance`: x 0.7 while no rate is known, or when nothing else comes back or the server asks to
    wait; later by 1, when it is what holds requests back, and then it does not grow for 24 to 256 successes. After a
    crowd of throttles, requests go one at a time until one that was sent since then succeeds.

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
        self._throttles = self._pauses = 0  # without a success in between
        self._served = False  # since the last cut
        self._old = 0  # requests in flight from before it
        self._hold, self._next_hold = 0, HOLD
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
        due = max(self._backoff, self._adaptive.next_at)
        if self.probing:  # requests from before the outage may still hang; they must not keep probes out
            allowed = self._max
        elif self._throttles:
            allowed = 1 + self._old
        else:
            allowed = int(self.limit)
        if self.in_flight >= allowed:
            return inf
        if self._probe_started is not None:
            due = min(
                self._probe_started + PROBE_SILENCE, max(self._probe_started + LAST_SILENCE, last_chance)
            )
        elif self.blocked:
            due = min(self._backoff, max(self._probe_ended + PROBE_GAP, last_chance))
            if (
                self.in_flight and not self.probing
            ):  # what was sent before the cut comes back first, unless it hangs
                due = max(due, self._cut_at + REST)
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
        self._old -= self._old > 0 and started_at <= self._cut_at
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
                self._throttled(now, started_at, retry_after)

    def _alive(self, now: float, started_at: float, outcome: Outcome) -> None:
        if started_at > self._cut_at:  # perhaps a last chance, before the time
            self._backoff = -inf
            self._throttles = self._pauses = 0
            self._served = True
        self._adaptive.success(started_at, self.in_flight)
        self._judge_chance(now, started_at)
        if self.probing:
            if started_at >= self._changed_at:
                self._change(now, probing=False)
                self.limit = max(1.0, min(FIRST_LIMIT, self._max, self._threshold / 2))
            return
        if started_at >= self._changed_at:
            self._outcomes.append(True)
        was_full = started_at <= self._full_at  # the limit was reached during this request's life
        if was_full and outcome is Outcome.SUCCESS:
            if self._hold:
                self._hold -= 1
            else:
                step = 1.0 if self.limit < self._threshold else 1.0 / self.limit
                self.limit = min(self._max, self.limit + step)

    def _judge_chance(self, now: float, started_at: float) -> None:
        chances = self._chance.success(known=self._adaptive.trusted, new=started_at > self._cut_at)
        if chances >= CHANCES:
            self._chance.proved()
            self._adaptive.doubt(now)
            self._threshold, self._hold, self._next_hold = float(self._max), 0, HOLD
        elif chances:
            self._adaptive.lower()

    def _throttled(self, now: float, started_at: float, retry_after: float | None) -> None:
        adaptive, blocked = self._adaptive, self._throttles > 0
        at_limit = (
            int(self.limit) > FIRST_LIMIT and self.limit >= self._threshold and started_at <= self._full_at
        )
        if adaptive.trusted and at_limit and not blocked and not retry_after:
            just_grown = not self._hold
            self._one_too_many(now)
            if just_grown and not adaptive.climbing:
                return
        below = adaptive.is_below_ceiling(now)
        early = adaptive.known and not adaptive.climbing and not adaptive.is_at_ceiling(now)
        acts = self._chance.throttled(self.in_flight, known=adaptive.trusted, below=below, early=early)
        if acts or blocked or (retry_after or 0.0) > LONG_WAIT:  # none of that is chance
            alone = adaptive.known and not below and not blocked and not retry_after
            self._chance.cut(at_ceiling=adaptive.is_at_ceiling(now) and not blocked, alone=alone)
            self._cut(now, started_at, retry_after, alone=alone)

    def _one_too_many(self, now: float) -> None:
        self.limit = self._threshold = int(self.limit) - 1.0
        self._hold, self._next_hold = self._next_hold, min(LONGEST_HOLD, 2 * self._next_hold)
        self._cut_at, self._old = now, self.in_flight

    def _cut(self, now: float, started_at: float, retry_after: float | None, *, alone: bool) -> None:
        if not alone:
            if retry_after is None and not self._served:
                wait = self._policy.wait(self._policy.throttle_base, self._pauses, self._random)
                self._backoff = max(self._backoff, now + wait)
                self._pauses += 1
            self._throttles += 1
            if retry_after or not self._adaptive.known or self._throttles > 1:
                self.limit = self._threshold = max(1.0, self.limit * CUT)
        self._served = False
        self._probe_ended = now
        self._cut_at, self._old = now, self.in_flight
        self._adaptive.throttled(now, started_at, alone=alone, told=bool(retry_after))

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
