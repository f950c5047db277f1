"""The two clients are one: in each situation both send the same, return or raise the same, log the same, and take as long.

So every other test runs through one of them, unless it is about threads or about asyncio.
"""

from unittest import mock

import numpy as np
import pytest

from inworld_embeddings import EmbeddingResult, Failure, Stats
from support.fault import OK
from support.faults import black_hole
from support.in_process import KEY, AsyncFace, Service, SyncFace

TEXTS = [f"planted-text {number}" for number in range(12)]


def one(face):
    return face.embed(TEXTS[0])


def many(face):
    return face.embed(TEXTS)


def stream(face):
    return face.rows(TEXTS, on_error="return")


SHORT, SINGLE = {"timeout": 1.5}, {"batch_size": 1, "max_concurrency": 1}
GUILTY = f'poison="^{TEXTS[5]}$"'

FAULTS = [
    (OK, {}, "ndarray 1", "EmbeddingResult 3", "tuple 3"),
    ("status=503, ok", {}, "ndarray 2", "EmbeddingResult 4", "tuple 4"),
    ("nan, ok", {}, "ndarray 2", "EmbeddingResult 4", "tuple 4"),
    ("drop, ok", {}, "ndarray 2", "EmbeddingResult 4", "tuple 4"),
    ("status=429;retry-after=2, ok", {}, "ndarray 2", "EmbeddingResult 4", "tuple 4"),
    ("status=429;retry-after=30", SHORT | SINGLE, "RateLimitError 1", "RateLimitError 1", "tuple 1"),
    ("status=401", SINGLE, "AuthenticationError 1", "AuthenticationError 1", "tuple 1"),
    ("status=413 x1, ok", {}, "RequestTooLargeError 1", "EmbeddingResult 6", "tuple 7"),
    (GUILTY, SINGLE, "ndarray 1", "PartialFailureError 12", "tuple 12"),
    (f"{GUILTY};silent", {}, "ndarray 1", "PartialFailureError 6", "tuple 6"),
    ("ok, dimension=16", SINGLE, "ndarray 1", "PartialFailureError 3", "tuple 2"),
    (black_hole, SHORT, "APITimeoutError 1", "APITimeoutError 3", "tuple 3"),
    ([OK, OK, black_hole, OK], SHORT | SINGLE, "ndarray 1", "PartialFailureError 3"),
]
"""A script, settings, and what one text, many and a stream come to: the class of what is returned or raised, and the requests.
Of a stream amid which the service falls silent, how much of the rest is sent is luck."""


def with_progress(face):
    seen = []
    return face.embed(TEXTS, on_progress=lambda *done: seen.append(done)), seen


def local(face):
    face.client = type(face.client).local(batch_size=4)
    return face.embed(TEXTS), face.embed("one")


fails = mock.Mock(side_effect=OSError)
OTHERS = {
    "a generator": (lambda face: face.embed(text for text in TEXTS), {}, "EmbeddingResult 3"),
    "no texts": (lambda face: face.embed([]), {}, "EmbeddingResult 0"),
    "copies": (lambda face: face.embed(TEXTS[:2] * 3, dedupe=True), SINGLE, "EmbeddingResult 2"),
    "a rate limit": (many, {"rate_limit": 2.0}, "EmbeddingResult 3"),
    "progress": (with_progress, {}, "tuple 3"),
    "an async key provider": (one, {"api_key": mock.AsyncMock(return_value=KEY)}, "ndarray 1"),
    "a bad key of a provider": (one, {"api_key": lambda: KEY + "\n"}, "ConfigurationError 0"),
    "a provider that fails": (one, {"api_key": fails, "max_retries": 0}, "APIConnectionError 0"),
    "a plan": (lambda face: face.client.plan(TEXTS), {}, "Plan 0"),
    "local mode": (local, {}, "tuple 0"),
    "a text that is none": (lambda face: face.embed(["a", None]), {}, "InvalidInputError 0"),
    "a typo": (lambda face: face.embed(TEXTS, batchsize=1), {}, "TypeError 0"),
    "closed": (lambda face: (face.close(), face.close(), one(face)), {}, "ClientClosedError 0"),
    "a stream, closed": (lambda face: (face.close(), stream(face)), {}, "tuple 0"),
    "a stream, unordered": (lambda face: face.rows(TEXTS, ordered=False), {}, "tuple 3"),
    "a stream of a bad text": (lambda face: face.rows(["a", "\ud800"]), {"batch_size": 1}, "tuple 1"),
    "a stream, its source breaks off": (lambda face: face.rows(TEXTS[at] for at in range(99)), {}, "tuple 3"),
}

CASES = [
    *(
        pytest.param(way, script, settings, ends, id=f"{script!s:.30}, {way.__name__}")
        for script, settings, *wanted in FAULTS
        for way, ends in zip((one, many, stream), wanted, strict=False)
    ),
    *(pytest.param(way, OK, settings, ends, id=name) for name, (way, settings, ends) in OTHERS.items()),
]


def told(value):
    """A value in a form that can be compared: errors with their class, message, fields, notes and cause."""
    match value:
        case EmbeddingResult():
            return value.model, value.engine, told([value.vectors, value.failures, value.stats])
        case np.ndarray():
            return str(value.dtype), value.shape, value.tobytes()
        case Stats():
            return [round(part, 6) if isinstance(part, float) else part for part in value]  # virtual seconds
        case Failure():
            return value.index, told(value.error), value.retryable
        case BaseException():
            fields = {name: told(given) for name, given in vars(value).items()}
            return type(value).__name__, str(value), fields, told(value.__cause__)
        case list() | tuple():
            return [told(part) for part in value]
    return repr(value)


@pytest.mark.parametrize(("way", "script", "settings", "ends"), CASES)
def test_both_clients_do_the_same(way, script, settings, ends, caplog):
    outcomes = []
    for kind in (SyncFace, AsyncFace):
        caplog.clear()
        service = Service(script)
        with kind(service, **{"batch_size": 5} | settings) as face:
            try:
                value = way(face)
            except Exception as error:  # noqa: BLE001 - compared
                value = error
        assert f"{type(value).__name__} {len(service.requests)}" == ends
        sent = sorted((request.target, request.head.raw, request.body) for request in service.requests)
        logged = sorted(record.getMessage() for record in caplog.records if record.name.startswith("inworld"))
        outcomes.append((told(value), sent, logged))
    assert outcomes[0] == outcomes[1]
