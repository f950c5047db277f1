"""What generated code is made from: the spec, the configuration, the templates, and tools of pinned versions.

Of the generator's own templates, those that ours came from are recorded by hash, since upstream's escaping of text
lives in them.
"""

import difflib
import functools
import hashlib
import json
import tomllib
from importlib import metadata, util
from pathlib import Path
from typing import Any

from tools import ToolError
from tools.spec.document import load
from tools.spec.schema import valid

GENERATOR = "openapi-python-client"
FIX = "nox -s generate"
RECORD = "templates/stock.json"


class Inputs:
    """Where everything is, below the project's root folder (but for another spec), and what the configuration says."""

    def __init__(self, root: Path, spec: Path | None = None) -> None:
        self.root = root
        self.spec = spec or root / "openapi.yaml"
        self.config = root / "generator-config.yaml"
        self.templates = root / "templates"
        self.settings: dict[str, Any] = load(self.config.read_text("utf-8"))
        self.package = str(self.settings["package_name_override"])

    def overrides(self) -> list[str]:
        """Return the names of our templates, as the generator names its own."""
        found = self.templates.rglob("*.jinja")
        return sorted(path.relative_to(self.templates).as_posix() for path in found)

    @functools.cached_property
    def document(self) -> dict[str, Any]:
        """The parsed spec; a ToolError says what is wrong with it."""
        try:
            return valid(self.spec.read_text("utf-8"))
        except ToolError as error:
            raise ToolError(f"openapi.yaml: {error}") from None


def digest(path: Path) -> str:
    """Return the sha256 of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def require_pinned_tools(root: Path) -> dict[str, str]:
    """Return the versions of the generator and of the ruff of its hooks: those that pyproject.toml pins.

    Raises:
        ToolError: One is not pinned, or another one is installed; another version writes other code.
    """
    groups = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    pins = dict(entry.split("==", 1) for entry in groups["generate"] if "==" in entry)
    if not pins.keys() >= {GENERATOR, "ruff"}:
        raise ToolError(f"pyproject.toml's group `generate` must pin {GENERATOR} and ruff with ==")
    installed = {name: installed_version(name) for name in (GENERATOR, "ruff")}
    pinned = {name: pins[name] for name in installed}
    if pinned != installed:
        wanted, found = (" and ".join(map(" ".join, tools.items())) for tools in (pinned, installed))
        raise ToolError(f"found {found}; this code is written by {wanted}.\n`{FIX}` installs and runs those.")
    return pinned


def installed_version(name: str) -> str:
    """Return the version of an installed distribution."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "none"


def stock_folder() -> Path:
    """Return the installed generator's own templates."""
    found = util.find_spec(GENERATOR.replace("-", "_"))
    if found is None or found.origin is None:
        raise ToolError(f"{GENERATOR} is not installed")
    return Path(found.origin).parent / "templates"


def require_recorded_stock(inputs: Inputs, *, accept: bool = False) -> None:
    """Check that our templates came from the installed ones, or with `accept`, record that they do.

    Raises:
        ToolError: Naming each template that changed, is not recorded, or overrides nothing (which the generator
            would silently ignore).
    """
    folder, path = stock_folder(), inputs.root / RECORD
    if strays := [name for name in inputs.overrides() if not (folder / name).is_file()]:
        raise ToolError(f"the generator has no template {', '.join(strays)} to override")
    installed = {name: digest(folder / name) for name in inputs.overrides()}
    if accept:
        path.write_bytes(f"{json.dumps(installed, indent=2, sort_keys=True)}\n".encode())
    recorded = json.loads(path.read_text("utf-8")) if path.exists() else {}
    names = sorted(installed.keys() | recorded.keys())
    if wrong := [name for name in names if installed.get(name) != recorded.get(name)]:
        raise ToolError(
            f"not the stock templates our overrides came from: {', '.join(wrong)}.\n"
            "Carry upstream's changes into templates/, then run: nox -s regenerate -- --no-sync --accept-stock"
        )


def stock_diff(old: Path, new: Path, overridden: list[str]) -> list[str]:
    """Return the unified diff of each template that differs between two folders, those that we override first."""
    names = {path.relative_to(folder).as_posix() for folder in (old, new) for path in folder.rglob("*.jinja")}
    found = []
    for name in sorted(names, key=lambda name: (name not in overridden, name)):
        paths = (old / name, new / name)
        before, after = (
            path.read_text("utf-8").splitlines(keepends=True) if path.exists() else [] for path in paths
        )
        found.append("".join(difflib.unified_diff(before, after, f"old/{name}", f"new/{name}")))
    return [text for text in found if text]
