"""Walks through a script: which step a request meets. The clock is an argument."""

from .script import Script, Step


class Cursor:
    """At the beginning of a script.

    Args:
        script: The script.
    """

    def __init__(self, script: Script) -> None:
        self._script = script
        self._place = 0
        self._used = 0
        self._began: float | None = None

    def next(self, now: float) -> tuple[int, Step] | None:
        """The place and the step of the next request; None after the end of the script."""
        steps = self._script.steps
        while self._place < len(steps):
            step = steps[self._place]
            self._began = now if self._began is None else self._began
            if self._lasts(step, now):
                self._used += 1
                return self._place, step
            self._place, self._used, self._began = self._place + 1, 0, None
            if self._script.repeat:
                self._place %= len(steps)
        return None

    def _lasts(self, step: Step, now: float) -> bool:
        if step.seconds is not None:
            return now - (self._began or 0.0) < step.seconds
        for_ever = self._place + 1 == len(self._script.steps) and not self._script.repeat
        return self._used < step.times if step.times is not None else for_ever or not self._used
