"""The pace learned from throttles: how many starts per second the quota seems to allow.

A concurrency limit alone cannot obey a quota per second: one request at a time may already be too many, and
growing by one per round trip runs into the ceiling every few requests. So a throttle also teaches a pace. It
restarts at 0.85 of the ceiling, flattens out at it, then probes beyond it along a cubic (the shape TCP CUBIC
uses). One unit of that curve, an epoch, is at least 2 seconds and 50 successes long, which keeps throttles
near one in a hundred requests. Without throttles there is no pace.
"""

from collections import deque
from math import inf
from typing import Final

from .rate_limit import RateLimit

CUT: Final = 0.15
EPOCH_SECONDS: Final = 2.0
EPOCH_SUCCESSES: Final = 50
BELOW: Final = 0.95
"""The ceiling is put this far under the pace that was throttled, or the next throttle would come too soon."""
STEEP: Final = 2.0
"""From this epoch on the curve is so steep that an average over all of it lies far below its end."""
ENOUGH: Final = 8
"""With fewer successes than this a measured rate is mostly noise."""
TICK: Final = 1e-3


class Pace:
    """Starts per second, unlimited until the first throttle. The clock is an argument everywhere."""

    __slots__ = ("_bucket", "_ceiling", "_paused", "_recent", "_since", "_successes")

    def __init__(self) -> None:
        self._bucket = RateLimit(inf, slack=0.0)
        self._ceiling = inf
        self._since = -inf
        self._successes = 0
        self._paused = 0.0
        self._recent: deque[float] = deque(maxlen=32)

    def rate(self, now: float) -> float:
        """Starts per second allowed at ``now``."""
        if self._ceiling == inf:
            return inf
        return self._ceiling * (1.0 + CUT * (self._epochs(now) - 1.0) ** 3)

    def next_start(self, now: float) -> float:
        """When the pace lets the next request start: ``now`` or later."""
        return self._bucket.next_start(now)

    def start(self, now: float) -> None:
        """Record a start."""
        self._bucket.rate = self.rate(now)
        self._bucket.start(now)

    def success(self, now: float) -> None:
        """Record a success."""
        self._successes += 1
        self._recent.append(now - self._paused)

    def rested(self, now: float) -> None:
        """Forget what was counted: there was nothing to send, which says nothing about the quota."""
        self._since, self._successes = now, 0
        self._recent.clear()

    def throttled(self, now: float, resume_at: float) -> None:
        """Learn from a throttle, if there were successes to learn from.

        Args:
            now: The present.
            resume_at: When starts go on. Until a pace is known, the time up to then is not counted as slow
                service: a server without any burst would otherwise look far slower than it is.
        """
        if self._successes < (ENOUGH if self._ceiling == inf else 1):
            self._paused += resume_at - now
            return
        self._ceiling = self._measured(now)
        self._since, self._successes = now, 0
        self.start(now)

    def _measured(self, now: float) -> float:
        recent = len(self._recent) / max(now - self._paused - self._recent[0], TICK)
        paced = self.rate(now)
        if paced == inf:
            return recent
        average = (self._successes + 1) / max(now - self._since, TICK)
        served = recent if self._epochs(now) > STEEP else average
        least = paced * (0.25 if self._successes >= ENOUGH else 0.5)
        return min(BELOW * paced, max(served, least))

    def _epochs(self, now: float) -> float:
        return min((now - self._since) / EPOCH_SECONDS, self._successes / EPOCH_SUCCESSES)
