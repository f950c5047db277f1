"""The program: what it writes, what it refuses, what its exit codes mean."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from inworld_embeddings.vendoring import MANIFEST, Choice, Source, VendorError, check, vendor
from inworld_embeddings.vendoring.__main__ import BOTH, DONE, DRIFT, EDITED, UNUSABLE, main

ROOT = Path(__file__).resolve().parents[2]
SMALL = Choice(emulator=False)


@pytest.fixture
def copy(tmp_path, source):
    """A small copy."""
    home = tmp_path / "_vendor" / "inworld_embeddings"
    vendor(home, source, SMALL)
    return home


@pytest.fixture
def upstream(monkeypatch, source):
    """Makes the source another one: files changed, or removed with None."""

    def move(**files):
        wrapper = source.wrapper | {f"{name}.py": text for name, text in files.items()}
        moved = replace(
            source,
            version="99.0.0",
            wrapper={name: text for name, text in wrapper.items() if text is not None},
        )
        monkeypatch.setattr(Source, "here", classmethod(lambda cls: moved))

    return move


def contents(home):
    return {
        path.relative_to(home).as_posix(): path.read_bytes() for path in home.rglob("*") if path.is_file()
    }


def test_a_copy_carries_licences_types_and_a_true_manifest(tmp_path, source, capsys):
    assert main([str(tmp_path), "--package", "vectors"]) == DONE
    home = tmp_path / "vectors"
    for name in ("LICENSE", "NOTICE", "LICENSES/Apache-2.0.txt", "py.typed", "_client/py.typed"):
        assert (home / name).exists(), name
    manifest = json.loads((home / MANIFEST).read_text("utf-8"))
    origin = json.loads((ROOT / "generated/inworld_embeddings_client/provenance.json").read_text("utf-8"))
    assert manifest["version"] == source.version
    assert manifest["spec_sha256"] == origin["sha256"]["openapi.yaml"]
    assert manifest["tools"] == origin["tools"]
    assert manifest["files"].keys() == contents(home).keys() - {MANIFEST}
    assert not (home / "cli").exists()
    assert not (home / "vendoring").exists()
    said = capsys.readouterr().out
    assert "no __init__.py" in said
    assert all(line in said for line in source.requires)


@pytest.mark.parametrize("options", [["--without-emulator"], ["--low-level-only", "--without-emulator"]])
def test_again_changes_nothing(tmp_path, capsys, options):
    assert main([str(tmp_path), *options]) == DONE
    before = {path: path.stat().st_ino for path in tmp_path.rglob("*")}
    for again in ([], options):
        assert main([str(tmp_path), *again]) == DONE
        assert "up to date and unedited\n" in capsys.readouterr().out
        assert {path: path.stat().st_ino for path in tmp_path.rglob("*")} == before


def test_an_update_takes_what_is_new_and_removes_what_is_gone(copy, upstream, capsys):
    upstream(ranking=None, fresh=b'"""New."""\n', options=b'"""Changed."""\n')
    assert main([str(copy.parent), "--check"]) == DRIFT
    assert main([str(copy.parent)]) == DONE
    said = capsys.readouterr().out
    assert all(f"  {line}.py" in said for line in ("removed ranking", "added fresh", "changed options"))
    assert (copy / "fresh.py").exists()
    assert not (copy / "ranking.py").exists()
    assert not (copy / "emulator").exists(), "the choice of the first run holds"
    assert main([str(copy.parent), "--check"]) == DONE


def edit(copy):
    (copy / "options.py").write_text("# mine\n")


def add(copy):
    (copy / "mine.py").write_text("# mine\n")


def remove(copy):
    (copy / "ranking.py").unlink()


@pytest.mark.parametrize(
    ("change", "line"), [(edit, "changed options.py"), (add, "added mine.py"), (remove, "removed ranking.py")]
)
def test_edits_are_told_and_kept_unless_forced(copy, upstream, capsys, change, line):
    change(copy)
    before = contents(copy)
    assert main([str(copy.parent), "--check"]) == EDITED
    assert line in capsys.readouterr().out
    assert main([str(copy.parent)]) == EDITED
    assert line in capsys.readouterr().err
    assert contents(copy) == before
    upstream(errors=b'"""Changed."""\n')
    assert main([str(copy.parent), "--check"]) == BOTH
    assert main([str(copy.parent), "--force"]) == DONE
    assert line in capsys.readouterr().out
    assert main([str(copy.parent), "--check"]) == DONE


def test_byte_code_line_ends_and_hidden_files_are_no_edits(copy):
    (copy / "__pycache__").mkdir()
    (copy / "__pycache__" / "x.cpython-311.pyc").write_bytes(b"x")
    (copy / ".DS_Store").write_bytes(b"x")
    path = copy / "options.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert main([str(copy.parent), "--check"]) == DONE


def test_a_manifest_with_a_merge_conflict_is_refused_and_forced(copy, capsys):
    text = (copy / MANIFEST).read_text("utf-8")
    (copy / MANIFEST).write_text("<<<<<<< ours\n" + text)
    assert main([str(copy.parent), "--check"]) == UNUSABLE
    assert main([str(copy.parent)]) == UNUSABLE
    assert "--force" in capsys.readouterr().err
    assert main([str(copy.parent), "--without-emulator", "--force"]) == DONE
    assert (copy / MANIFEST).read_text("utf-8") == text


@pytest.mark.parametrize("broken", ['{"version": 1}', "null"])
def test_a_manifest_of_another_shape_is_refused(copy, source, broken):
    (copy / MANIFEST).write_text(broken)
    with pytest.raises(VendorError, match="cannot be read"):
        check(copy, source)


def test_a_folder_that_is_no_copy_is_never_replaced(tmp_path, capsys):
    (tmp_path / "acme_sdk").mkdir()
    (tmp_path / "acme_sdk" / "precious.py").write_text("")
    for more in ([], ["--force"]):
        assert main([str(tmp_path), "--package", "acme_sdk", *more]) == UNUSABLE
    assert "no vendored copy" in capsys.readouterr().err
    assert (tmp_path / "acme_sdk" / "precious.py").exists()


def test_check_without_a_copy_is_unusable(tmp_path):
    assert main([str(tmp_path), "--check"]) == UNUSABLE


@pytest.mark.parametrize("name", ["a.b", "class", "a-b", "", "../x", "1st"])
def test_a_name_that_cannot_be_imported_is_refused(tmp_path, name):
    assert main([str(tmp_path), "--package", name]) == UNUSABLE
    assert list(tmp_path.iterdir()) == []


def test_the_only_copy_is_found_by_itself_and_two_are_asked_about(tmp_path, capsys):
    assert main([str(tmp_path), "--package", "vectors", "--without-emulator"]) == DONE
    assert main([str(tmp_path), "--check"]) == DONE
    assert main([str(tmp_path), "--low-level-only"]) == DONE
    assert main([str(tmp_path), "--check"]) == UNUSABLE
    assert "inworld_embeddings_client or vectors" in capsys.readouterr().err
    assert main([str(tmp_path), "--package", "inworld_embeddings_client", "--check"]) == DONE


def test_another_choice_replaces_the_first(copy):
    assert main([str(copy.parent), "--with-emulator", "--check"]) == DRIFT
    assert main([str(copy.parent), "--with-emulator"]) == DONE
    assert (copy / "emulator" / "engines" / "minilm_table.bin").exists()
    assert main([str(copy.parent), "--check"]) == DONE


def test_testing_without_the_emulator_cannot_be(tmp_path, capsys):
    assert main([str(tmp_path), "--with-testing", "--without-emulator"]) == UNUSABLE
    assert "need the emulator" in capsys.readouterr().err


def test_a_new_requirement_is_drift(copy, source, monkeypatch, capsys):
    moved = replace(source, requires=(*source.requires, "brandnew>=2"))
    monkeypatch.setattr(Source, "here", classmethod(lambda cls: moved))
    assert main([str(copy.parent), "--check"]) == DRIFT
    assert capsys.readouterr().out.splitlines()[1:] == ["changed upstream since:", "  requires brandnew>=2"]


def test_arguments_that_cannot_be_are_unusable(capsys):
    assert main([]) == UNUSABLE
    assert main(["--help"]) == DONE
    assert "exit codes" in capsys.readouterr().out


WAYS = {
    "tool": ["-I", "-S", str(ROOT / "tools" / "vendor.py")],  # from a checkout, with nothing installed
    "module": ["-m", "inworld_embeddings.vendoring"],
    "command": ["-m", "inworld_embeddings", "vendor"],
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_in_is_the_same_program(way, copy):
    edit(copy)
    command = [sys.executable, *WAYS[way], str(copy.parent), "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (EDITED, "")
    assert done.stdout.endswith("edited here:\n  changed options.py\n")
