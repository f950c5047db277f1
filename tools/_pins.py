"""The pins: the tools' versions, and the stock templates ours came from. Anything else writes other code."""

import json
import subprocess
import tomllib
from importlib import metadata, util
from pathlib import Path

from _files import digest, replace_file
from _inputs import FIX, GENERATOR, GenerateError, Inputs, environment


def pinned_tools(root: Path) -> dict[str, str]:
    """Return the generator's and ruff's version from pyproject.toml's dependency group `generate`, where they are pinned.

    Raises:
        GenerateError: One is not pinned.
    """
    groups = tomllib.loads((root / "pyproject.toml").read_text("utf-8")).get("dependency-groups", {})
    pins = dict(entry.split("==", 1) for entry in groups.get("generate", []) if "==" in entry)
    if not {GENERATOR, "ruff"} <= pins.keys():
        raise GenerateError(
            f"pyproject.toml's dependency group `generate` must pin {GENERATOR} and ruff with =="
        )
    return {name: pins[name] for name in (GENERATOR, "ruff")}


def installed_tools() -> dict[str, str]:
    """Return the versions that would run: the installed generator, and the ruff its hooks would find."""
    try:
        generator = metadata.version(GENERATOR)
    except metadata.PackageNotFoundError:
        generator = "none"
    try:
        answer = subprocess.run(
            ["ruff", "--version"], env=environment(), capture_output=True, text=True, check=False
        )
        ruff = answer.stdout.removeprefix("ruff ").split(" ")[0].strip() or "none"
    except OSError:
        ruff = "none"
    return {GENERATOR: generator, "ruff": ruff}


def require_pinned_tools(root: Path) -> dict[str, str]:
    """Return the tools' versions, which are the pinned ones.

    Raises:
        GenerateError: They are not; another version writes other code.
    """
    pinned, installed = pinned_tools(root), installed_tools()
    if pinned != installed:
        wanted = " ".join(f"{name}=={version}" for name, version in pinned.items())
        found = ", ".join(f"{name} {version}" for name, version in installed.items())
        raise GenerateError(
            f"found {found}; this code is written by {wanted}.\n`{FIX}` installs and runs those."
        )
    return pinned


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
    """Check that our templates came from the installed ones: upstream's escaping of untrusted text lives in them.

    Raises:
        GenerateError: Naming each template that changed, or is not recorded.
    """
    recorded = json.loads(inputs.stock_record.read_text("utf-8")) if inputs.stock_record.exists() else {}
    installed = stock_hashes(inputs)
    wrong = sorted(
        name for name in installed.keys() | recorded.keys() if installed.get(name) != recorded.get(name)
    )
    if wrong:
        raise GenerateError(
            f"not the stock templates our overrides came from: {', '.join(wrong)}.\n"
            "Carry upstream's changes into templates/, then run: tools/generate.py --accept-stock"
        )


def accept_stock(inputs: Inputs) -> None:
    """Record the installed templates as those our overrides came from."""
    text = json.dumps(stock_hashes(inputs), indent=2, sort_keys=True)
    replace_file(inputs.stock_record, f"{text}\n".encode())
