"""Where output goes on a bad day: narrow encodings, a full disk, a reader or a terminal that is gone."""

import subprocess
import sys

import pytest

from .conftest import CLEAN

COMMAND = f"{sys.executable} -W error -m inworld_embeddings"


def shell(line, **environment):
    """Exit code and error output of a line, in which ``ie`` is the command."""
    script = f'ie() {{ {COMMAND} "$@"; }}; set -o pipefail; {line}'
    done = subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        env=CLEAN | environment,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
    return done.returncode, done.stdout, done.stderr.decode()


C = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


@pytest.mark.parametrize(
    ("line", "environment", "code", "says"),
    [
        ("seq 300 | ie embed --local | head -n 1", {}, 0, "stand-in"),
        ("ie embed --local x > /dev/full", {}, 1, "error: No space left on device"),
        ("ie demo > /dev/full", "without click", 1, "error: No space left on device"),
        ("ie embed --local x >&-", {}, 2, "Standard output is closed"),
        ("ie embed --local <&-", {}, 2, "Give texts as arguments"),
        ("ie embed --local x 2>&-", {}, 0, ""),
        ("echo '日本' | ie search --local x -", {"PYTHONIOENCODING": "cp1252"}, 0, r"\u65e5\u672c"),
        ("ie embed --local --format table '日本'", C, 0, r"\u65e5\u672c"),
    ],
)
def test_no_output_ends_in_a_traceback_and_what_an_encoding_lacks_is_its_number(
    without_click, line, environment, code, says
):
    ended, out, err = shell(line, **without_click if environment == "without click" else environment)
    assert ended == code, err
    assert says in err + out.decode("latin-1")


def test_an_argument_is_the_same_text_under_every_locale(run):
    assert shell("ie embed --local '日本'", **C)[1].decode() == run("embed", "--local", "日本")[1]
