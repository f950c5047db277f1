"""Every row of the fault catalogue has a test that names its id."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
CATALOGUE = (TESTS.parent / "docs" / "fault-catalogue.md").read_text("utf-8")


def rows_of(page):
    """The rows of the tables, by id; some are three in one."""
    for first, last, fault in re.findall(
        r"^\| ([A-I][0-9]{2})(?:\u2013([A-I][0-9]{2}))? \| (.*?) \|", page, re.MULTILINE
    ):
        for number in range(int(first[1:]), int((last or first)[1:]) + 1):
            yield f"{first[0]}{number:02}", fault


ROWS = dict(rows_of(CATALOGUE))
LATER = {"H": "jobs are not built yet", "I": "found by attack, to be mended", "D15": "a job's fixed text"}
"""Sections and rows without tests, and why."""

_NAME = re.compile(r"^\s*(?:async )?def test_((?:[A-I][0-9]{2}_)+)\w", re.MULTILINE)


def named_in(source):
    """The ids in the names of a file's tests: one, or several in a row."""
    return {row for ids in _NAME.findall(source) for row in ids.split("_") if row}


NAMED = set().union(*(named_in(path.read_text("utf-8")) for path in TESTS.rglob("test_*.py")))


@pytest.mark.parametrize("row", [row for row in ROWS if not {row, row[0]} & LATER.keys()])
def test_the_row_has_a_test(row):
    assert row in NAMED, f"no test is called test_{row}_…: {ROWS[row]}"


def test_no_test_names_a_row_that_does_not_exist():
    assert ROWS.keys() >= NAMED


def test_the_page_is_read_whole():
    assert "".join(sorted({row[0] for row in ROWS})) == "ABCDEFGHI"
    assert {"B18", "B19", "B20", "H17"} <= ROWS.keys()


def test_names_are_found_as_they_are_written():
    assert named_in("def test_A01_x(): ...\n    async def test_B02_C03_y(): ...\n# def test_D04_z\n") == {
        "A01",
        "B02",
        "C03",
    }
