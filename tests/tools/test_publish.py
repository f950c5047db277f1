"""Several places change together or not at all, even if the program is killed at any of its file operations."""

import os
import subprocess
import sys

import pytest

from _publish import publish, recover

NAMES = ["spec.yaml", "code/package", "fixtures", "gone"]

KILLED = """
import os, sys
from pathlib import Path
from _publish import publish
left = int(sys.argv[3])
def hook(event, arguments):
    global left
    if event in {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.chmod", "shutil.copyfile"}:
        left -= 1
        if left == 0:
            os._exit(9)
sys.addaudithook(hook)
publish(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[4:])
"""


def fill(folder, text):
    for name in (
        "spec.yaml",
        "code/package/a.py",
        f"code/package/{text}.py",
        "fixtures/x/1.json",
        f"fixtures/{text}.json",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.fixture
def folders(tmp_path):
    work, root = tmp_path / "work", tmp_path / "root"
    fill(work, "new")
    fill(root, "old")
    (root / "other.txt").write_text("mine")
    return work, root


def test_everything_named_is_replaced_and_nothing_else(folders, everything):
    work, root = folders
    publish(work, root, NAMES)
    assert everything(root) == {**everything(work), "other.txt": b"mine"}


def test_what_was_not_there_is_made(folders, everything):
    work, root = folders
    (work / "more").mkdir()
    (work / "more" / "a").write_text("a")
    publish(work, root, ["more"])
    assert everything(root)["more/a"] == b"a"


def test_a_kill_at_every_file_operation_leaves_all_or_nothing(folders, everything, root):
    work, target = folders
    old, new = everything(target), {**everything(work), "other.txt": b"mine"}
    env = {**os.environ, "PYTHONPATH": str(root / "tools")}
    seen, number = set(), 0
    while True:
        number += 1
        command = [sys.executable, "-S", "-c", KILLED, str(work), str(target), str(number), *NAMES]
        code = subprocess.run(command, env=env).returncode
        recover(target)
        now = everything(target)
        assert now in (old, new), f"killed at operation {number}"
        seen.add(now == new)
        if code == 0:
            break
        assert code == 9
        if now == new:  # from here on it is finished by whoever comes next
            for name in now.keys() - {"other.txt"}:
                (target / name).unlink()
            fill(target, "old")
    assert seen == {True, False}
    assert number > 20


@pytest.mark.parametrize("error", [OSError("no"), KeyboardInterrupt()], ids=repr)
def test_an_error_while_staging_changes_nothing(folders, everything, error, monkeypatch):
    work, root = folders
    before = everything(root)
    monkeypatch.setattr("_publish._copy", lambda *_: (_ for _ in ()).throw(error))
    with pytest.raises(type(error)):
        publish(work, root, NAMES)
    assert everything(root) == before
