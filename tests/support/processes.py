"""What tests share that run programs of their own, and those whose size is a matter of patience."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from support.clients import KEY

STORM = int(os.environ.get("STORM", "1"))
"""How many times longer the long storms last: an environment variable, for runs of an hour."""

SEED = int(os.environ.get("SEED", random.randrange(2**32)))
"""Of what is left to chance: an environment variable too. It stands in the output of a test that fails."""


def storm(short, long):
    """Gives a test its ``size``: a short one in every run, a long one, times `STORM`, under the marker ``long``."""
    return pytest.mark.parametrize("size", [short, pytest.param(long * STORM, marks=pytest.mark.long)])


def dice():
    """A source of randomness that tells its seed."""
    print(f"SEED={SEED}")  # noqa: T201 - pytest shows it where a test fails
    return random.Random(SEED)


PREAMBLE = f"""
import asyncio, os, random, signal, sys, threading, time
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
import numpy as np
from support.vectors import vector_for, vectors_for
from inworld_embeddings import *
URL, SIZE = sys.argv[1], int(sys.argv[2])
random.seed({SEED})

def make(kind=EmbeddingClient, **settings):
    return kind(base_url=URL, api_key={KEY!r}, **settings)

def right(client, text):
    return np.array_equal(client.embed(text), vector_for(text))
"""


def program(code, url="http://127.0.0.1:9", *options, size=1, preamble=PREAMBLE, timeout=120, environ=None):
    """Runs a program after a preamble; what it wrote and how it ended. No warning passes unseen."""
    print(f"SEED={SEED}")  # noqa: T201 - pytest shows it where a test fails
    command = [sys.executable, "-W", "error", *options, "-c", preamble + code, url, str(size)]
    environ = dict(os.environ) | (environ or {})
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=environ,
        timeout=timeout,
        start_new_session=True,
        check=False,
    )


def assert_silent(done):
    """It ended well and had nothing to complain of."""
    assert (done.returncode, done.stderr) == (0, "")
