"""What holds for every test: no planted key and no planted text gets out, anywhere.

The fake keys of this suite are made of `PLANTED_KEY` and `PLANTED_SECRET`, its private texts hold `PLANTED_TEXT`. After each
test that passed, captured output, log records of every level, and every error that was made, as text, repr and pickle,
are searched for them.
"""

import base64
import pickle
import signal

import pytest
from hypothesis import settings

from inworld_embeddings import errors

PLANTED_KEY, PLANTED_SECRET, PLANTED_TEXT = "planted-key", "planted-secret", "planted-text"
SIZE = 8

settings.register_profile("default", deadline=None, print_blob=True)
settings.load_profile("default")

# A shell starts so what runs in the background, and nohup what outlives it: the programs of the signal tests would inherit it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

_made: list[errors.InworldEmbeddingsError] = []


def _pieces():
    """Every eight characters of the planted secrets, plain and in base64."""
    yield from (PLANTED_SECRET, PLANTED_TEXT)
    encoded = base64.b64encode(f"{PLANTED_KEY}:{PLANTED_SECRET}".encode()).decode().rstrip("=")
    yield from (encoded[start : start + SIZE] for start in range(len(encoded) - SIZE))


PIECES = tuple(_pieces())


def _remember(self, *arguments, **fields):
    _remember.original(self, *arguments, **fields)
    _made.append(self)


_remember.original = errors.InworldEmbeddingsError.__init__
errors.InworldEmbeddingsError.__init__ = _remember


def leaks(text):
    return [piece for piece in PIECES if piece in text]


def _forms(error):
    yield "message", str(error)
    yield "repr", repr(error)
    yield "attributes", repr(vars(error))
    yield "notes", "".join(getattr(error, "__notes__", ()))
    yield "pickle", pickle.dumps(error).decode("latin-1")


def _leaks_of(report):
    yield from ((name, leaks(getattr(report, name))) for name in ("capstdout", "capstderr", "caplog"))
    for error in _made:
        yield from ((f"{type(error).__name__}'s {name}", leaks(text)) for name, text in _forms(error))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when == "call" and report.passed:
        found = [f"{where}: {pieces}" for where, pieces in _leaks_of(report) if pieces]
        if found:
            report.outcome = "failed"
            report.longrepr = "a planted secret got out in " + "; ".join(found)
    if report.when == "teardown":
        _made.clear()
