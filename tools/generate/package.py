"""Write generated/ from openapi.yaml, generator-config.yaml and templates/, with tools of pinned versions.

The package is made, imported and checked aside; only then does it replace the old one, so what fails changes nothing.
Of the generator's own templates, those that ours came from are kept in templates/stock/, since upstream's escaping of
text lives in them.
"""

import difflib
import functools
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from contextlib import redirect_stdout
from importlib import metadata
from pathlib import Path
from typing import Any

from tools import ToolError, contents, replaced
from tools.generate.limits import check_members, check_nothing_lost, check_overrides, handed_on, spec_facts
from tools.spec.document import load, valid

GENERATOR = "openapi-python-client"
FIX = "nox -s generate"
STOCK = "templates/stock"
BANNER = f"generated from openapi.yaml, do not edit; change it and run: {FIX}"

_OBJECT = r"<\S+ object at 0x\w+>"
"""A name that the spec gives, as the generator's messages have it."""


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
    """Return the versions of the generator and of the ruff of its hooks: those pinned, since others write other code."""
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
    was, now = old.decode().splitlines(), new.decode().splitlines()
    return "\n".join(difflib.unified_diff(was, now, f"{STOCK}/{name}", f"{GENERATOR}/{name}", lineterm=""))


def write(root: Path, *, check: bool = False, accept_stock: bool = False) -> list[str]:
    """Bring generated/ up to date, unless only checking, and return a line for each file that differed."""
    inputs = Inputs(root)
    tools = require_pinned_tools(root)
    require_same_stock(inputs, accept=accept_stock)
    with tempfile.TemporaryDirectory() as scratch:
        package = made(inputs, Path(scratch), tools)
        check_overrides(package, inputs.settings.get("class_overrides", {}))
        capture([sys.executable, "-B", "-W", "error", "-c", f"from {inputs.package} import *"], Path(scratch))
        return replaced(root / "generated" / inputs.package, contents(package), check=check)


def capture(command: str | list[str], cwd: Path) -> None:
    """Run a program, or a command of the shell, that must succeed and say nothing on stderr; ours come before others."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    how: dict[str, Any] = {"shell": isinstance(command, str), "env": os.environ | {"PATH": path}, "cwd": cwd}
    done = subprocess.run(command, **how, capture_output=True, text=True, check=False)
    if done.returncode or done.stderr.strip():
        tool = command if isinstance(command, str) else " ".join(command[1:3])
        raise ToolError(f"{tool} failed (exit {done.returncode}):\n{(done.stderr or done.stdout).strip()}")


def made(inputs: Inputs, scratch: Path, tools: dict[str, str]) -> Path:
    """Generate the package below the scratch folder, check that it holds all of the spec, and return its folder."""
    package = scratch / inputs.package
    run_generator(inputs, package)
    finish(package, inputs, tools)
    check_members(package)
    check_nothing_lost(package, inputs.document)
    return package


def run_generator(inputs: Inputs, package: Path) -> None:
    """Generate the package into its folder: in this process, since a start of the generator takes longer than its work.

    The generator reads YAML otherwise than we do, so it is handed what we have read; the spec's facts go to its templates.
    Its warnings are lost endpoints. A key of the configuration that it does not know is misspelt.
    """
    # They cost a second.
    from openapi_python_client import Project  # noqa: PLC0415
    from openapi_python_client.config import Config, ConfigFile, MetaType  # noqa: PLC0415
    from openapi_python_client.parser import GeneratorData  # noqa: PLC0415

    document = handed_on(inputs.document)
    facts = spec_facts(document)
    try:
        settings = ConfigFile.model_validate(inputs.settings, extra="forbid")
        hooks, settings.post_hooks = settings.post_hooks or [], []
        config = Config.from_sources(
            settings, MetaType.NONE, inputs.spec, "utf-8", overwrite=False, output_path=package
        )
        data = GeneratorData.from_dict(document, config=config)
        if isinstance(data, GeneratorData):
            project = Project(openapi=data, config=config, custom_template_path=inputs.templates)
            project.env.globals |= facts
            with redirect_stdout(None):
                errors = [*project.build()]
        else:
            errors = [data]
    except Exception as error:  # whatever it, or a template, stumbles over
        raise ToolError(f"{GENERATOR} failed: {type(error).__name__}: {error}") from error
    if errors:
        said = "\n".join(f"{error.header}\n{error.detail or ''}" for error in errors)
        raise ToolError(f"{GENERATOR} failed:\n{re.sub(_OBJECT, '(a name)', said)}")
    for hook in hooks:
        capture(hook, package)


def finish(package: Path, inputs: Inputs, tools: dict[str, str]) -> None:
    """Add what the generator leaves out: the banner in every module, py.typed, and where the code came from."""
    for module in package.rglob("*.py"):
        module.write_bytes(f"# {BANNER}\n".encode() + module.read_bytes())
    (package / "py.typed").write_bytes(b"")
    sources = {"openapi.yaml": inputs.spec, inputs.config.name: inputs.config}
    sources |= {f"templates/{name}": inputs.templates / name for name in inputs.overrides()}
    provenance = {
        "note": BANNER,
        "sha256": {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in sources.items()},
        "tools": tools,
    }
    text = json.dumps(provenance, indent=2, sort_keys=True)
    (package / "provenance.json").write_bytes(f"{text}\n".encode())
