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

settings.register_profile("default", deadline=None, print_blob=True)
settings.load_profile("default")

# A shell starts so what runs in the background, and nohup what outlives it: the programs of the signal tests would inherit it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

_made = []
_init = errors.InworldEmbeddingsError.__init__


def _remember(self, *arguments, **fields):
    _init(self, *arguments, **fields)
    _made.append(self)


errors.InworldEmbeddingsError.__init__ = _remember

# Every eight characters of the planted secrets, plain and in base64.
_ENCODED = base64.b64encode(f"{PLANTED_KEY}:{PLANTED_SECRET}".encode()).decode().rstrip("=")
PIECES = [PLANTED_SECRET, PLANTED_TEXT, *(_ENCODED[start : start + 8] for start in range(len(_ENCODED) - 8))]


def _seen(report):
    yield from ((name, getattr(report, name)) for name in ("capstdout", "capstderr", "caplog"))
    for error in _made:
        notes, pickled = getattr(error, "__notes__", ()), pickle.dumps(error).decode("latin-1")
        yield type(error).__name__, f"{error} {error!r} {vars(error)} {notes} {pickled}"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when == "call" and report.passed:
        found = [f"{where}: {piece}" for where, text in _seen(report) for piece in PIECES if piece in text]
        if found:
            report.outcome = "failed"
            report.longrepr = f"a planted secret got out in {found}"
    if report.when == "teardown":
        _made.clear()
