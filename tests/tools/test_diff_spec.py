"""diff_spec.py: words, classes, versions and exit codes. How each change of the spec is rated is the drill's matter."""

import os
import shutil
import subprocess
import sys

import pytest

import diff_spec
from _changes import Change, Impact, changelog, markdown, next_version, worst
from _differences import differences
from _places import place, short
from _surface_diff import surface_changes
from _wire import wire_changes

BREAKING = Change(Impact.BREAKING, "wire", "POST /a", "is gone")
ADDITIVE = Change(Impact.ADDITIVE, "Python", "A(b)", "is new and optional: int")
COSMETIC = Change(Impact.COSMETIC, "wire", "#/info", "title a → b")


@pytest.mark.parametrize(
    ("version", "impact", "expected"),
    [
        ("0.1.4", Impact.NONE, "0.1.4"),
        ("0.1.4", Impact.COSMETIC, "0.1.5"),
        ("0.1.4", Impact.ADDITIVE, "0.1.5"),
        ("0.1.4", Impact.BREAKING, "0.2.0"),
        ("1.2.3", Impact.COSMETIC, "1.2.4"),
        ("1.2.3", Impact.ADDITIVE, "1.3.0"),
        ("1.2.3", Impact.BREAKING, "2.0.0"),
        ("1.2.3rc1", Impact.BREAKING, "2.0.0"),
    ],
)
def test_the_next_version(version, impact, expected):
    assert next_version(version, impact) == expected


def test_the_report_names_the_worst_first_and_proposes_what_follows():
    text = markdown([ADDITIVE, COSMETIC, BREAKING], "0.1.0")
    assert text.startswith("**The change is breaking.** Version 0.1.0 → 0.2.0")
    order = [
        text.index(heading)
        for heading in ("### Breaking, wire", "### Additive, Python", "### Cosmetic, wire")
    ]
    assert order == sorted(order)
    assert changelog([ADDITIVE, BREAKING]) in text


def test_changelog_entries():
    assert changelog([BREAKING, ADDITIVE, COSMETIC]) == (
        "### Changed (breaking)\n\n- API: POST /a: is gone.\n\n### Added\n\n- API: A(b): is new and optional: int."
    )
    assert (
        changelog([COSMETIC]) == "### Changed\n\n- API: descriptions and examples follow the published page."
    )


def test_nothing_is_nothing():
    assert worst([]) is Impact.NONE
    assert "nothing changed" in markdown([], "0.1.0")


PLACES = {
    "#/paths/~1a~1b:c/post": "POST /a/b:c",
    "#/paths/~1a/post/requestBody/content/application~1json/schema/properties/in/items/properties/text": (
        "POST /a request application/json.in[].text"
    ),
    "#/paths/~1a/post/responses/200": "POST /a answer 200",
    "#/components/schemas/A/properties/b": "schema A b",
    "#/servers/0": "#/servers/0",
    "#": "#",
}


@pytest.mark.parametrize(("pointer", "words"), PLACES.items())
def test_places_are_said_in_words(pointer, words):
    assert place(pointer) == words


def test_long_values_are_cut():
    assert short("x" * 100) == "x" * 59 + "…"
    assert short({"a": [1]}) == '{"a": [1]}'


def parameter(name, kind="str", *, required=True, positional=True):
    return {"name": name, "type": kind, "required": required, "positional": positional}


def a_class(*parameters, methods=()):
    signature = {"parameters": list(parameters), "returns": ""}
    return {"kind": "class", "constructor": signature, "methods": dict.fromkeys(methods, signature)}


def a_function(*parameters, returns="int"):
    return {"kind": "function", "constructor": {"parameters": list(parameters), "returns": returns}}


