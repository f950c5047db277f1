"""Replacing a file or a folder: all of it or nothing, whatever fails, and nothing left behind."""

import os
import subprocess
import sys

import pytest

from _files import differences, recover_folder, replace_file, replace_folder


@pytest.fixture
def folders(tmp_path):
    new, target = tmp_path / "elsewhere" / "new", tmp_path / "tree" / "generated" / "package"
    for folder, text in ((new, "new"), (target, "old")):
        folder.mkdir(parents=True)
        (folder / "a.py").write_text(text)
    (target / "gone.py").write_text("old")
    return new, target, tmp_path / "tree" / ".swap"


def failing(at: int, error: BaseException):
    """A rename that fails the `at`-th time."""
    calls = []

    def rename(source, destination):
        calls.append(source)
        if len(calls) == at:
            raise error
        source.rename(destination)

    return rename


def test_a_folder_is_replaced_whole(folders, everything):
    new, target, swap = folders
    replace_folder(new, target, swap)
    assert everything(swap.parent) == {"generated/package/a.py": b"new"}


def test_a_missing_folder_is_made(folders, everything):
    new, target, swap = folders
    replace_folder(new, target.parent.parent / "other" / "package", swap)
    assert everything(swap.parent)["other/package/a.py"] == b"new"


@pytest.mark.parametrize("error", [OSError("no"), KeyboardInterrupt(), SystemExit(143)], ids=repr)
@pytest.mark.parametrize("at", [1, 2])
def test_a_failed_swap_is_rolled_back(folders, everything, at, error):
    new, target, swap = folders
    before = everything(swap.parent)
    with pytest.raises(type(error)):
        replace_folder(new, target, swap, failing(at, error))
    assert everything(swap.parent) == before
    assert not swap.exists()


@pytest.mark.parametrize("at", [1, 2])
def test_a_swap_that_was_killed_is_undone_by_the_next_run(folders, everything, at):
    new, target, swap = folders
    before = everything(swap.parent)
    program = (
        "import os, sys; from pathlib import Path; from _files import replace_folder\n"
        "left = int(sys.argv.pop())\n"
        "def rename(a, b):\n"
        "    global left\n"
        "    left -= 1\n"
        "    os.rename(a, b) if left else os._exit(9)\n"
        "replace_folder(*map(Path, sys.argv[1:]), rename)\n"
    )
    command = [sys.executable, "-c", program, new, target, swap, str(at)]
    env = {**os.environ, "PYTHONPATH": str(next(path for path in sys.path if path.endswith("tools")))}
    assert subprocess.run(command, env=env, check=False).returncode == 9
    recover_folder(target, swap)
    assert everything(swap.parent) == before


def test_a_new_folder_that_cannot_be_read_changes_nothing(folders, everything):
    new, target, swap = folders
    before = everything(swap.parent)
    with pytest.raises(OSError, match="none"):
        replace_folder(new / "none", target, swap)
    assert everything(swap.parent) == before


def test_a_file_that_cannot_be_replaced_is_left_with_no_litter(tmp_path):
    target = tmp_path / "target"
    target.mkdir()  # a folder in the way makes the rename fail
    with pytest.raises(OSError, match="target"):
        replace_file(target, b"new")
    assert list(tmp_path.iterdir()) == [target]


def test_differences_are_named_by_kind():
    assert differences({"a": b"1", "b": b"1", "c": b"1"}, {"b": b"2", "c": b"1", "d": b"1"}) == [
        "not generated: a",
        "differs: b",
        "missing: d",
    ]
