"""Examples run, links lead somewhere, and what CONTRIBUTING says of the code is there."""

import ast
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


def test_links_to_files_are_good():
    pages = [ROOT / "CONTRIBUTING.md", *PAGES]
    dead = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8"))
        if not (page.parent / target).exists()
    ]
    assert dead == []


def test_tests_that_are_named_are_there():
    pages = [ROOT / "CONTRIBUTING.md", ROOT / "noxfile.py", *PAGES]
    gone = [
        f"{page.name}: {name}"
        for page in pages
        for name in re.findall(r"tests/[\w./*-]*\w", page.read_text("utf-8"))
        if not any(ROOT.glob(name))
    ]
    assert gone == []


CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
DECIDED = CONTRIBUTING.partition("## Where is it decided?")[2].partition("\n## ")[0]
ANSWERS = dict(re.findall(r"^\| (.+\?) \| (.+) \|$", DECIDED, re.MULTILINE))


def names_of(body):
    """The names that statements define; those of a class's own body as `Class.name`."""
    for node in body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", node)]
        for target in targets:
            name = getattr(target, "id", None) or getattr(target, "name", None)
            if name:
                yield name
        if isinstance(node, ast.ClassDef):
            yield from (f"{node.name}.{inner}" for inner in names_of(node.body))


@pytest.mark.parametrize("question", ANSWERS)
def test_where_it_is_decided_is_there(question):
    places = re.findall(r"`([^`:]+)(?:: ([^`]+))?`", ANSWERS[question])
    assert 1 <= len(places) <= 2
    for file, names in places:
        path = next(folder / file for folder in (WRAPPER, ROOT) if (folder / file).exists())
        defined = names_of(ast.parse(path.read_text("utf-8")).body) if names else ()
        assert set(filter(None, names.split(", "))) <= set(defined), file


def test_the_table_of_decisions_is_read_whole():
    assert len(ANSWERS) == DECIDED.count("\n| ") - 1 > 10


INSTEAD = {
    r"(an?|the|every|each|wrong) (answers?|repl(y|ies))(?! of the emulator)": "response",
    r"utili[sz]e\w*|leverag\w+": "use",
    r"simply|obviously|please|of course": "nothing",
    r"seamless\w*|robust\w*|powerful|blazing\w*|effortless\w*": "what was measured",
    r"seams?|ledgers?|hygiene": "the field's word",
}
"""Words that pages do not use, and what they say in their place."""
EMULATOR = {"local-mode.md", "fault-catalogue.md", "playground.md"}  # it replies: its type is `Reply`


@pytest.mark.parametrize("words", INSTEAD)
def test_pages_use_the_fields_words(words):
    found = [
        f"{page.name}: {hit[0]}"
        for page in [ROOT / "CONTRIBUTING.md", *PAGES]
        if page.name not in EMULATOR
        for hit in re.finditer(rf"\b({words})\b", page.read_text("utf-8"), re.IGNORECASE)
    ]
    assert found == [], f"say {INSTEAD[words]}"
