"""Write generated/ from openapi.yaml, generator-config.yaml and templates/: `python -m tools.generate.package [--check]`.

The package is made, imported and checked aside; only then does it replace the old one, so what fails changes nothing.
Exit codes: 0 generated/ is (now) what the inputs say, 1 `--check` found a difference, 2 it could not be generated.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from tools import ToolError
from tools.generate.inputs import (
    FIX,
    GENERATOR,
    Inputs,
    digest,
    require_pinned_tools,
    require_recorded_stock,
)
from tools.generate.limits import check_members, check_nothing_lost, check_overrides, handed_on, spec_facts

ROOT = Path(__file__).resolve().parents[2]
BANNER = f"generated from openapi.yaml, do not edit; change it and run: {FIX}"

_OBJECT = r"<\S+ object at 0x\w+>"
"""A name that the spec gives, as the generator's messages have it."""

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


def write(root: Path, *, check: bool = False) -> list[str]:
    """Bring generated/ up to date, unless only checking, and return a line for each file that differed.

    Raises:
        ToolError, OSError: It could not be generated, and generated/ is as it was.
    """
    inputs = Inputs(root)
    tools = require_pinned_tools(root)
    require_recorded_stock(inputs)
    with tempfile.TemporaryDirectory() as scratch:
        package = made(inputs, Path(scratch), tools)
        check_overrides(package, inputs)
        options = ["-IB", "-W", "error", "-c", _IMPORT_ALL]
        capture([sys.executable, *options, str(package.parent), inputs.package], Path(scratch))
        return replaced(root / "generated" / inputs.package, package, check=check)


def replaced(old: Path, new: Path, *, check: bool) -> list[str]:
    """Put a folder in another's place, if they differ and unless only checking, and return the differences."""
    changes = differences(old, new)
    if changes and not check:
        shutil.rmtree(old, ignore_errors=True)
        shutil.copytree(new, old, ignore=shutil.ignore_patterns("__pycache__"))
    return changes


def differences(old: Path, new: Path) -> list[str]:
    """Return a line for each file that is missing, extra or different below two folders."""
    before, after = contents(old), contents(new)
    missing = {f"missing: {name}" for name in after.keys() - before.keys()}
    extra = {f"not generated: {name}" for name in before.keys() - after.keys()}
    other = {f"differs: {name}" for name in before.keys() & after.keys() if before[name] != after[name]}
    return sorted(missing | extra | other, key=lambda line: line.partition(": ")[2])


def contents(path: Path) -> dict[str, bytes]:
    """Return what is in each file below a folder, or in the one file, without byte code."""
    found = [path] if path.is_file() else [inner for inner in path.rglob("*") if inner.is_file()]
    kept = [inner for inner in found if "__pycache__" not in inner.parts]
    return {inner.relative_to(path).as_posix(): inner.read_bytes() for inner in kept}


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
    ours = [inputs.config, *(inputs.templates / name for name in inputs.overrides())]
    sources = {
        "openapi.yaml": inputs.spec,
        **{path.relative_to(inputs.root).as_posix(): path for path in ours},
    }
    provenance = {
        "note": BANNER,
        "sha256": {name: digest(path) for name, path in sources.items()},
        "tools": tools,
    }
    text = json.dumps(provenance, indent=2, sort_keys=True)
    (package / "provenance.json").write_bytes(f"{text}\n".encode())


def main(argv: list[str]) -> int:
    """Run the program; see the module's docstring for the exit codes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if generated/ differs")
    check = parser.parse_args(argv).check
    try:
        changes = write(ROOT, check=check)
    except (ToolError, OSError) as error:
        print(f"{error}\ngenerated/ was left as it was", file=sys.stderr)
        return 2
    return told("generated", changes, check=check, fix=FIX)


def told(home: str, changes: list[str], *, check: bool, fix: str) -> int:
    """Print what was, or with `check` would have to be, written to a folder; returns the exit code."""
    end = f"{home}/ is not what its sources make; run: {fix}" if check else f"{home}/ written"
    print("\n".join([*changes, end] if changes else [f"{home}/ is up to date"]))
    return int(check and bool(changes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
