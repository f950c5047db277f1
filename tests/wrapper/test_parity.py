"""The two clients are one: in each situation both send the same, return or raise the same, log the same, and take as long.

So every other test runs through one of them, unless it is about threads or about asyncio.
"""

import functools
from types import SimpleNamespace

import numpy as np
import pytest

from inworld_embeddings import EmbeddingResult, Failure, Stats
from support.clients import asynchronous_key
from support.fault import OK
from support.faults import black_hole
from support.in_process import KEY, AsyncFace, Service, SyncFace

TEXTS = [f"planted-text {number}" for number in range(12)]


def one(face, **options):
    return face.embed(TEXTS[0], **options)


def many(face, **options):
    return face.embed(TEXTS, **options)


def rows(face, **options):
    return face.rows(TEXTS, **options)


def case(name, ends, requests, does=many, script=OK, *, call=None, **settings):
    """A situation, and what it comes to: the class of what is returned or raised, and the number of requests."""
    does = functools.partial(does, **(call or {}))
    made = SimpleNamespace(ends=ends, requests=requests, script=script, does=does, settings=settings)
    return pytest.param(made, id=name)


def no_key():
    raise OSError("the vault is closed")


def with_progress(face):
    seen = []
    return face.embed(TEXTS, on_progress=lambda *done: seen.append(done)), seen


def local(face):
    face.client = type(face.client).local(batch_size=4)
    return face.embed(TEXTS), face.embed("one")


def after_close(work):
    def does(face):
        face.close()
        face.close()
        return work(face)

    return does


def breaks_off(face):
    def source():
        yield from TEXTS[:7]
        raise LookupError("the source")

    return face.rows(source())


RETURN, SMALL = {"on_error": "return"}, {"batch_size": 1, "max_concurrency": 1}
GUILTY = f'poison="^{TEXTS[5]}$"'
VECTOR, RESULT, ROWS, PARTIAL = "ndarray", "EmbeddingResult", "tuple", "PartialFailureError"

GOOD = [
    case("one text", VECTOR, 1, one),
    case("a sequence", RESULT, 1),
    case("a generator", RESULT, 1, lambda face: face.embed(text for text in TEXTS)),
    case("no texts", RESULT, 0, lambda face: face.embed([])),
    case("a rate limit", RESULT, 12, rate_limit=2.0, **SMALL),
    case("progress", "tuple", 3, with_progress, batch_size=5),
    case("an async key provider", VECTOR, 1, one, api_key=asynchronous_key),
    case("a plan", "Plan", 0, lambda face: face.client.plan(TEXTS, batch_size=5)),
    case("local mode", "tuple", 0, local),
]

REFUSED_HERE = [
    case("bytes", "InvalidInputError", 0, lambda face: face.embed(b"x")),
    case("a text that is none", "InvalidInputError", 0, lambda face: face.embed(["a", None])),
    case("a typo", "TypeError", 0, call={"batchsize": 1}),
    case("a bad key of a provider", "ConfigurationError", 0, one, api_key=lambda: KEY + "\n"),
    case("a provider that fails", "APIConnectionError", 0, one, api_key=no_key, max_retries=0),
    case("closed", "ClientClosedError", 0, after_close(one)),
    case("closed, a stream", "tuple", 0, after_close(rows)),
]

STATUSES = [
    case("429 that says 2 s", VECTOR, 2, one, script="status=429;retry-after=2, ok"),
    case("one refused, returned", RESULT, 8, script=f"{GUILTY};silent", call=RETURN),
    case("one refused in its batch", PARTIAL, 12, script=GUILTY, **SMALL),
    case("its copies refused", PARTIAL, 2, lambda face: face.embed(TEXTS[4:6] * 3, dedupe=True, **SMALL), GUILTY),
]  # fmt: skip

LOST = [
    case("another dimension", RESULT, 3, script="ok, dimension=16", call=RETURN, **SMALL),
    case("silence", "APITimeoutError", 1, one, script=black_hole, timeout=1.5),
    case("silence for some", PARTIAL, 4, script=[OK, OK, OK, black_hole], timeout=1.5, **SMALL),
    case("no time for a wait", "RateLimitError", 1, one, script="status=429;retry-after=30", timeout=9.0),
]

STREAMS = [
    case("a stream", ROWS, 3, rows, batch_size=5),
    case("a stream, unordered", ROWS, 3, rows, batch_size=5, call={"ordered": False}),
    case("a stream, the last refused", ROWS, 12, rows, script=f'poison="^{TEXTS[-1]}$"', **SMALL),
    case("a stream, one refused, returned", ROWS, 12, rows, script=GUILTY, call=RETURN, **SMALL),
    case("a stream of a bad text", ROWS, 1, lambda face: face.rows(["a", "b", "\ud800"]), batch_size=2),
    case("a stream, its source breaks off", ROWS, 2, breaks_off, batch_size=5),
    case("a stream, silence", ROWS, 1, rows, script=black_hole, timeout=1.5),
]


def told(value):
    """A value in a form that can be compared: errors with their class, message, fields, notes and cause."""
    match value:
        case EmbeddingResult():
            parts = told([value.vectors, value.failures, value.stats])
            return "result", value.model, value.engine, parts
        case np.ndarray():
            return str(value.dtype), value.shape, value.tobytes()
        case Stats():
            figures = {name: getattr(value, name) for name in value.__slots__}
            return figures | {"seconds": round(value.seconds, 6)}  # virtual ones: how long was waited
        case Failure():
            return value.index, told(value.error), value.retryable
        case BaseException():
            fields = {name: told(given) for name, given in vars(value).items()}
            return type(value).__name__, str(value), fields, told(value.__cause__)
        case list() | tuple():
            return [told(part) for part in value]
    return repr(value)


def outcome_of(case, face_class, caplog):
    """What the caller got, how often was sent, and everything that can be seen of it from outside."""
    caplog.clear()
    service = Service(case.script)
    with face_class(service, **case.settings) as face:
        try:
            value = case.does(face)
        except Exception as error:  # noqa: BLE001 - compared
            value = error
    sent = sorted((request.head.target, request.head.headers, request.body) for request in service.requests)
    logged = sorted(record.getMessage() for record in caplog.records if record.name.startswith("inworld"))
    return value, (told(value), sent, logged)


@pytest.mark.parametrize("case", [*GOOD, *REFUSED_HERE, *STATUSES, *LOST, *STREAMS])
def test_both_clients_do_the_same(case, caplog):
    (value, by_sync), (_, by_async) = (outcome_of(case, face, caplog) for face in (SyncFace, AsyncFace))
    assert (type(value).__name__, len(by_sync[1])) == (case.ends, case.requests)
    assert by_sync == by_async
