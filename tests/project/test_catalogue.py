"""Every row of the fault catalogue has a test that names its id."""

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
CATALOGUE = (TESTS.parent / "docs" / "understand" / "fault-catalogue.md").read_text("utf-8")

ROWS = re.findall(r"^\| ([A-I])([0-9]{2})(?:\u2013[A-I]([0-9]{2}))? \|", CATALOGUE, re.MULTILINE)
"""Some stand for several rows."""
NAME = re.compile(r"^\s*(?:async )?def test_((?:[A-I][0-9]{2}_)+)\w", re.MULTILINE)


def test_every_row_has_a_test_and_no_test_names_another():
    rows = {f"{part}{n:02}" for part, first, last in ROWS for n in range(int(first), int(last or first) + 1)}
    assert {row[0] for row in rows} == set("ABCDEFGHI")
    named = "".join(ids for path in TESTS.rglob("test_*.py") for ids in NAME.findall(path.read_text("utf-8")))
    assert set(filter(None, named.split("_"))) == rows