A, B = parameter("a"), parameter("b")
SURFACES = [
    ({"X": a_class(A)}, {}, "breaking X: is gone"),
    ({}, {"X": a_class(A)}, "additive X: is a new class"),
    ({"X": a_class(A)}, {"Y": a_class(A)}, "breaking X: is gone; `Y` has the same contents"),
    ({"X": a_class(A)}, {"Y": a_class(B)}, "breaking X: is gone & additive Y: is a new class"),
    ({"X": a_class(A)}, {"X": a_class(A, B)}, "breaking X(b): is new and required: str"),
    (
        {"X": a_class(A)},
        {"X": a_class(A, parameter("b", required=False))},
        "additive X(b): is new and optional: str",
    ),
    ({"X": a_class(A, B)}, {"X": a_class(A)}, "breaking X(b): is gone"),
    ({"X": a_class(A, B)}, {"X": a_class(B, A)}, "breaking X: takes its arguments in another order: b, a"),
    (
        {"X": a_class(A)},
        {"X": a_class(parameter("b", required=False), A)},
        "breaking X: takes its arguments in another order: b, a & additive X(b): is new",
    ),
    ({"X": a_class(A)}, {"X": a_class(parameter("a", "int"))}, "breaking X(a): was str and is int"),
    (
        {"X": a_class(A)},
        {"X": a_class(parameter("a", "int | str"))},
        "additive X(a): was str and is int | str",
    ),
    (
        {"X": a_class(parameter("a", "int | str"))},
        {"X": a_class(A)},
        "breaking X(a): was int | str and is str",
    ),
    ({"X": a_class(A)}, {"X": a_class(parameter("a", required=False))}, "additive X(a): may now be left out"),
    ({"X": a_class(parameter("a", required=False))}, {"X": a_class(A)}, "breaking X(a): is now required"),
    ({"X": a_class(methods=["m"])}, {"X": a_class()}, "breaking X.m: is gone"),
    ({"X": a_class()}, {"X": a_class(methods=["m"])}, "additive X.m: is a new method"),
    ({"X": a_class()}, {"X": a_function()}, "breaking X: was a class and is a function"),
    (
        {"X": {"kind": "enum", "members": {"A": "a", "B": "b"}}},
        {"X": {"kind": "enum", "members": {"B": "c", "C": "c"}}},
        "breaking X.A: is gone & breaking X.B: was 'b' and is 'c' & additive X.C: is a new member",
    ),
    (
        {"X": {"kind": "enum", "members": {"A": "a", "B": "b"}}},
        {"X": {"kind": "enum", "members": {"B": "b", "A": "a"}}},
        "cosmetic X: has its members in another order",
    ),
    (
        {"m": {"kind": "module"}, "m.sync": a_function(A), "m.asyncio": a_function(A)},
        {"m": {"kind": "module"}, "m.sync": a_function(A, B), "m.asyncio": a_function(A, B)},
        "breaking m.asyncio/sync(b): is new and required: str",
    ),
    (
        {"m": {"kind": "module"}, "m.sync": a_function(A)},
        {"m": {"kind": "module"}, "m.sync": a_function(A, returns="str")},
        "breaking m.sync: returned int, returns str",
    ),
    (
        {"m": {"kind": "module"}, "m.sync": a_function(A)},
        {"n": {"kind": "module"}, "n.sync": a_function(A)},
        "breaking m: is gone; `n` has the same contents, so it was most likely renamed & additive n: is a new module",
    ),
]


@pytest.mark.parametrize(("old", "new", "said"), SURFACES, ids=[case[2] for case in SURFACES])
def test_changes_of_the_python_surface(old, new, said):
    found = [f"{change.impact} {change}" for change in surface_changes(old, new)]
    for expected in said.split(" & "):
        assert any(text.startswith(expected) for text in found), found


def test_a_surface_is_equal_to_itself(root):
    from _generated_surface import surface_of_package

    surface = surface_of_package(root / "generated/inworld_embeddings_client")
    assert surface_changes(surface, surface) == []
    assert surface["EmbedRequest"]["constructor"]["parameters"][0]["type"] == "list[EmbedRequestInput]"
    assert surface["embed.sync"]["kind"] == "function"


DOCUMENT = {
    "openapi": "3.0.0",
    "paths": {"/a": {"post": {"x": {"$ref": "#/components/schemas/A"}, "description": "d"}}},
    "components": {"schemas": {"A": {"type": "string"}, "B": {"type": "string"}}},
}


