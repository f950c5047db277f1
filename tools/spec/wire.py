"""What changed on the wire between two specs: redocly's `diff`, with what it underrates raised.

redocly knows the direction of a schema (what is stricter in a request is looser in a response). Its verdict `patch` is
split here into words and what loosens; the rules in `_RAISED` and `_of_documents` are what it leaves out, each with a
test in tests/evolution/.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.spec.changes import Change, Impact

_IMPACTS = {"major": Impact.BREAKING, "minor": Impact.ADDITIVE, "patch": Impact.COSMETIC}
_WORDS = frozenset(
    {"description", "summary", "title", "example", "examples", "externalDocs", "termsOfService"}
)
_WORDS |= frozenset({"contact", "license", "version", "tags", "key", "openapi", "$ref"})


class WireError(RuntimeError):
    """The diff tool is missing, or failed."""


def wire_changes(old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
    """Return what changed on the wire between two documents, the worst first.

    Raises:
        WireError: The diff tool is missing or failed.
    """
    if old == new:
        return []
    found = [*map(_rated, _report(old, new)), *_of_documents(old, new)]
    if not found:
        text = "the documents differ, and the diff tool says nothing of it: read both"
        found = [Change(Impact.BREAKING, "wire", "", text)]
    unique = {(change.place, change.text): change for change in found}
    return sorted(unique.values(), key=lambda change: -change.impact)


def _report(old: dict[str, Any], new: dict[str, Any]) -> list[dict[str, Any]]:
    tool = os.environ.get("REDOCLY") or shutil.which("redocly")
    if not tool:
        raise WireError(
            "needs redocly (npm: @redocly/cli); `nox -s diff_spec` installs and runs the pinned version"
        )
    with tempfile.TemporaryDirectory() as scratch:  # where no configuration of redocly's lies about
        for name, document in (("old.json", old), ("new.json", new)):
            (Path(scratch) / name).write_text(json.dumps(document), "utf-8")
        command = [tool, "diff", "old.json", "new.json", "--format", "json", "--fail-on", "none"]
        settings = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_COLOR": "1"}
        done = subprocess.run(
            command, cwd=scratch, env=os.environ | settings, capture_output=True, text=True, check=False
        )
    try:
        changes: list[dict[str, Any]] = json.loads(done.stdout)["changes"]
    except (ValueError, KeyError, TypeError):
        said = (done.stderr or done.stdout)[-2000:]
        raise WireError(f"redocly diff failed (exit {done.returncode}):\n{said}") from None
    return changes


def _rated(change: dict[str, Any]) -> Change:
    impact = _IMPACTS[change["impact"]]
    values = (change.get(side, {}).get("value") for side in ("base", "revision"))
    shown = " → ".join("absent" if value is None else short(value) for value in values)
    texts = [verdict["message"] for verdict in change["verdicts"]]
    texts = texts or [f"{change.get('property', '')} {shown}".lstrip()]
    if impact is Impact.COSMETIC and not _is_words(change):
        impact = Impact.ADDITIVE
    if impact is Impact.ADDITIVE and re.fullmatch(r"#/components/schemas/[^/]+", change["path"]):
        impact = Impact.COSMETIC  # where it is used is another change; by itself it does not travel
    for applies, raised, why in _RAISED:
        if impact < raised and applies(change):
            impact, texts = raised, [*texts, why]
    return Change(impact, "wire", place(change["path"]), "; ".join(text.rstrip(".") for text in texts))


def _is_words(change: dict[str, Any]) -> bool:
    """Whether a change is about words only."""
    parts = change["path"].split("/")
    name = change.get("property") or parts[-1]
    return name in _WORDS or name.startswith("x-") or parts[1] in {"info", "tags"} or "examples" in parts


def _is_removed_from_request(change: dict[str, Any]) -> bool:
    field = re.search(r"/(properties|parameters)/[^/]+$", change["path"])
    return change["kind"] == "removed" and _is_request(change) and field is not None


def _is_request(change: dict[str, Any]) -> bool:
    return "/requestBody" in change["path"] or "/parameters/" in change["path"]


_RAISED: tuple[tuple[Callable[[dict[str, Any]], bool], Impact, str], ...] = (
    (_is_removed_from_request, Impact.BREAKING, "who still sends it is ignored without a word"),
    (
        lambda change: change.get("property") == "default" and _is_request(change),
        Impact.BREAKING,
        "who leaves it out now gets something else",
    ),
    (
        lambda change: re.match(r"#/paths/.*/servers\b", change["path"]) is not None,
        Impact.BREAKING,
        "this operation has a server of its own, which the generator does not know",
    ),
    (
        lambda change: "/callbacks" in change["path"] or change["path"].startswith("#/webhooks"),
        Impact.ADDITIVE,
        "the generator makes nothing of it",
    ),
)


def _of_documents(old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
    """What only the two documents side by side show."""
    before, after = ((document.get("servers") or [{}])[0].get("url") for document in (old, new))
    text = f"the first server, which is the default address, {short(before)} → {short(after)}"
    return [Change(Impact.BREAKING, "wire", "#/servers/0", text)] if before != after else []


_STRUCTURE = frozenset({"paths", "components", "content", "application/json", "schema", "properties"})


def place(pointer: str) -> str:
    """Return `/path post requestBody inputs items text` for a pointer: its parts without those that are always there."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    return " ".join(part for part in parts if part not in _STRUCTURE) or pointer


def short(value: Any, length: int = 60) -> str:
    """Return a value in a few characters."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[: length - 1]}…"
