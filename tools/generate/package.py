"""Write generated/ from openapi.yaml, generator-config.yaml and templates/: `python -m tools.generate.package [--check]`.

The package is made, imported and checked aside; only then does it replace the old one, so what fails changes nothing.
Exit codes: 0 generated/ is (now) what the inputs say, 1 `--check` found a difference, 2 it could not be generated.
"""

import argparse
import ast
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tools.generate.inputs import (
    FIX,
    GENERATOR,
    GenerateError,
    Inputs,
    digest,
    environment,
    normalised,
    require_pinned_tools,
    require_recorded_stock,
)
from tools.generate.limits import handed_on, objects, spec_facts
from tools.spec.document import operations_of

ROOT = Path(__file__).resolve().parents[2]
BANNER = f"generated from openapi.yaml, do not edit; change it and run: {FIX}"

_ENDPOINT = re.compile(r'"method": "(\w+)",\s+"url": "([^"]*)"')
_PARAMETER = re.compile(r"\{.*?\}")
_PREFIX = re.compile(r"(?:V\d+(?:Alpha|Beta)?\d*|Rpc)(?=[A-Z])")
"""What grpc-gateway puts before the name of a message."""

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
        GenerateError, OSError: It could not be generated, and generated/ is as it was.
    """
    inputs = Inputs(root)
    tools = require_pinned_tools(root)
    require_recorded_stock(inputs)
    check_settings(inputs)
    with tempfile.TemporaryDirectory() as scratch:
        package = run_generator(inputs, Path(scratch))
        finish(package, inputs, tools)
        check_overrides(package, inputs)
        check_members(package)
        check_nothing_lost(package, inputs.document())
        imports = [sys.executable, "-W", "error", "-c", _IMPORT_ALL, str(package.parent), inputs.package]
        capture(imports, Path(scratch))
        return replaced(root / "generated" / inputs.package, package, check=check)


def replaced(old: Path, new: Path, *, check: bool) -> list[str]:
    """Put a folder in another's place, if they differ and unless only checking, and return the differences."""
    changes = differences(old, new)
    if changes and not check:
        shutil.rmtree(old, ignore_errors=True)
        shutil.copytree(new, old, ignore=shutil.ignore_patterns("__pycache__"))
    return changes


def differences(old: Path, new: Path) -> list[str]:
    """Return a line for each file that is missing, extra or different below two folders; line ends do not count."""
    before, after = contents(old), contents(new)
    missing = {f"missing: {name}" for name in after.keys() - before.keys()}
    extra = {f"not generated: {name}" for name in before.keys() - after.keys()}
    other = {f"differs: {name}" for name in before.keys() & after.keys() if before[name] != after[name]}
    return sorted(missing | extra | other, key=lambda line: line.partition(": ")[2])


def contents(path: Path) -> dict[str, bytes]:
    """Return what is in each file below a folder, or in the one file, with LF line ends and without byte code."""
    found = [path] if path.is_file() else [inner for inner in path.rglob("*") if inner.is_file()]
    kept = [inner for inner in found if "__pycache__" not in inner.parts]
    return {inner.relative_to(path).as_posix(): normalised(inner) for inner in kept}


def capture(command: list[str], cwd: Path) -> None:
    """Run a tool that must succeed, and say nothing on stderr: the generator's warnings are lost endpoints."""
    done = subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode or done.stderr.strip():
        said = (done.stderr.strip() or done.stdout.strip())[-4000:]
        raise GenerateError(f"{' '.join(command[:3])} failed (exit {done.returncode}):\n{said}")


def run_generator(inputs: Inputs, scratch: Path) -> Path:
    """Generate the package below the scratch folder, and return its folder.

    The templates are ours and one with the spec's facts that they import. The generator's own reading of YAML differs
    from ours, so it is handed JSON.
    """
    templates, package, document = scratch / "templates", scratch / "out" / inputs.package, inputs.document()
    shutil.copytree(inputs.templates, templates, ignore=shutil.ignore_patterns("*.json"))
    facts = spec_facts(document).items()
    lines = [f"{{% set {name} = {json.dumps(value)} %}}\n" for name, value in facts]
    (templates / "spec_facts.jinja").write_text("".join(lines), "utf-8")
    (scratch / "openapi.json").write_text(json.dumps(handed_on(document)))
    package.parent.mkdir(parents=True)
    options = {
        "--path": "openapi.json",
        "--config": inputs.config.resolve(),
        "--custom-template-path": templates,
        "--output-path": package,
        "--meta": "none",
    }
    command = [sys.executable, "-m", GENERATOR.replace("-", "_"), "generate", "--fail-on-warning"]
    capture([*command, *(str(part) for option in options.items() for part in option)], scratch)
    return package


