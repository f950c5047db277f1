"""What generated code is made from: the spec, the configuration, the templates, and tools of pinned versions.

Of the generator's own templates, those that ours came from are kept in templates/stock/, since upstream's escaping of
text lives in them.
"""

import difflib
import functools
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

from tools import ToolError, contents, replaced
from tools.spec.document import load
from tools.spec.schema import valid

GENERATOR = "openapi-python-client"
FIX = "nox -s generate"
STOCK = "templates/stock"


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
        return sorted(path.name for path in self.templates.glob("*.jinja"))

    @functools.cached_property
    def document(self) -> dict[str, Any]:
        """The parsed spec; a ToolError says what is wrong with it."""
        try:
            return valid(self.spec.read_text("utf-8"))
        except ToolError as error:
            raise ToolError(f"openapi.yaml: {error}") from None


def require_pinned_tools(root: Path) -> dict[str, str]:
    """Return the versions of the generator and of the ruff of its hooks: those that pyproject.toml pins.

    Raises:
        ToolError: One is not pinned, or another one is installed; another version writes other code.
    """
    pins = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["dependency-groups"]["generate"]
    installed = {name: metadata.version(name) for name in (GENERATOR, "ruff")}
    if others := [f"{name}=={found}" for name, found in installed.items() if f"{name}=={found}" not in pins]:
        raise ToolError(
            f"found {', '.join(others)}, which pyproject.toml's group `generate` does not pin; `{FIX}` installs what it does"
        )
    return installed


def require_same_stock(inputs: Inputs, *, accept: bool = False) -> None:
    """Check that our templates came from the installed generator's, or with `accept`, keep those as what they came from.

    Raises:
        ToolError: With the diff of each template that changed or is not kept, or naming one of ours that overrides
            nothing (which the generator would silently ignore).
    """
    installed = contents(
        Path(str(metadata.distribution(GENERATOR).locate_file("openapi_python_client/templates")))
    )
    if strays := [name for name in inputs.overrides() if name not in installed]:
        raise ToolError(f"the generator has no template {', '.join(strays)} to override")
    new = {name: installed[name] for name in inputs.overrides()}
    if accept:
        replaced(inputs.root / STOCK, new)
    old = contents(inputs.root / STOCK)
    if changed := [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]:
        raise ToolError(
            f"not the stock templates our overrides came from: {', '.join(changed)}.\n"
            "Carry what changed into templates/, then run: nox -s regenerate -- --no-sync --accept-stock\n\n"
            + "\n".join(_diff(name, old.get(name, b""), new.get(name, b"")) for name in changed)
        )


def _diff(name: str, old: bytes, new: bytes) -> str:
    before, after = old.decode().splitlines(), new.decode().splitlines()
    return "\n".join(
        difflib.unified_diff(before, after, f"{STOCK}/{name}", f"{GENERATOR}/{name}", lineterm="")
    )
