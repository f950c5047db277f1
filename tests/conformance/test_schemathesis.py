"""schemathesis, from outside, over the served emulator: every phase, another seed each time.

Two of its checks are left out: protojson reads more than the spec describes (tests/emulator/test_handle.py says what), and
grpc-gateway answers another method with 501.

``SEED`` repeats a run, ``EXAMPLES`` makes it longer. The seed is in the output.
"""

import os
import secrets
import subprocess
import sys
from collections import Counter
from itertools import chain
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def test_all_checks_pass(served, tmp_path, capsys):
    pytest.importorskip("schemathesis", reason="nox -s conformance installs schemathesis")
    notes = tmp_path / "notes"
    seed = os.environ.get("SEED") or str(secrets.randbelow(2**32))
    command = [sys.executable, "-m", "schemathesis.cli", "--no-color", "run", "--continue-on-failure"]
    options = {
        "--url": served,
        "--header": "Authorization: Basic bG9jYWw6bG9jYWw=",
        "--exclude-checks": "negative_data_rejection,unsupported_method",
        "--phases": "examples,coverage,fuzzing,stateful",
        "--max-examples": os.environ.get("EXAMPLES", "1000"),
        "--seed": seed,
    }
    command += [str(HERE.parents[1] / "openapi.yaml"), *chain.from_iterable(options.items())]
    environment = {
        "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path]),
        "SCHEMATHESIS_HOOKS": "schemathesis_hooks",
        "CONFORMANCE_NOTES": str(notes),
    }
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=600, env=os.environ | environment
    )
    counts = Counter(notes.read_text().splitlines())
    with capsys.disabled():
        sys.stdout.write(f"\n{done.stdout}\nschemathesis, seed {seed}: {dict(counts)}\n")
    assert done.returncode == 0, done.stderr
    assert set(counts) == {"asked in another way", "readable", "unreadable", "let go: 501 for another method"}