def finish(package: Path, inputs: Inputs, tools: dict[str, str]) -> None:
    """Add what the generator leaves out: the banner in every module, py.typed, and where the code came from."""
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


def check_settings(inputs: Inputs) -> None:
    """Refuse keys of the configuration that the generator would ignore, since they are misspelt."""
    from openapi_python_client.config import ClassOverride, ConfigFile  # noqa: PLC0415 - costs a second

    unknown = inputs.settings.keys() - ConfigFile.model_fields.keys()
    for name, override in inputs.settings.get("class_overrides", {}).items():
        unknown |= {f"{name}.{key}" for key in override.keys() - ClassOverride.model_fields.keys()}
    if unknown:
        raise GenerateError(f"generator-config.yaml: the generator knows no {', '.join(sorted(unknown))}")


def model_classes(package: Path) -> dict[str, dict[str, ast.ClassDef]]:
    """Return the classes of each module in `models/`, by their names."""
    trees = {path.stem: ast.parse(path.read_text("utf-8")) for path in (package / "models").glob("*.py")}
    return {
        module: {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        for module, tree in trees.items()
    }


def check_overrides(package: Path, inputs: Inputs) -> None:
    """Refuse two models in one module, and a class override that made no class; the generator says nothing of them."""
    classes = model_classes(package)
    exported = ast.parse((package / "models" / "__init__.py").read_text("utf-8"))
    imports = [node for node in exported.body if isinstance(node, ast.ImportFrom)]
    names = {alias.name for node in imports for alias in node.names}
    if lost := sorted(names.difference(*classes.values())):
        raise GenerateError(f"two models were written to one module; {', '.join(lost)} was lost")
    for name, override in inputs.settings.get("class_overrides", {}).items():
        if override["class_name"] not in classes.get(override["module_name"], ()):
            raise GenerateError(
                f"generator-config.yaml: the override of {name} took no effect: no such class in the spec"
            )
    lines = []
    for name in (name for found in classes.values() for name in found):
        if prefix := _PREFIX.match(name):
            plain = name[prefix.end() :]
            lines.append(f"  {name}: {{class_name: {plain}, module_name: {_snake(plain)}}}")
    if lines:
        raise GenerateError("generator-config.yaml: add to class_overrides\n" + "\n".join(sorted(lines)))


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def check_members(package: Path) -> None:
    """Refuse a property of a schema that has taken the name of a method of its class."""
    for node in (node for found in model_classes(package).values() for node in found.values()):
        methods = {member.name for member in node.body if isinstance(member, ast.FunctionDef)}
        fields = [ast.unparse(member.target) for member in node.body if isinstance(member, ast.AnnAssign)]
        twice = {name for name in fields if fields.count(name) > 1}
        if taken := sorted(methods.intersection(fields) | twice):
            raise GenerateError(
                f"openapi.yaml: {node.name} has a property that becomes `{taken[0]}`, a name that every model has; "
                "rename that one in templates/model.py.jinja and its callers"
            )


def check_nothing_lost(package: Path, document: dict[str, Any]) -> None:
    """Refuse an operation that another one was written over, and enum values that are one name."""
    text = "".join(path.read_text("utf-8") for path in (package / "api").rglob("*.py"))
    made = {(method, _PARAMETER.sub("{}", path)) for method, path in _ENDPOINT.findall(text)}
    for operation in operations_of(document):
        if (operation.method, _PARAMETER.sub("{}", operation.path)) not in made:
            raise GenerateError(
                f"openapi.yaml: {operation} was lost: its operationId makes the module of another operation"
            )
    enums = [
        {ast.literal_eval(member.value) for member in node.body if isinstance(member, ast.Assign)}
        for found in model_classes(package).values()
        for node in found.values()
    ]
    for schema in objects(document):
        values = schema.get("enum")
        if schema.get("type") not in ("string", "integer") or not isinstance(values, list):
            continue
        if {value for value in values if value is not None} not in enums:
            raise GenerateError(f"openapi.yaml: of the enum {values} two values make one name")


def main(argv: list[str]) -> int:
    """Run the program; see the module's docstring for the exit codes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if generated/ differs")
    check = parser.parse_args(argv).check
    try:
        changes = write(ROOT, check=check)
    except (GenerateError, OSError) as error:
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
