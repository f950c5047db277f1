"""A fixed rate of starts per second, for a known quota: evenly spaced, no burst to save up."""

from typing import Final

SLACK: Final = 0.01


class RateLimit:
    """Spaces starts 1/rate seconds apart (a token bucket that holds next to nothing).

    Args:
        rate: Starts per second; ``math.inf`` never waits. May be changed at any time.
        slack: How far, in seconds, a caller that woke late may catch up. Timers are late by about a
            millisecond, which at hundreds of starts per second would otherwise cost real throughput.

    Raises:
        ValueError: ``rate`` is not above 0.
    """

    __slots__ = ("_next", "_slack", "rate")

    def __init__(self, rate: float, *, slack: float = SLACK) -> None:
        if not rate > 0:
            raise ValueError("rate must be above 0")
        self.rate = rate
        self._slack = slack
        self._next = float("-inf")

    def next_start(self, now: float) -> float:
        """When the next start is due: ``now`` or later."""
        return max(now, self._next)

    def start(self, now: float, permits: int = 1) -> None:
        """Record a start, or the lease of several permits, each due 1/rate after the one before."""
        on_time = now - self._next <= self._slack
        self._next = (self._next if on_time else now) + permits / self.rate
