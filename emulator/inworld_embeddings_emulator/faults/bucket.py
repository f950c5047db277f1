"""A token bucket: how long until the next request passes. The clock is an argument."""

from .kinds import Quota


class Bucket:
    """Full at first.

    Args:
        quota: Its size and how fast it fills.
    """

    def __init__(self, quota: Quota) -> None:
        self._rate = quota.per_second
        self._size = float(quota.burst or max(1.0, quota.per_second))
        self._tokens = self._size
        self._then: float | None = None

    def take(self, now: float) -> float:
        """0 and a token less, or the seconds until there is one."""
        since = max(0.0, now - self._then) if self._then is not None else 0.0
        self._tokens = min(self._size, self._tokens + since * self._rate)
        self._then = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self._rate
