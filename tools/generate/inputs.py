"""What generated code is made from: the spec, the configuration, the templates, and tools of pinned versions.

Of the generator's own templates, those that ours came from are recorded by hash, since upstream's escaping of text
lives in them.
"""

import difflib
import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Any

import yaml

from tools.spec.document import DocumentError, load

GENERATOR = "openapi-python-client"
FIX = "nox -s generate"
RECORD = "templates/stock.json"


class GenerateError(RuntimeError):
    """The code cannot be generated, or what was generated is not what was asked for."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """Where everything is, below the project's root folder."""

    root: Path

    @property
    def spec(self) -> Path:
        return self.root / "openapi.yaml"

    @property
    def config(self) -> Path:
        return self.root / "generator-config.yaml"

    @property
    def templates(self) -> Path:
        return self.root / "templates"

    @property
    def target(self) -> Path:
        return self.root / "generated" / self.package

    @property
    def package(self) -> str:
        return str(self.settings["package_name_override"])

    @property
    def settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = yaml.safe_load(self.config.read_text("utf-8"))
        return settings

    def overrides(self) -> list[str]:
        """Return the names of our templates, as the generator names its own."""
        found = self.templates.rglob("*.jinja")
        return sorted(path.relative_to(self.templates).as_posix() for path in found)

    def document(self) -> dict[str, Any]:
        """Return the parsed spec.

        Raises:
            GenerateError: It cannot be read.
        """
        try:
            document = load(self.spec.read_text("utf-8"))
        except DocumentError as error:
            raise GenerateError(f"openapi.yaml: {error}") from None
        if not isinstance(document, dict):
            raise GenerateError("openapi.yaml is no OpenAPI document")
        return document


def spec_facts(document: dict[str, Any]) -> dict[str, str]:
    """Return what the generator does not hand to its templates: the server's address and the key's header.

    Raises:
        GenerateError: The spec lacks one, or writes it in a way these templates do not know.
    """
    servers = document.get("servers") or [{}]
    url = str(servers[0].get("url", ""))
    if not re.fullmatch(r"https://[\w.-]+(:\d+)?(/[\w./-]*)?", url, re.ASCII):
        raise GenerateError(f"openapi.yaml: the first server {url!r} is no plain https address")
    schemes = document.get("components", {}).get("securitySchemes", {}).values()
    headers = {
        scheme.get("name")
        for scheme in schemes
        if scheme.get("type") == "apiKey" and scheme.get("in") == "header"
    }
    if len(headers) != 1:
        raise GenerateError("openapi.yaml: expected one header in its apiKey security schemes")
    return {"default_base_url": url, "auth_header_name": str(headers.pop())}


def normalised(path: Path) -> bytes:
    """Return a file's content with LF line ends, so that a checkout with CRLF is no difference."""
    return path.read_bytes().replace(b"\r\n", b"\n")


def digest(path: Path) -> str:
    """Return the sha256 of a file's normalised content, in hex."""
    return hashlib.sha256(normalised(path)).hexdigest()


def environment() -> dict[str, str]:
    """Return the environment the tools run in: this interpreter's programs first, and no settings of the caller's."""
    kept = {name: os.environ[name] for name in ("HOME", "SYSTEMROOT", "TEMP", "TMPDIR") if name in os.environ}
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**kept, "PATH": programs, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}


def require_pinned_tools(root: Path) -> dict[str, str]:
    """Return the versions of the generator and of ruff, which pyproject.toml's dependency group `generate` pins.

    Raises:
        GenerateError: One is not pinned, or another one is installed; another version writes other code.
    """
    groups = tomllib.loads((root / "pyproject.toml").read_text("utf-8")).get("dependency-groups", {})
    pins = dict(entry.split("==", 1) for entry in groups.get("generate", []) if "==" in entry)
    names = (GENERATOR, "ruff")
    if not pins.keys() >= {*names}:
        raise GenerateError(
            f"pyproject.toml's dependency group `generate` must pin {GENERATOR} and ruff with =="
        )
    pinned = {name: pins[name] for name in names}
    installed = {GENERATOR: metadata.version(GENERATOR), "ruff": _ruff_version()}
    if pinned != installed:
        wanted = " ".join(f"{name}=={version}" for name, version in pinned.items())
        found = ", ".join(f"{name} {version}" for name, version in installed.items())
        raise GenerateError(
            f"found {found}; this code is written by {wanted}.\n`{FIX}` installs and runs those."
        )
    return pinned


def _ruff_version() -> str:
    """Of the ruff that the generator's hooks would find."""
    try:
        said = subprocess.run(
            ["ruff", "--version"], env=environment(), capture_output=True, text=True, check=False
        )
    except OSError:
        return "none"
    return said.stdout.removeprefix("ruff ").split(" ")[0].strip() or "none"


def stock_folder() -> Path:
    """Return the installed generator's own templates."""
    found = util.find_spec(GENERATOR.replace("-", "_"))
    if found is None or found.origin is None:
        raise GenerateError(f"{GENERATOR} is not installed")
    return Path(found.origin).parent / "templates"


def stock_hashes(inputs: Inputs) -> dict[str, str]:
    """Return the sha256 of the installed template each of ours replaces.

    Raises:
        GenerateError: One of ours replaces none; the generator would silently ignore it.
    """
    folder = stock_folder()
    strays = [name for name in inputs.overrides() if not (folder / name).is_file()]
    if strays:
        raise GenerateError(f"the generator has no template {', '.join(strays)} to override")
    return {name: digest(folder / name) for name in inputs.overrides()}


def require_recorded_stock(inputs: Inputs) -> None:
    """Check that our templates came from the installed ones.

    Raises:
        GenerateError: Naming each template that changed, or is not recorded.
    """
    path = inputs.root / RECORD
    recorded = json.loads(path.read_text("utf-8")) if path.exists() else {}
    installed = stock_hashes(inputs)
    names = sorted(installed.keys() | recorded.keys())
    wrong = [name for name in names if installed.get(name) != recorded.get(name)]
    if wrong:
        raise GenerateError(
            f"not the stock templates our overrides came from: {', '.join(wrong)}.\n"
            "Carry upstream's changes into templates/, then run: nox -s regenerate -- --no-sync --accept-stock"
        )


def accept_stock(inputs: Inputs) -> None:
    """Record the installed templates as those our overrides came from."""
    text = json.dumps(stock_hashes(inputs), indent=2, sort_keys=True)
    (inputs.root / RECORD).write_bytes(f"{text}\n".encode())


def stock_diff(old: Path, new: Path, overridden: list[str]) -> dict[str, str]:
    """Return the unified diff of each template that differs between two versions of the generator, by its name.

    Args:
        old: The templates folder of the version that ours came from.
        new: That of the installed version.
        overridden: Names of our templates; they come first.
    """
    names = {path.relative_to(folder).as_posix() for folder in (old, new) for path in folder.rglob("*.jinja")}
    found = {}
    for name in sorted(names, key=lambda name: (name not in overridden, name)):
        before, after = (_lines(folder / name) for folder in (old, new))
        found[name] = "".join(difflib.unified_diff(before, after, f"old/{name}", f"new/{name}"))
    return {name: text for name, text in found.items() if text}


def _lines(path: Path) -> list[str]:
    return normalised(path).decode().splitlines(keepends=True) if path.exists() else []
