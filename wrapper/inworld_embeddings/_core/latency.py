"""How long answers take lately: the attempt timeout and the estimate behind "cannot finish in time"."""

from collections import deque
from math import ceil, inf
from typing import Final

FIRST_TIMEOUT: Final = 20.0
SHORTEST: Final = 5.0
LONGEST: Final = 60.0
FACTOR: Final = 12.0
WINDOW: Final = 64
MIN_SAMPLES: Final = 16


class Latency:
    """The last 64 latencies of successful requests, in seconds.

    The attempt timeout is 12 times the 95th percentile, within [5, 60] s (20 s until 16 answers are known).
    Each round of timeouts without an answer doubles it, so that a service that suddenly became slower still
    gets to answer instead of being asked again and again.
    """

    __slots__ = ("_samples", "_stretch", "_stretched_at")

    def __init__(self) -> None:
        self._samples: deque[float] = deque(maxlen=WINDOW)
        self._stretch = 1.0
        self._stretched_at = -inf

    @property
    def known(self) -> bool:
        """Whether enough answers are known to judge by."""
        return len(self._samples) >= MIN_SAMPLES

    @property
    def last(self) -> float:
        """The latency of the last answer, seconds; 0.0 while nothing is known."""
        return self._samples[-1] if self._samples else 0.0

    @property
    def p50(self) -> float:
        """Median latency, seconds; 0.0 while nothing is known."""
        return self._percentile(0.50)

    @property
    def p95(self) -> float:
        """95th percentile, seconds; 0.0 while nothing is known."""
        return self._percentile(0.95)

    def success(self, latency: float) -> None:
        """Record how long a successful request took."""
        self._samples.append(latency)
        self._stretch = 1.0

    def forget_oldest(self) -> None:
        """Drop a sample after it kept a request from being sent: an estimate nobody tests must fade."""
        if self._samples:
            self._samples.popleft()

    def timed_out(self, now: float, started_at: float) -> None:
        """Record that the attempt started at ``started_at`` ran into its timeout at ``now``."""
        if started_at > self._stretched_at:  # once per round trip: 64 timeouts at once are one event
            self._stretch = min(self._stretch * 2.0, LONGEST)
            self._stretched_at = now

    def attempt_timeout(self) -> float:
        """Seconds one attempt may take now."""
        usual = max(SHORTEST, FACTOR * self.p95) if self.known else FIRST_TIMEOUT
        return min(LONGEST, usual * self._stretch)

    def fits(self, remaining: float) -> bool:
        """Whether a request sent now can be expected to finish within ``remaining`` seconds."""
        return remaining > 0.0 and remaining >= self.p50

    def _percentile(self, share: float) -> float:
        ordered = sorted(self._samples)
        return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else 0.0
