"""Examples run, links lead somewhere, rows of the fault catalogue have tests, and what CONTRIBUTING says of the code is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WRAPPER = ROOT / "wrapper" / "inworld_embeddings"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("[!_]*/*.md")), ROOT / "docs" / "index.md"]
NOT_RUN = re.compile(r"<!-- not run: \w.*? -->\n```python\n.*?```", re.DOTALL)
ELSEWHERE = {
    "frameworks.md": "tests/wrapper/integrations/test_adapters.py",
    "openai.md": "tests/emulator/openai_face",
    "vector-stores.md": "tests/wrapper/integrations/test_recipes.py",
}
"""Pages whose examples other tests run. Examples for pytest are run by tests/wrapper/testing/test_plugin.py."""


def examples(page):
    text = NOT_RUN.sub("", page.read_text("utf-8"))
    return [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "pytest" not in block]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if examples(page) and page.name not in ELSEWHERE],
    ids=lambda page: page.name,
)
def test_examples_run(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    names = {"__name__": "__main__"}  # one block builds on those before it
    for number, block in enumerate(examples(page)):
        exec(compile(block, f"block {number} of {page.name}", "exec"), names)


@pytest.mark.parametrize("page", [ROOT / "CONTRIBUTING.md", *PAGES], ids=lambda page: page.name)
def test_what_pages_link_to_and_the_tests_that_they_name_are_there(page):
    text = page.read_text("utf-8")
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    assert [target for target in targets if not (page.parent / target).exists()] == []
    named = re.findall(r"tests/[\w./*-]*\w", text)
    assert [name for name in named if not any(ROOT.glob(name))] == []


CATALOGUE = (ROOT / "docs" / "understand" / "fault-catalogue.md").read_text("utf-8")
ROWS = re.findall(r"^\| ([A-I])([0-9]{2})(?:\u2013[A-I]([0-9]{2}))? \|", CATALOGUE, re.MULTILINE)
"""Some stand for several rows."""
NAME = re.compile(r"^\s*(?:async )?def test_((?:[A-I][0-9]{2}_)+)\w", re.MULTILINE)


def test_every_row_has_a_test_and_no_test_names_another():
    rows = {f"{part}{n:02}" for part, first, last in ROWS for n in range(int(first), int(last or first) + 1)}
    assert {row[0] for row in rows} == set("ABCDEFGHI")
    named = "".join(
        ids for path in (ROOT / "tests").rglob("test_*.py") for ids in NAME.findall(path.read_text("utf-8"))
    )
    assert set(filter(None, named.split("_"))) == rows


CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
DECIDED = CONTRIBUTING.partition("## Where is it decided?")[2].partition("\n## ")[0]
ANSWERS = dict(re.findall(r"^\| (.+\?) \| (.+) \|$", DECIDED, re.MULTILINE))


@pytest.mark.parametrize("question", ANSWERS)
def test_where_it_is_decided_is_there(question):
    assert len(ANSWERS) == DECIDED.count("\n| ") - 1, "the table is read whole"
    places = re.findall(r"`([^`:]+)(?:: ([^`]+))?`", ANSWERS[question])
    assert 1 <= len(places) <= 2
    for file, names in places:
        path = next(folder / file for folder in (WRAPPER, ROOT) if (folder / file).exists())
        for name in re.findall(r"\w+", names):
            assert re.search(rf"^ *((async )?def |class )?{name}\b", path.read_text("utf-8"), re.MULTILINE)
