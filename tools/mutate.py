"""Mutation check: plants known bugs, one at a time, and demands that the tests notice: `mutate.py [NAME ...]`.

Each mutation is a line of code replaced in a copy of the package; the tests named beside it must fail on the copy.
Exit codes: 0 all were killed, 1 one survived, 2 a mutation no longer fits the code.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "inworld_embeddings"


@dataclass(frozen=True, slots=True)
class Mutation:
    """One planted bug.

    Attributes:
        name: What was done.
        file: Below the package.
        old: Stands exactly once in the file.
        new: Put in its place.
        tests: What must fail then.
    """

    name: str
    file: str
    old: str
    new: str
    tests: str


MUTATIONS = (
    Mutation(
        "swap zip",
        "_engine/results.py",
        "zip(part.indexes, part.outcome, strict=True)",
        "zip(reversed(part.indexes), part.outcome, strict=True)",
        "tests/wrapper/engine/test_window.py",
    ),
    Mutation(
        "put rows in the wrong places",
        "_engine/results.py",
        "self._vectors[_place(part.indexes)] = outcome",
        "self._vectors[_place(part.indexes)] = outcome[::-1]",
        "tests/wrapper/test_client.py",
    ),
    Mutation(
        "read rows into another's place",
        "_engine/results.py",
        "return self._vectors[place] if",
        "return self._vectors[: len(indexes)] if",
        "tests/wrapper/test_client.py tests/wrapper/engine/test_costs.py",
    ),
    Mutation(
        "keep the end of an earlier body",
        "_http/pool.py",
        "del buffer[length:]",
        "pass",
        "tests/wrapper/http/test_pool.py",
    ),
    Mutation(
        "skip count check, fast",
        "_decoding.py",
        "or len(_strict.decode(frame).embeddings) != count",
        "or len(_strict.decode(frame).embeddings) < 0",
        "tests/wrapper/test_decoding.py",
    ),
    Mutation(
        "skip count check, strict",
        "_decoding.py",
        "if len(embeddings) != count:\n        raise",
        "if False:\n        raise",
        "tests/wrapper/test_decoding.py",
    ),
    Mutation(
        "skip ragged check",
        "_decoding.py",
        "if not dimension or len(embedding.values) != dimension:",
        "if not dimension:",
        "tests/wrapper/test_decoding.py",
    ),
    Mutation(
        "skip finite check",
        "_decoding.py",
        'np.errstate(over="raise"):\n            for at in range(0, count, step):\n                block',
        'np.errstate(over="ignore"):\n            for at in range(0, count, step):\n                block',
        "tests/wrapper/test_decoding.py",
    ),
    Mutation(
        "skip finite check, fast",
        "_decoding.py",
        'np.errstate(over="raise"):\n            for at in range(0, count, step):\n                rows',
        'np.errstate(over="ignore"):\n            for at in range(0, count, step):\n                rows',
        "tests/wrapper/test_decoding.py",
    ),
    Mutation(
        "trust flattened arrays",
        "_decoding.py",
        'frame.count(b"[") != count + 1',
        'frame.count(b"[") < count + 1',
        "tests/wrapper/test_decoding.py",
    ),
    Mutation(
        "skip ragged check, fast",
        "_decoding.py",
        "set(map(len, rows)) != {dimension}",
        "not rows",
        "tests/wrapper/test_decoding.py",
    ),
    Mutation(
        "lose the sign of zero",
        "_decoding.py",
        "if (vectors == 0).any() and _NEGATIVE_ZERO.search(body):",
        "if False:",
        "tests/wrapper/test_decoding.py",
    ),
    Mutation(
        "jitter before cap",
        "_retry.py",
        "return random() * min(cap, base * 2.0 ** min(retries, 64))",
        "return min(cap, random() * base * 2.0 ** min(retries, 64))",
        "tests/wrapper/test_retry.py",
    ),
    Mutation(
        "no jitter on retry_after",
        "_retry.py",
        "return retry_after * (1.0 + self.spread * random())",
        "return retry_after",
        "tests/wrapper/test_retry.py",
    ),
    Mutation(
        "cut on any error",
        "_throttle.py",
        "        elif outcome is Outcome.FAILED:\n",
        "        elif outcome is Outcome.FAILED:\n            self.limit = max(1.0, self.limit * CUT)\n",
        "tests/wrapper/test_throttle.py tests/wrapper/test_overload.py",
    ),
    Mutation(
        "grow without bound",
        "_throttle.py",
        "self.limit = min(self._max, self.limit + step)",
        "self.limit = self.limit + step",
        "tests/wrapper/test_throttle.py",
    ),
    Mutation(
        "grow on a refusal",
        "_throttle.py",
        "if was_full and outcome is Outcome.SUCCESS:",
        "if was_full:",
        "tests/wrapper/test_throttle.py",
    ),
    Mutation(
        "drop PID check",
        "_engine/engine.py",
        "key = os.getpid(), asyncio.get_running_loop()",
        "key = 0, asyncio.get_running_loop()",
        "tests/wrapper/test_processes.py -k F01",
    ),
    Mutation(
        "drop PID check, thread",
        "_engine/sync_bridge.py",
        "    if _shared is None or _shared.pid != os.getpid():\n        # In a thread",
        "    if _shared is None:\n        # In a thread",
        "tests/wrapper/test_processes.py -k F01",
    ),
    Mutation(
        "retry what never changes",
        "_retry.py",
        "if kind is Kind.NEVER:\n        return Stop()",
        "if kind is Kind.NEVER:\n        kind = Kind.TRANSIENT",
        "tests/wrapper/engine/test_batch_runner.py -k 'C02 or C03'",
    ),
    Mutation(
        "one retry too many",
        "_retry.py",
        "spent.faults + spent.throttles >= max_retries:",
        "spent.faults + spent.throttles > max_retries:",
        "tests/wrapper/engine/test_batch_runner.py -k C11",
    ),
    Mutation(
        "wait past the deadline",
        "_retry.py",
        "if wait >= remaining:",
        "if False:",
        "tests/wrapper/test_retry.py",
    ),
    Mutation(
        "free retries without end",
        "_retry.py",
        "if not spent.free:",
        "if True:",
        "tests/wrapper/test_retry.py",
    ),
    Mutation(
        "keep a connection with a stray response",
        "_http/connection.py",
        'raise ValueError("a second response")',
        "pass",
        "tests/wrapper/http/test_connection.py -k B09",
    ),
    Mutation(
        "follow a dimension change",
        "_decoding.py",
        "if dimension is not None and vectors.shape[1] != dimension:",
        "if False:",
        "tests/wrapper/test_decoding.py",
    ),
)


def survivors(chosen: list[Mutation]) -> list[str]:
    """The mutations that the tests did not notice."""
    alive = []
    for mutation in chosen:
        killed = is_killed(mutation)
        print(f"{'killed  ' if killed else 'SURVIVED'} {mutation.name}", flush=True)
        if not killed:
            alive.append(mutation.name)
    return alive


def is_killed(mutation: Mutation) -> bool:
    """Whether the mutation's tests fail on a copy that has it."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / PACKAGE
        shutil.copytree(ROOT / "wrapper" / PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        file = copy / mutation.file
        source = file.read_text("utf-8")
        if source.count(mutation.old) != 1:
            raise SystemExit(f"{mutation.name}: {mutation.file} has changed; mend the mutation")
        file.write_text(source.replace(mutation.old, mutation.new), "utf-8")
        command = f"{sys.executable} -m pytest -q -x -p no:cacheprovider {mutation.tests}"
        env = os.environ | {
            "PYTHONPATH": os.pathsep.join([scratch, str(ROOT / "generated"), str(ROOT / "emulator")])
        }
        done = subprocess.run(
            command, shell=True, cwd=ROOT, env=env, capture_output=True, text=True, timeout=900, check=False
        )
    if done.returncode not in (0, 1):
        raise SystemExit(
            f"{mutation.name}: the tests did not run\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    return done.returncode == 1


def main(names: list[str]) -> int:
    """Runs the program; see the module's docstring for the exit codes."""
    chosen = [mutation for mutation in MUTATIONS if not names or mutation.name in names]
    alive = survivors(chosen)
    print(f"{len(chosen) - len(alive)} of {len(chosen)} killed")
    return 1 if alive or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
