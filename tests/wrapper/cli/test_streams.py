"""Where output goes on a bad day: narrow encodings, a full disk, a reader or a terminal that is gone."""

import os
import subprocess
import sys

import pytest

C = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


def shell(line, **environment):
    """Exit code and output, with errors, of a line in which ``ie`` is the command."""
    command = f'ie() {{ {sys.executable} -W error -m inworld_embeddings "$@"; }}; set -o pipefail; {line}'
    done = subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        env=os.environ | environment,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )
    said = (done.stdout + done.stderr).decode("latin-1")
    assert "Traceback" not in said
    assert "Exception ignored" not in said
    return done.returncode, said


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        ("seq 300 | ie embed --local | head -n 1", 0, "stand-in"),
        ("ie embed --local x > /dev/full", 1, "error: No space left on device"),
        ("ie embed --local x >&-", 2, "Standard output is closed"),
        ("ie embed --local <&-", 2, "Give texts as arguments"),
        ("ie embed --local x 2>&-", 0, ""),
        ("echo '日本' | PYTHONIOENCODING=cp1252 ie search --local x -", 0, r"\u65e5\u672c"),
    ],
)
def test_no_output_ends_in_a_traceback_and_what_an_encoding_lacks_is_its_number(line, code, says):
    ended, said = shell(line)
    assert (ended, says in said) == (code, True), said


def test_a_full_disk_is_one_line_without_the_extra_too(without_click):
    assert shell("ie demo > /dev/full", **without_click) == (1, "error: No space left on device\n")


def test_an_argument_is_the_same_text_under_every_locale(run):
    assert r"\u65e5\u672c" in shell("ie embed --local --format table '日本'", **C)[1]
    assert run("embed", "--local", "日本")[1] in shell("ie embed --local '日本'", **C)[1]
