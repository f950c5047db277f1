"""Telling an outage from bad luck, and probing one request at a time until it is over."""

from collections import deque
from math import inf
from typing import Final

from .backoff import Random, full_jitter

WINDOW: Final = 32
MIN_OUTCOMES: Final = 16
SHARE: Final = 0.25
"""Under half also happens by chance: with 30 % random faults at one look in 190, which in the simulator stopped a
job of 10 000 batches 18 times (72 s instead of 21 s). Under a quarter does so at one look in 38 million, and a
real outage gets there only eight requests later."""
PROBE_BASE: Final = 1.0
PROBE_CAP: Final = 10.0
PROBE_SILENCE: Final = 15.0
"""A probe sent into a black hole hangs until its timeout. The next one does not wait for it longer than this, so
that work resumes within 20 s of recovery whatever the timeout is."""


class Outage:
    """Counts successes and failures (throttles are neither: they come from a living server).

    Enters when under a quarter of the last 32 outcomes (at least 16) were successes; leaves when a request
    started since then succeeds. Outcomes of requests from before either change are not counted.

    Attributes:
        active: Whether requests go one at a time as probes.
        next_probe: When the next probe may start, while active.
    """

    __slots__ = ("_changed_at", "_outcomes", "_probe_started", "_probes", "_random", "active", "next_probe")

    def __init__(self, random: Random) -> None:
        self.active = False
        self.next_probe = -inf
        self._random = random
        self._outcomes: deque[bool] = deque(maxlen=WINDOW)
        self._changed_at = -inf
        self._probe_started = -inf
        self._probes = 0

    def start(self, now: float) -> None:
        """Record a start; in an outage it is a probe."""
        if self.active:
            self._probe_started = now
            self.next_probe = now + PROBE_SILENCE

    def finish(self, now: float, started_at: float, *, success: bool) -> None:
        """Record the outcome of the request started at ``started_at``."""
        if started_at < self._changed_at:
            return
        if self.active:
            self._probe_finished(now, started_at, success=success)
            return
        self._outcomes.append(success)
        if not success and self._is_outage():
            self._change(now, active=True)
            self._pause(now)

    def abandon(self, now: float, started_at: float) -> None:
        """Record that a request ended without an outcome (cancelled, throttled): it proves nothing."""
        if self.active and started_at == self._probe_started:
            self._pause(now)

    def _probe_finished(self, now: float, started_at: float, *, success: bool) -> None:
        if success:
            self._change(now, active=False)
        elif started_at == self._probe_started:
            self._pause(now)

    def _is_outage(self) -> bool:
        seen = len(self._outcomes)
        return seen >= MIN_OUTCOMES and sum(self._outcomes) < SHARE * seen

    def _change(self, now: float, *, active: bool) -> None:
        self.active = active
        self._changed_at = now
        self._probes = 0
        self._outcomes.clear()

    def _pause(self, now: float) -> None:
        self.next_probe = now + full_jitter(self._probes, self._random, base=PROBE_BASE, cap=PROBE_CAP)
        self._probes += 1
