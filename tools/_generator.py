"""Run the generator in a temporary folder, finish its output, and check that it can be imported."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from _checks import check_members, check_overrides, check_settings
from _files import digest
from _inputs import FIX, GENERATOR, GenerateError, Inputs, environment, spec_document, spec_facts

BANNER = f"generated from openapi.yaml, do not edit; change it and run: {FIX}"

_IMPORT_ALL = """
import importlib, pathlib, pkgutil, sys
folder, name = sys.argv[1:]
sys.path.insert(0, folder)
package = importlib.import_module(name)
assert pathlib.Path(package.__file__).is_relative_to(folder), package.__file__
for module in pkgutil.walk_packages(package.__path__, f"{name}."):
    importlib.import_module(module.name)
for exported in package.__all__:
    getattr(package, exported)
"""


def capture(command: list[str], cwd: Path) -> str:
    """Run a tool, and return what it printed.

    Raises:
        GenerateError: It failed, or said anything on stderr: the generator's warnings are lost endpoints.
    """
    done = subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode or done.stderr.strip():
        said = (done.stderr.strip() or done.stdout.strip())[-4000:]
        raise GenerateError(f"{' '.join(command[:3])} failed (exit {done.returncode}):\n{said}")
    return done.stdout


def write_templates(inputs: Inputs, folder: Path) -> None:
    """Copy our templates, and add one with the spec's facts that they import."""
    for name in inputs.overrides():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(inputs.templates / name, folder / name)
    facts = spec_facts(inputs.spec)
    lines = [f"{{% set {name} = {json.dumps(value)} %}}\n" for name, value in facts.items()]
    (folder / "spec_facts.jinja").write_text("".join(lines), "utf-8")


def run_generator(inputs: Inputs, scratch: Path) -> Path:
    """Generate the package below the scratch folder, and return its folder."""
    templates, package = scratch / "templates", scratch / "out" / inputs.package
    package.parent.mkdir(parents=True)
    write_templates(inputs, templates)
    document = scratch / "openapi.json"  # the generator's own reading of YAML differs from ours
    document.write_text(json.dumps(spec_document(inputs.spec)), "utf-8")
    command = [sys.executable, "-m", GENERATOR.replace("-", "_"), "generate", "--path", str(document)]
    command += ["--config", str(inputs.config.resolve()), "--custom-template-path", str(templates)]
    command += ["--output-path", str(package), "--meta", "none", "--fail-on-warning"]
    capture(command, scratch)
    return package


def finish(package: Path, inputs: Inputs, tools: dict[str, str]) -> None:
    """Add what the generator leaves out: the banner in every module, py.typed, and where the code came from."""
    for cache in list(package.rglob("__pycache__")):
        shutil.rmtree(cache)
    for module in package.rglob("*.py"):
        module.write_bytes(f"# {BANNER}\n".encode() + module.read_bytes())
    (package / "py.typed").write_bytes(b"")
    sources = [inputs.spec, inputs.config, *(inputs.templates / name for name in inputs.overrides())]
    provenance = {
        "note": BANNER,
        "sha256": {path.relative_to(inputs.root).as_posix(): digest(path) for path in sources},
        "tools": tools,
    }
    text = json.dumps(provenance, indent=2, sort_keys=True)
    (package / "provenance.json").write_bytes(f"{text}\n".encode())


def generate_into(scratch: Path, inputs: Inputs, tools: dict[str, str]) -> Path:
    """Return a finished, imported and checked package in the scratch folder."""
    check_settings(inputs)
    package = run_generator(inputs, scratch)
    finish(package, inputs, tools)
    check_overrides(package, inputs)
    check_members(package)
    capture([sys.executable, "-W", "error", "-c", _IMPORT_ALL, str(package.parent), inputs.package], scratch)
    return package
