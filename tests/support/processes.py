"""What row tests share that run programs of their own: a preamble, and how long a storm lasts."""

import os
import subprocess
import sys
from pathlib import Path

from support.clients import KEY

STORM = int(os.environ.get("STORM", "1"))
"""How many times longer the storms of section F last: an environment variable, for runs of an hour."""

PREAMBLE = f"""
import asyncio, os, random, signal, sys, threading, time
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
import numpy as np
from support.vectors import vector_for, vectors_for
from inworld_embeddings import *
URL, STORM = sys.argv[1], {STORM}

def make(kind=EmbeddingClient, **settings):
    return kind(base_url=URL, api_key={KEY!r}, **settings)

def right(client, text):
    return np.array_equal(client.embed(text), vector_for(text))
"""


def program(code, url="http://127.0.0.1:9", *options, timeout=60, environ=None):
    """Runs a program after the preamble; what it wrote and how it ended. No warning passes unseen."""
    command = [sys.executable, "-W", "error", *options, "-c", PREAMBLE + code, url]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, env=dict(os.environ) | (environ or {})
    )


def assert_silent(done):
    """It ended well and had nothing to complain of."""
    assert (done.returncode, done.stderr) == (0, "")
