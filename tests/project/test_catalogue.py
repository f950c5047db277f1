"""Every row of the fault catalogue has a test that names its id."""

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
CATALOGUE = (TESTS.parent / "docs" / "understand" / "fault-catalogue.md").read_text("utf-8")

_ROW = re.compile(r"^\| ([A-I])([0-9]{2})(?:\u2013[A-I]([0-9]{2}))? \|", re.MULTILINE)
_NAME = re.compile(r"^\s*(?:async )?def test_((?:[A-I][0-9]{2}_)+)\w", re.MULTILINE)


def rows_of(page):
    """The ids in the tables; some stand for several rows."""
    for section, first, last in _ROW.findall(page):
        yield from (f"{section}{number:02}" for number in range(int(first), int(last or first) + 1))


def named_in(source):
    """The ids in the names of a file's tests: one, or several in a row."""
    return {row for ids in _NAME.findall(source) for row in ids.split("_") if row}


def test_every_row_has_a_test_and_no_test_names_another():
    rows = set(rows_of(CATALOGUE))
    assert {row[0] for row in rows} == set("ABCDEFGHI")
    named = set().union(*(named_in(path.read_text("utf-8")) for path in TESTS.rglob("test_*.py")))
    assert sorted(named - rows) == []
    assert sorted(rows - named) == []
