"""Killed at any step, an update leaves the old copy or the new one."""

import os
import subprocess
import sys

import pytest

from inworld_embeddings.vendoring import swap

KILLED_AT_EACH_STEP = """
import os, shutil, sys
from pathlib import Path
from inworld_embeddings.vendoring import swap
from inworld_embeddings.vendoring.tree import read

home, exchanging = Path(sys.argv[1]) / "copy", sys.argv[2] == "exchange"
if not exchanging:
    swap.exchange = lambda one, other: False
OLD = {"a.py": b"old", "b/c.py": b"old", "b/gone.py": b"old"}
NEW = {"a.py": b"new", "b/c.py": b"new", "d/e/f.py": b"new"}
STEPS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.scandir", "ctypes.dlsym", "shutil.rmtree"}

def put_and_die(step):
    left = step
    def hook(event, arguments):
        nonlocal left
        if event in STEPS:
            left -= 1
            if left < 0:
                os._exit(9)
    sys.addaudithook(hook)
    swap.put(NEW, home)
    os._exit(0)

outcomes = []
for step in range(1000):
    swap.put(OLD, home)
    child = os.fork()
    if not child:
        put_and_die(step)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    found = read(home)
    if exchanging:
        assert found in (OLD, NEW), (step, found)
    swap.recover(home)
    found = read(home)
    assert found in (OLD, NEW), (step, found)
    assert [path.name for path in home.parent.iterdir()] == ["copy"], step
    outcomes.append(found == NEW)
    if code == 0:
        break
assert outcomes[0] is False and outcomes[-1] is True
print(len(outcomes))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills children")
@pytest.mark.parametrize("way", ["exchange", "two renames"])
def test_killed_at_each_step(tmp_path, way):
    if way == "exchange" and not sys.platform.startswith("linux"):
        pytest.skip("only Linux exchanges folders")
    done = subprocess.run(
        [sys.executable, "-c", KILLED_AT_EACH_STEP, str(tmp_path), way], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 15


def test_a_failure_leaves_the_old_folder(tmp_path):
    home = tmp_path / "copy"
    swap.put({"a.py": b"old"}, home)
    with pytest.raises(OSError, match="directory|exists"):
        swap.put({"a": b"file", "a/b.py": b"below a file"}, home)
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]
    assert (home / "a.py").read_bytes() == b"old"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux exchanges folders")
def test_an_exchange_that_fails_says_so(tmp_path):
    assert not swap.exchange(tmp_path / "no", tmp_path / "nothing")