def edited(path, value):
    import copy

    document = copy.deepcopy(DOCUMENT)
    *way, last = path
    inside = document
    for key in way:
        inside = inside[key]
    inside[last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value", "pointers"),
    [
        (["paths", "/a", "post", "x"], {"$ref": "#/components/schemas/B"}, []),
        (["paths", "/a", "post", "x"], {"type": "string"}, []),
        (["paths", "/a", "post", "x"], {"type": "integer"}, ["#/paths/~1a/post/x/type"]),
        (["paths", "/a", "post", "n"], 1, ["#/paths/~1a/post/n"]),
        (["components", "schemas", "D"], {}, []),
        (["components", "schemas", "A", "type"], "integer", ["#/components/schemas/A/type"]),
    ],
)
def test_differences_are_those_of_meaning(path, value, pointers):
    assert list(differences(DOCUMENT, edited(path, value))) == pointers


@pytest.fixture
def silent(tmp_path, monkeypatch):
    """A diff tool that prints what it is told to."""

    if os.name == "nt":
        pytest.skip("a script with a shebang")

    def say(text, code=0):
        script = tmp_path / "redocly"
        script.write_text(f"#!{sys.executable}\nimport sys\nprint({text!r})\nsys.exit({code})\n")
        script.chmod(0o755)
        monkeypatch.setenv("REDOCLY", str(script))

    return say


def test_what_the_diff_tool_says_nothing_of_is_breaking_unless_it_is_words(silent):
    silent('{"changes": []}')
    (change,) = wire_changes(DOCUMENT, edited(["paths", "/a", "post", "n"], 1))
    assert (change.impact, change.text) == (
        Impact.BREAKING,
        "differs, and the diff tool says nothing of it: read both",
    )
    (change,) = wire_changes(DOCUMENT, edited(["paths", "/a", "post", "description"], "e"))
    assert change.impact is Impact.COSMETIC


@pytest.mark.parametrize("text", ["", "<html>", '{"changes": 1', "[]", "{}"])
def test_a_diff_tool_that_fails_is_no_verdict(silent, text, root, tmp_path, capsys):
    silent(text, 1)
    new = tmp_path / "new.yaml"
    new.write_text((root / "openapi.yaml").read_text("utf-8").replace("Input to embed.", "Text."), "utf-8")
    assert diff_spec.main([str(root / "openapi.yaml"), str(new)]) == 2
    assert "redocly diff failed" in capsys.readouterr().err


def test_the_same_spec_needs_no_tool(root, monkeypatch, capsys):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("REDOCLY", raising=False)
    spec = str(root / "openapi.yaml")
    assert diff_spec.main([spec, spec]) == 0
    assert "nothing changed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "options", "code"),
    [
        ("Input to embed.", "Text.", [], 0),
        ("Input to embed.", "Text.", ["--fail-on", "cosmetic"], 3),
        ("    v1alphaEmbedding:\n", "    Unused: {type: object}\n    v1alphaEmbedding:\n", [], 4),
        (
            "    v1alphaEmbedding:\n",
            "    Unused: {type: object}\n    v1alphaEmbedding:\n",
            ["--fail-on", "breaking"],
            0,
        ),
        ("url: https://api.", "url: https://api2.", ["--fail-on", "breaking"], 5),
    ],
)
def test_exit_codes(silent, root, tmp_path, old, new, options, code, capsys):
    silent('{"changes": []}')
    text = (root / "openapi.yaml").read_text("utf-8")
    assert old in text
    changed = tmp_path / "new.yaml"
    changed.write_text(text.replace(old, new), "utf-8")
    report = tmp_path / "report.md"
    assert diff_spec.main([str(root / "openapi.yaml"), str(changed), "--out", str(report), *options]) == code
    assert report.read_text("utf-8") == capsys.readouterr().out


def test_without_git_a_revision_is_refused_with_the_reason(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(diff_spec.PageError, match="without git"):
        diff_spec.spec_text("HEAD", tmp_path)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_old_may_be_a_page_or_a_revision(root, page, tmp_path, monkeypatch):
    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q")
    (tmp_path / "openapi.yaml").write_text("openapi: 3.0.0\npaths: {}\n")
    git("add", ".")
    git("commit", "-q", "-m", "a")
    assert diff_spec.spec_text("HEAD", tmp_path) == "openapi: 3.0.0\npaths: {}\n"
    assert diff_spec.spec_text(str(page), tmp_path) == (root / "openapi.yaml").read_text("utf-8")
    for name in ("nowhere", "--output=x"):
        with pytest.raises(diff_spec.PageError, match="no git revision"):
            diff_spec.spec_text(name, tmp_path)
