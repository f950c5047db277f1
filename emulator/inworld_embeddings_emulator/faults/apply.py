"""What a request gets when it has met some faults: pure, given the real answer and the time."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..messages import Carriage, Reply, Request
from .answers import reshaped
from .kinds import Latency, Truncate
from .names import HEADER
from .refusals import refusal
from .state import Hit
from .texts import asked


def apply(
    hits: Sequence[Hit], request: Request, answer: Callable[[Request], Reply], wall: Callable[[], float]
) -> tuple[Reply, list[str]]:
    """The answer, and the labels of the faults that had something to do.

    Args:
        hits: The faults, in the order of their script.
        request: What is asked.
        answer: Gives the real answer; not called if a fault answers instead.
        wall: Wall clock, seconds since the epoch.
    """
    reply, labels = _replaced(hits, request, wall)
    reply = reply or answer(request)
    if not labels and reply.status == 200:
        reply, labels = _reshaped(hits, reply)
    reply, more = _carried(hits, reply)
    labels = [*more, *labels]
    if labels:
        reply = replace(reply, headers=(*reply.headers, (HEADER, ", ".join(labels))))
    return reply, labels


def _replaced(
    hits: Sequence[Hit], request: Request, wall: Callable[[], float]
) -> tuple[Reply | None, list[str]]:
    for hit in hits:
        if reply := refusal(hit, lambda: asked(request), wall):
            return reply, [hit.fault.label]
    return None, []


def _reshaped(hits: Sequence[Hit], reply: Reply) -> tuple[Reply, list[str]]:
    labels = []
    for hit in hits:
        before, reply = reply, reshaped(hit.fault, reply)
        if reply.status != 200:
            return reply, [hit.fault.label]
        if reply is not before:
            labels.append(hit.fault.label)
    return reply, labels


def _carried(hits: Sequence[Hit], reply: Reply) -> tuple[Reply, list[str]]:
    labels, carriage = [], reply.carriage
    for hit in hits:
        before = carriage
        match hit.fault:
            case Latency():
                carriage = replace(carriage, delay=carriage.delay + hit.seconds)
            case Truncate() as fault:
                carriage = _cut(fault, carriage, len(reply.body))
        labels += [hit.fault.label] if carriage is not before else []
    return replace(reply, carriage=carriage), labels


def _cut(fault: Truncate, carriage: Carriage, length: int) -> Carriage:
    after = fault.after if isinstance(fault.after, int) else int(length * fault.after)
    if carriage.drop or carriage.cut is not None or after >= length:
        return carriage
    return replace(carriage, cut=after, reset=fault.reset)
