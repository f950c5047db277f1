"""`Faults`: a script at work. Which request meets which fault; all the state that faults have, behind one lock."""

import itertools
import random
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from math import log
from typing import Any, Final, TypeAlias

from inworld_embeddings.errors import ConfigurationError

from ..messages import Reply, Request, lock_of_the_process
from .kinds import LONGEST, Fault, Hit
from .reader import Script, parse

NOTHING: Final = "ok"
"""The script without faults."""

Observer: TypeAlias = Callable[[Request, Reply, tuple[str, ...]], None]
"""Told of each exchange: the request, its reply, and the labels of the faults in it."""

_LOCK: Final = lock_of_the_process()
_FOR_EVER: Final = 2**62
_TINY: Final = 1e-9
"""What rounding may leave of a wait that is over."""

_Z99: Final = 2.3263478740408408
"""The 99th percentile of the standard normal distribution."""


class Faults:
    """A script of faults that requests go through, one after another. Thread-safe; may be changed at any time.

    Which faults request number k meets depends on the script, the seed and k alone, never on timing. Only steps that
    last for a time and quotas look at the clock.

    Args:
        script: What goes wrong, such as ``status=503 x2, ok``; see docs/use/local-mode.md. By default nothing.
        seed: Of the percentages in it. The same seed gives the same mix.
        clock: Seconds, for quotas and for steps that last for a time.

    Attributes:
        script: The script, as it was written.
        seed: The seed.
        requests: How many requests have gone through the script.

    Raises:
        ConfigurationError: a script or a seed that cannot be; says where it is wrong.
    """

    script: str
    seed: int
    requests: int

    def __init__(
        self, script: str = NOTHING, *, seed: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._observers: tuple[Observer, ...] = ()
        self.set(script, seed=seed)

    def set(self, script: str, *, seed: int | None = None) -> None:
        """Begins another script; requests are numbered and faults counted from the start again.

        Args:
            script: What goes wrong from now on.
            seed: By default the one there was.

        Raises:
            ConfigurationError: as above; then nothing has changed.
        """
        made = parse(script)
        if seed is not None and type(seed) is not int:
            raise ConfigurationError("The seed of faults must be a whole number.")
        with _LOCK:
            self.script = made.text
            self.seed = self.seed if seed is None else seed
            self.requests = self._asides = 0
            self._steps = _walk(made, self._clock)
            self._injected: Counter[str] = Counter()
            self._full: dict[int, float] = {}

    def __call__(self, script: str, *, seed: int | None = None) -> None:
        """The same as `set`."""
        self.set(script, seed=seed)

    def clear(self) -> None:
        """No more faults."""
        self.set(NOTHING)

    def watch(self, observer: Observer) -> None:
        """Has an observer told of each exchange from now on, from the thread that carries it."""
        with _LOCK:
            if observer not in self._observers:
                self._observers += (observer,)

    @property
    def injected(self) -> dict[str, int]:
        """How often each fault was in a reply, by its label, such as ``status=503``."""
        with _LOCK:
            return dict(self._injected)

    def next(self, request: Request) -> list[Hit]:
        """What the next request meets."""
        with _LOCK:
            self.requests += 1
            return self._drawn(next(self._steps), request, self.requests)

    def once(self, faults: Sequence[Fault], request: Request) -> list[Hit]:
        """What a request meets that has faults of its own. The script does not move on."""
        with _LOCK:
            self._asides += 1
            return self._drawn(faults, request, -self._asides)

    def note(self, request: Request, reply: Reply, labels: Collection[str]) -> None:
        """Counts the faults of a reply, and tells the observers."""
        with _LOCK:
            self._injected.update(labels)
        for observer in self._observers:
            observer(request, reply, tuple(labels))

    def _drawn(self, faults: Sequence[Fault], request: Request, number: int) -> list[Hit]:
        hits = []
        for index, fault in enumerate(faults):
            if fault.name == "ok":
                continue
            chance = random.Random(f"{self.seed}/{number}/{index}")  # noqa: S311 - it shall repeat
            if fault.chance < 1 and chance.random() >= fault.chance:
                continue
            seconds = delay(fault, chance) if fault.name == "latency" else 0.0
            if fault.name == "quota" and not (seconds := self._wait(fault)):
                continue
            hits.append(Hit(fault, request, seconds))
        return hits

    def _wait(self, quota: Fault) -> float:
        """Seconds until a quota has room; 0 takes a token. A token bucket, as the time at which it is full again."""
        now, token = self._clock(), 1 / quota.value
        full = max(now, self._full.get(id(quota), now))
        wait = full - now - (quota.settings.get("burst", max(1.0, quota.value)) - 1) * token
        if wait > _TINY:
            return float(wait)
        self._full[id(quota)] = full + token
        return 0.0

    def __repr__(self) -> str:
        return f"Faults({self.script!r}, seed={self.seed})"

    def __reduce__(self) -> Any:
        """Pickles what was asked for, not how far it has come.

        Raises:
            TypeError: it has a clock or observers of its own.
        """
        if self._observers or self._clock is not time.monotonic:
            raise TypeError("These faults do not pickle: their clock or observers belong to this process.")
        return partial(Faults, seed=self.seed), (self.script,)


def _walk(script: Script, clock: Callable[[], float]) -> Iterator[Sequence[Fault]]:
    """What each request meets, one after another; nothing after the end of the script."""
    for _ in range(_FOR_EVER if script.repeat else 1):
        for place, step in enumerate(script.steps):
            last = place + 1 == len(script.steps) and not script.repeat
            if step.seconds is not None:
                began = now = clock()
                while now - began < step.seconds:
                    yield step.faults
                    now = clock()
            else:
                yield from itertools.repeat(step.faults, step.times or (_FOR_EVER if last else 1))
    while True:
        yield ()


def delay(latency: Fault, chance: random.Random) -> float:
    """Seconds of one latency."""
    median: float = latency.value
    if "p99" not in latency.settings:
        return median
    spread = log(latency.settings["p99"] / median) / _Z99
    return min(chance.lognormvariate(log(median), spread), LONGEST)
