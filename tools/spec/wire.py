"""What changed on the wire between two specs: redocly's `diff`, with what it rates otherwise than a person would.

Both are compared without references, with what `allOf` names in its place, and with security schemes by what they are
instead of by name, so that only what means something else differs. redocly knows the direction of a schema (what is
stricter in a request is looser in a response). Its verdict `patch` is split here into words and what loosens; the
rules in `_raised`, and that the first server counts, are what it leaves out, each with a test in tests/evolution/.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tools import ToolError
from tools.spec.changes import Change, Impact
from tools.spec.document import addresses, expanded, operations_of

Told = dict[str, Any]
_IMPACTS = {"major": Impact.BREAKING, "minor": Impact.ADDITIVE, "patch": Impact.COSMETIC}
_KIND = ("type", "in", "scheme", "name")
_WORDS = frozenset({"description", "externalDocs", "key", "openapi", "summary", "tags", "title"})


def wire_changes(old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
    """Return what changed on the wire between two documents, the worst first."""
    if old == new:
        return []
    before, after = comparable(old), comparable(new)
    if before == after:
        text = "means the same: examples, references, names of no matter, or what nothing uses"
        return [Change(Impact.COSMETIC, "wire", "", text)]
    found = [*map(_rated, _report(before, after))]
    was, now = (next(iter(addresses(document)), None) for document in (old, new))
    if was != now:
        text = f"the first server, which is the default address, {was} → {now}"
        found.append(Change(Impact.BREAKING, "wire", "#/servers/0", text))
    if not found:
        text = "the documents differ, and the diff tool says nothing of it: read both"
        found = [Change(Impact.BREAKING, "wire", "", text)]
    return sorted(dict.fromkeys(found), key=lambda change: -change.impact)


def comparable(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document in the form that all documents of the same meaning have: without examples and extensions, too."""
    made = expanded(document, plain=True)
    schemes = made.get("components", {}).get("securitySchemes", {})
    for scheme in schemes.values():
        if scheme.get("in") == "header":
            scheme["name"] = scheme["name"].lower()
    names = {name: " ".join(told[key] for key in _KIND if key in told) for name, told in schemes.items()}
    for side in (made, *operations_of(made).values()):
        if "security" in side:
            side["security"] = [
                {names.get(name, name): of for name, of in one.items()} for one in side["security"]
            ]
    made["components"] = {"securitySchemes": {names[name]: told for name, told in schemes.items()}}
    made["servers"] = [{"url": url} for url in addresses(made)]
    return made


def _report(old: dict[str, Any], new: dict[str, Any]) -> list[Told]:
    tool = shutil.which("redocly")
    if not tool:
        raise ToolError("needs redocly (npm: @redocly/cli), which `nox -s diff_spec` installs and runs")
    with tempfile.TemporaryDirectory() as scratch:  # where no configuration of redocly's lies about
        for name, document in (("old.json", old), ("new.json", new)):
            (Path(scratch) / name).write_text(json.dumps(document), "utf-8")
        command = [tool, "diff", "old.json", "new.json", "--format", "json", "--fail-on", "none"]
        settings = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_COLOR": "1"}
        done = subprocess.run(
            command, cwd=scratch, env=os.environ | settings, capture_output=True, text=True, check=False
        )
    try:
        changes: list[Told] = json.loads(done.stdout)["changes"]
    except (ValueError, KeyError, TypeError):
        said = (done.stderr or done.stdout)[-2000:]
        raise ToolError(f"redocly diff failed (exit {done.returncode}):\n{said}") from None
    return changes


def _values(change: Told) -> tuple[Any, Any]:
    return change.get("base", {}).get("value"), change.get("revision", {}).get("value")


def _rated(change: Told) -> Change:
    impact = _IMPACTS[change["impact"]]
    texts = [verdict["message"] for verdict in change["verdicts"]] or [_described(change)]
    if change.get("property") == "operationId":
        impact = Impact.COSMETIC  # of Python's names only
    elif impact is Impact.COSMETIC and not _is_words_or_order(change):
        impact = Impact.ADDITIVE
    raised, why = _raised(change)
    if impact < raised:
        impact, texts = raised, [*texts, why]
    return Change(impact, "wire", place(change["path"]), "; ".join(text.rstrip(".") for text in texts))


def _described(change: Told) -> str:
    """A change in words: with both values where they are short, and never with a part of one."""
    values = _values(change)
    if "property" not in change:
        value = values[0] or values[1]
        inside = value if isinstance(value, list) else []
        names = ", ".join(str(one["name"]) for one in inside if isinstance(one, dict) and "name" in one)
        said = {"added": "is new", "removed": "is gone"}.get(change["kind"], "changed")
        return f"{names} {said}".lstrip()
    shown = ["absent" if one is None else one if isinstance(one, str) else json.dumps(one) for one in values]
    short = all("\n" not in one and len(one) <= 120 and "{" not in one for one in shown)
    return f"{change['property']} {' → '.join(shown) if short else 'changed'}"


def _is_words_or_order(change: Told) -> bool:
    """Whether a change is about words, or the order of a list, only."""
    parts, (old, new) = change["path"].split("/"), _values(change)
    if isinstance(old, list) and isinstance(new, list) and sorted(map(str, old)) == sorted(map(str, new)):
        return True
    return (change.get("property") or parts[-1]) in _WORDS or parts[1] in {"info", "tags"}


def _raised(change: Told) -> tuple[Impact, str]:
    """What a change is at least, and why, where the diff tool does not see it."""
    path, prop = change["path"], change.get("property")
    request = "/requestBody" in path or "/parameters/" in path
    if request and change["kind"] == "removed" and re.search(r"/(properties|parameters)/[^/]+$", path):
        return Impact.BREAKING, "who still sends it is ignored without a word"
    if request and prop == "default":
        return Impact.BREAKING, "who leaves it out now gets something else"
    if prop == "additionalProperties" and _values(change)[1] is False:
        return Impact.BREAKING, "fields that the spec does not name no longer come, and who reads one fails"
    if re.match(r"#/paths/.*/servers\b", path):
        return Impact.BREAKING, "this operation has a server of its own, which the generator does not know"
    if "/callbacks" in path or path.startswith("#/webhooks"):
        return Impact.ADDITIVE, "the generator makes nothing of it"
    return Impact.NONE, ""


_STRUCTURE = frozenset({"paths", "components", "content", "application/json", "schema", "properties"})


def place(pointer: str) -> str:
    """Return `/path post requestBody inputs items text` for a pointer: its parts without those that are always there."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    return " ".join(part for part in parts if part not in _STRUCTURE)
