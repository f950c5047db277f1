"""Mutation check: plants known bugs, one at a time, and demands that the tests notice: `mutate.py [NAME ...]`.

Each mutation is a line of code replaced in a copy of the package; the tests named beside it must fail on the copy.
Exit codes: 0 all were killed, 1 one survived, or no longer fits the code.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "inworld_embeddings"
# The same line stands in both decoders; the one after it tells them apart.
FINITE = '"):\n            for at in range(0, count, step):\n                '

MUTATIONS = {
    ("_engine/results.py", "tests/wrapper/engine/test_window.py"): {
        "swap zip": ("zip(part.indexes, part", "zip(reversed(part.indexes), part"),
    },
    ("_engine/results.py", "tests/wrapper/test_client.py tests/wrapper/engine/test_costs.py"): {
        "put rows in the wrong places": ("(part.indexes)] = outcome", "(part.indexes)] = outcome[::-1]"),
        "read rows into another's place": ("_vectors[place] if", "_vectors[: len(indexes)] if"),
    },
    ("_http/pool.py", "tests/wrapper/http/test_pool.py"): {
        "keep the end of an earlier body": ("del buffer[length:]", "pass"),
    },
    ("_http/connection.py", "tests/wrapper/http/test_connection.py -k B09"): {
        "keep a connection with a stray response": ('raise ValueError("a second response")', "pass"),
    },
    ("_decoding.py", "tests/wrapper/test_decoding.py"): {
        "skip count check, fast": ("decode(frame).embeddings) != count", "decode(frame).embeddings) < 0"),
        "skip count check, strict": ("len(embeddings) != count:\n        raise", "False:\n        raise"),
        "skip ragged check": ("if not dimension or len(embedding.values) != dimension", "if not dimension"),
        "skip finite check": (f"raise{FINITE}block", f"ignore{FINITE}block"),
        "skip finite check, fast": (f"raise{FINITE}rows", f"ignore{FINITE}rows"),
        "trust flattened arrays": ('frame.count(b"[") != count + 1', 'frame.count(b"[") < count + 1'),
        "skip ragged check, fast": ("set(map(len, rows)) != {dimension}", "not rows"),
        "lose the sign of zero": ("if (vectors == 0).any() and _NEGATIVE_ZERO.search(body)", "if False"),
        "follow a dimension change": ("dimension is not None and vectors.shape[1] != dimension", "False"),
    },
    ("_retry.py", "tests/wrapper/test_retry.py"): {
        "jitter before cap": ("random() * min(cap, base * 2", "min(cap, random() * base * 2"),
        "no jitter on retry_after": ("retry_after * (1.0 + self.spread * random())", "retry_after"),
        "wait past the deadline": ("if wait >= remaining:", "if False:"),
        "free retries without end": ("if not spent.free:", "if True:"),
    },
    ("_retry.py", "tests/wrapper/engine/test_batch_runner.py -k 'C02 or C03 or C11'"): {
        "retry what is final": ("NEVER:\n        return Stop()", "NEVER:\n        kind = Kind.TRANSIENT"),
        "one retry too many": ("spent.throttles >= max_retries:", "spent.throttles > max_retries:"),
    },
    ("_throttle.py", "tests/wrapper/test_throttle.py tests/wrapper/test_overload.py"): {
        "cut on any error": ("FAILED:\n", "FAILED:\n            self.limit = max(1.0, self.limit * CUT)\n"),
        "grow without bound": ("min(self._max, self.limit + step)", "self.limit + step"),
        "grow on a refusal": ("if was_full and outcome is Outcome.SUCCESS:", "if was_full:"),
    },
    ("_engine/batch_runner.py", "tests/wrapper/engine -k 'G08 or C11'"): {
        "keep a retry that was never sent": ("session.admission.budget.give_back()", "pass"),
        "count the retries of an outage": ("if retry.counts or not retry.wait:", "if True:"),
    },
    ("_engine/engine.py", "tests/wrapper/test_processes.py -k F01"): {
        "drop PID check": ("key = os.getpid(), asyncio", "key = 0, asyncio"),
    },
    ("_engine/sync_bridge.py", "tests/wrapper/test_processes.py -k F01"): {
        "drop PID check, thread": (" or _shared.pid != os.getpid():\n        # In", ":\n        # In"),
    },
}
"""By the file below the package and the tests that must fail: what was done, with a text that stands exactly once in the file
and what is put in its place."""


def is_killed(name: str, file: str, old: str, new: str, tests: str) -> bool:
    """Whether the mutation's tests fail on a copy that has it."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / PACKAGE
        shutil.copytree(ROOT / "wrapper" / PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        source = (copy / file).read_text("utf-8")
        if source.count(old) != 1:
            raise SystemExit(f"{name}: {file} has changed; mend the mutation")
        (copy / file).write_text(source.replace(old, new), "utf-8")
        path = os.pathsep.join([scratch, str(ROOT / "generated"), str(ROOT / "emulator")])
        command = [sys.executable, "-m", "pytest", "-qx", "-p", "no:cacheprovider", *shlex.split(tests)]
        how: dict[str, Any] = {"cwd": ROOT, "env": os.environ | {"PYTHONPATH": path}, "timeout": 900}
        done = subprocess.run(command, **how, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{name}: the tests did not run\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 1


def main(names: list[str]) -> int:
    """Runs the program; see the module's docstring for the exit codes."""
    outcomes = []
    for (file, tests), planted in MUTATIONS.items():
        for name, (old, new) in planted.items():
            if not names or name in names:
                outcomes.append(is_killed(name, file, old, new, tests))
                print(f"{'killed  ' if outcomes[-1] else 'SURVIVED'} {name}", flush=True)
    print(f"{sum(outcomes)} of {len(outcomes)} killed")
    return 0 if outcomes and all(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
