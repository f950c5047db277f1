"""Which fault is played when: a list by request, a function of the request, faults by connection, or by chance."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from threading import Lock
from typing import Protocol

from support.fault import OK, Fault, Request, Stage

Choice = Callable[[Request], Fault]


class Script(Protocol):
    def take(self, stage: Stage, request: Request) -> Fault | None:
        """The fault to play at this stage, or None to go on. At `Stage.REQUEST` it is never None."""
        ...


class InOrder:
    """One fault per request, in the order of their coming; the last one repeats.

    A fault that strikes at connect or after the head takes its turn there. If its turn comes on a connection
    that is already open, it is played after the request.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        self._faults = list(faults)
        self._next = 0
        self._lock = Lock()

    def take(self, stage: Stage, request: Request) -> Fault | None:
        with self._lock:
            chosen = self._faults[min(self._next, len(self._faults) - 1)]
            if stage not in (Stage.REQUEST, chosen.stage):
                return None
            self._next += 1
            return chosen


class Chosen:
    """A function of the request decides, once the request has been read."""

    def __init__(self, choose: Choice) -> None:
        self._choose = choose

    def take(self, stage: Stage, request: Request) -> Fault | None:
        return self._choose(request) if stage is Stage.REQUEST else None


class ByConnection:
    """A script of its own for some connections, by number; the others get ``otherwise``."""

    def __init__(self, scripts: Mapping[int, Sequence[Fault]], otherwise: Fault = OK) -> None:
        self._scripts = {number: InOrder(faults) for number, faults in scripts.items()}
        self._otherwise = InOrder([otherwise])

    def take(self, stage: Stage, request: Request) -> Fault | None:
        return self._scripts.get(request.connection, self._otherwise).take(stage, request)


def at_random(seed: int, rate: float, faults: Sequence[Fault], otherwise: Fault = OK) -> Choice:
    """Play one of the faults on a share ``rate`` of the requests. The choice depends on seed and number only."""

    def choose(request: Request) -> Fault:
        dice = Random(f"{seed}:{request.number}")
        return dice.choice(faults) if dice.random() < rate else otherwise

    return choose


def first_on_each_connection(first: Fault, otherwise: Fault = OK) -> Choice:
    return lambda request: otherwise if request.on_connection else first


def later_on_each_connection(later: Fault, otherwise: Fault = OK) -> Choice:
    """Play a fault on every request that comes over a reused connection."""
    return lambda request: later if request.on_connection else otherwise


AnyScript = Fault | Sequence[Fault] | Choice | Script


def as_script(script: AnyScript) -> Script:
    if isinstance(script, Fault):
        return InOrder([script])
    if isinstance(script, Sequence):
        return InOrder(script)
    return Chosen(script) if callable(script) else script
