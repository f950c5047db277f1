"""docs/playground.md: its example runs, and what it says of sizes and limits is so."""

import re
import subprocess
import sys
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "playground.md").read_text("utf-8")


def test_the_example_runs():
    [code] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+\n", done.stdout)


def test_the_limits_are_those_of_the_page(static):
    lines = (static / "lines.js").read_text("utf-8")
    most = {
        name: int(number.replace("_", "")) for name, number in re.findall(r"MOST_(\w+) = ([\d_]+);", lines)
    }
    said = f"{most['TEXTS']} texts and {most['CHARACTERS']:,} characters".replace(",", " ")
    assert said in PAGE
    assert said in (static / "index.html").read_text("utf-8")
