"""Several pages make one document, or say what they contradict each other in and where."""

import pytest
import yaml

import sync_spec

HEAD = "openapi: 3.0.0\ninfo: {{title: {title}, version: v}}\nservers: [{{url: https://a.example}}]\n"
SCHEMA = "components:\n  schemas:\n    Status:\n      type: object\n      properties:\n        code: {type: integer}\n"


def page(folder, name, path, *, more="", head=HEAD, schema=SCHEMA):
    operation = "    post: {responses: {'200': {description: ok}}}\n"
    text = f"{head.format(title=name)}paths:\n  {path}:\n{operation}{schema}{more}"
    file = folder / f"{name}.md"
    file.write_text(f"# {name}\n\n````yaml post {path}\n{text}````\n")
    return str(file)


def test_pages_are_merged(tmp_path):
    out = tmp_path / "out.yaml"
    pages = [page(tmp_path, "one", "/one"), page(tmp_path, "two", "/two", more="    Two: {type: string}\n")]
    assert sync_spec.main([*pages, "--out", str(out)]) == 0
    merged = yaml.safe_load(out.read_text())
    assert list(merged["paths"]) == ["/one", "/two"]
    assert list(merged["components"]["schemas"]) == ["Status", "Two"]
    assert merged["info"]["title"] == "one"
    assert sync_spec.main([*pages, "--out", str(out), "--check"]) == 0


def test_one_of_two_pages_alone_is_refused(tmp_path, capsys):
    out = tmp_path / "out.yaml"
    pages = [page(tmp_path, "one", "/one"), page(tmp_path, "two", "/two")]
    assert sync_spec.main([*pages, "--out", str(out)]) == 0
    assert sync_spec.main([pages[0], "--out", str(out)]) == 2
    assert "lacks POST /two" in capsys.readouterr().err


CONFLICTS = {
    "schema": (
        {"path": "/two", "schema": SCHEMA.replace("integer", "string")},
        "the schema Status differs at #/components/schemas/Status/properties/code/type: {one}:15 and {two}:15",
    ),
    "schema gained a field": (
        {"path": "/two", "more": "        message: {type: string}\n"},
        "the schema Status differs at #/components/schemas/Status/properties: {one}:15 and {two}:15",
    ),
    "servers": (
        {"path": "/two", "head": HEAD.replace("a.example", "b.example")},
        "#/servers differs at #/servers/0/url: {one}:6 and {two}:6",
    ),
    "version": (
        {"path": "/two", "head": HEAD.replace("3.0.0", "3.1.0")},
        "#/openapi differs at #/openapi: {one}:4",
    ),
}


@pytest.mark.parametrize(("other", "said"), CONFLICTS.values(), ids=CONFLICTS)
def test_a_conflict_is_named_with_its_places(other, said, tmp_path, capsys):
    out = tmp_path / "out.yaml"
    out.write_text("before")
    one, two = page(tmp_path, "one", "/one"), page(tmp_path, "two", **other)
    assert sync_spec.main([one, two, "--out", str(out)]) == 2
    assert said.format(one=one, two=two) in capsys.readouterr().err
    assert out.read_text() == "before"


def test_the_same_operation_twice_is_a_conflict_only_if_it_differs(tmp_path, capsys):
    out = tmp_path / "out.yaml"
    one, same = page(tmp_path, "one", "/one"), page(tmp_path, "same", "/one")
    assert sync_spec.main([one, same, "--out", str(out)]) == 0
    other = tmp_path / "other.md"
    other.write_text((tmp_path / "same.md").read_text().replace("description: ok", "description: no"))
    assert sync_spec.main([one, str(other), "--out", str(out)]) == 2
    assert "POST /one differs at #/paths/~1one/post/responses/200/description" in capsys.readouterr().err
