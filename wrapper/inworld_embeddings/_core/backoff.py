"""How long to wait before a retry: full jitter, or a little more than the server asked for.

Pure functions; randomness comes in as a callable that returns floats in [0, 1).
"""

from collections.abc import Callable
from typing import Final, TypeAlias

Random: TypeAlias = Callable[[], float]

TRANSIENT_BASE: Final = 0.05
THROTTLE_BASE: Final = 1.0
CAP: Final = 20.0
BULK_CAP: Final = 2.0
"""Cap for one batch of a bulk job. There the limiter's outage mode makes the long waits, for all batches together;
a batch that is merely unlucky while others succeed must not hold up the end of the job."""
HINT_SPREAD: Final = 0.25


def full_jitter(retry: int, random: Random, *, base: float, cap: float = CAP) -> float:
    """Draw a wait from [0, min(cap, base * 2**retry)) seconds.

    The jitter comes after the cap: drawn before it, every long wait would be exactly ``cap`` and all
    clients would return together.

    Args:
        retry: Retries already made for the same cause, 0 for the first wait.
        random: Source of floats in [0, 1).
        base: Longest first wait, seconds.
        cap: Longest wait of all, seconds.
    """
    # 2**64 is far over any cap; the bound keeps a very old job from overflowing a float.
    return random() * min(cap, base * 2.0 ** min(retry, 64))


def after_hint(hint: float, random: Random) -> float:
    """Wait for a server's hint of ``hint`` seconds: never less, at most a quarter more."""
    return hint * (1.0 + HINT_SPREAD * random())


def transient_delay(retry: int, random: Random, hint: float | None = None, *, cap: float = CAP) -> float:
    """Wait after a fault that may pass (resets, timeouts, 5xx): base 0.05 s, cap 20 s, or the hint."""
    if hint is not None:
        return after_hint(hint, random)
    return full_jitter(retry, random, base=TRANSIENT_BASE, cap=cap)


def throttle_delay(retry: int, random: Random, hint: float | None = None) -> float:
    """Wait after a throttle (429): base 1 s, cap 20 s, or the hint."""
    if hint is not None:
        return after_hint(hint, random)
    return full_jitter(retry, random, base=THROTTLE_BASE)
