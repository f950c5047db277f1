"""`Faults`: a script at work. Its few counters and buckets are all the state that faults have, behind one lock."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from inworld_embeddings.errors import ConfigurationError

from ..messages import Reply, Request
from . import chance
from .bucket import Bucket
from .cursor import Cursor
from .fault import Fault
from .kinds import Latency, Quota
from .script import NOTHING, Part, Script, Scripted, Step, as_script

Observer: TypeAlias = Callable[[Request, Reply, tuple[str, ...]], None]
"""Told of each exchange: the request, its answer, and the labels of the faults in it."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A fault that a request has drawn.

    Attributes:
        fault: The fault.
        seconds: How late the answer is (`Latency`), or how long until the quota has room (`Quota`).
    """

    fault: Fault
    seconds: float = 0.0


class Faults:
    """A script of faults that requests go through, one after another. Thread-safe; may be changed at any time.

    Which faults request number k draws depends on the script, the seed and k alone, never on timing. Only steps that
    last for a time and quotas look at the clock.

    Args:
        script: What goes wrong; see `grammar`. By default nothing.
        seed: Of the probabilities. The same seed gives the same mix.
        clock: Seconds, for quotas and for steps that last for a time.

    Raises:
        ConfigurationError: a script or a seed that cannot be; says where it is wrong.
    """

    def __init__(
        self,
        script: Scripted = NOTHING,
        *,
        seed: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lock = threading.Lock()
        self._clock = clock
        self._observers: tuple[Observer, ...] = ()
        self._seed = seed
        self.set(script)

    def set(self, script: Scripted, *, seed: int | None = None) -> None:
        """Begins another script; requests are numbered and faults counted from the start again.

        Args:
            script: What goes wrong from now on.
            seed: By default the one there was.

        Raises:
            ConfigurationError: as above; then nothing has changed.
        """
        made, seed = as_script(script), self._seed if seed is None else seed
        if type(seed) is not int:
            raise ConfigurationError("The seed of faults must be a whole number.")
        with self._lock:
            self._script, self._seed = made, seed
            self._cursor = Cursor(made)
            self._number = self._asides = 0
            self._injected: Counter[str] = Counter()
            self._buckets: dict[tuple[int, int], Bucket] = {}

    def __call__(self, script: Scripted, *, seed: int | None = None) -> None:
        """The same as `set`."""
        self.set(script, seed=seed)

    def clear(self) -> None:
        """No more faults."""
        self.set(NOTHING)

    def watch(self, observer: Observer) -> None:
        """Has an observer told of each exchange from now on, from the thread that carries it."""
        with self._lock:
            if observer not in self._observers:
                self._observers += (observer,)

    @property
    def script(self) -> Script:
        """The script. Its text is ``str(faults.script)``."""
        return self._script

    @property
    def seed(self) -> int:
        """The seed."""
        return self._seed

    @property
    def requests(self) -> int:
        """How many requests have gone through the script."""
        return self._number

    @property
    def injected(self) -> dict[str, int]:
        """How often each fault was in an answer, by its label, such as ``status=503``."""
        with self._lock:
            return dict(self._injected)

    def next(self) -> list[Hit]:
        """What the next request meets."""
        with self._lock:
            self._number += 1
            now = self._clock()
            met = self._cursor.next(now)
            return self._drawn(*met, self._number, now) if met else []

    def once(self, step: Step) -> list[Hit]:
        """What a request meets that has a step of its own. The script does not move on."""
        with self._lock:
            self._asides += 1
            return self._drawn(-1, step, -self._asides, self._clock())

    def noted(self, request: Request, reply: Reply, labels: Collection[str]) -> None:
        """Counts the faults of an answer, and tells the observer."""
        with self._lock:
            self._injected.update(labels)
        for observer in self._observers:
            observer(request, reply, tuple(labels))

    def _drawn(self, place: int, step: Step, number: int, now: float) -> list[Hit]:
        hits = []
        for index, part in enumerate(step.parts):
            hit = drawn(part, partial(chance.uniform, self._seed, number, index))
            if hit and isinstance(part.fault, Quota):
                bucket = self._buckets.setdefault((place, index), Bucket(part.fault))
                wait = bucket.take(now)
                hit = Hit(part.fault, wait) if wait else None
            hits += [hit] if hit else []
        return hits

    def __repr__(self) -> str:
        return f"Faults({str(self._script)!r}, seed={self._seed})"

    def __reduce__(self) -> Any:
        """Pickles what was asked for, not how far it has come.

        Raises:
            TypeError: it has a clock or observers of its own.
        """
        if self._observers or self._clock is not time.monotonic:
            raise TypeError("These faults do not pickle: their clock or observers belong to this process.")
        return partial(Faults, seed=self._seed), (self._script,)


def drawn(part: Part, draw: chance.Draw) -> Hit | None:
    """The fault of a part, if it is drawn."""
    if draw("hit") >= part.chance:
        return None
    return Hit(part.fault, chance.delay(part.fault, draw) if isinstance(part.fault, Latency) else 0.0)
