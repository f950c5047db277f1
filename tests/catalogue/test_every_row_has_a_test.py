"""Every row of the fault catalogue has a test that names its id."""

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROWS = dict(line.split(" ", 1) for line in (HERE / "rows.txt").read_text("utf-8").splitlines())

LATER = {"H": "bulk jobs and their storage are not built yet"}
"""Sections without tests, and why."""

_NAME = re.compile(r"^\s*(?:async )?def test_((?:[A-H][0-9]{2}_)+)\w", re.MULTILINE)


def named_in(source):
    """The ids in the names of a file's tests: one, or several in a row."""
    return {row for ids in _NAME.findall(source) for row in ids.split("_") if row}


NAMED = set().union(*(named_in(path.read_text("utf-8")) for path in HERE.parent.rglob("test_*.py")))


@pytest.mark.parametrize("row", [row for row in ROWS if row[0] not in LATER])
def test_the_row_has_a_test(row):
    assert row in NAMED, f"no test is called test_{row}_…: {ROWS[row]}"


def test_no_test_names_a_row_that_does_not_exist():
    assert ROWS.keys() >= NAMED


def test_the_list_of_rows_is_whole():
    sections = {letter: [row for row in ROWS if row[0] == letter] for letter in "ABCDEFGH"}
    for letter, rows in sections.items():
        assert rows == [f"{letter}{number:02}" for number in range(1, len(rows) + 1)]
    assert sum(map(len, sections.values())) == len(ROWS)


def test_names_are_found_as_they_are_written():
    assert named_in("def test_A01_x(): ...\n    async def test_B02_C03_y(): ...\n# def test_D04_z\n") == {
        "A01",
        "B02",
        "C03",
    }
