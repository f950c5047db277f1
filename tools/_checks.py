"""What the generator ignores in silence: unknown settings, overrides without effect, names that are taken already."""

import ast
from pathlib import Path

from _inputs import GenerateError, Inputs


def check_settings(inputs: Inputs) -> None:
    """Check the configuration's keys, which the generator would ignore if misspelt.

    Raises:
        GenerateError: Naming the unknown keys.
    """
    from openapi_python_client.config import ClassOverride, ConfigFile  # noqa: PLC0415 - costs a second

    known = ConfigFile.model_fields.keys()
    unknown = [key for key in inputs.settings if key not in known]
    for name, override in inputs.settings.get("class_overrides", {}).items():
        unknown += [f"{name}.{key}" for key in override if key not in ClassOverride.model_fields]
    if unknown:
        raise GenerateError(f"generator-config.yaml: the generator knows no {', '.join(unknown)}")


def model_classes(package: Path) -> dict[str, list[str]]:
    """Return the public classes of each module in `models/`."""
    modules = (path for path in (package / "models").glob("*.py") if path.name != "__init__.py")
    return {
        path.stem: [
            node.name for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.ClassDef)
        ]
        for path in modules
    }


def check_overrides(package: Path, inputs: Inputs) -> None:
    """Check that each class override made its class, and that no two models were written to one module.

    Raises:
        GenerateError: Naming what did not take effect; the generator says nothing.
    """
    classes = model_classes(package)
    exported = ast.parse((package / "models" / "__init__.py").read_text("utf-8"))
    names = {
        alias.name for node in ast.walk(exported) if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    lost = sorted(names - {name for found in classes.values() for name in found})
    if lost:
        raise GenerateError(f"two models were written to one module; {', '.join(lost)} was lost")
    for name, override in inputs.settings.get("class_overrides", {}).items():
        if override["class_name"] not in classes.get(override["module_name"], []):
            raise GenerateError(
                f"generator-config.yaml: the override of {name} took no effect: no such class in the spec"
            )


def check_members(package: Path) -> None:
    """Check that no property of a schema has taken the name of a method of its class.

    Raises:
        GenerateError: Naming both.
    """
    for path in sorted((package / "models").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                methods = {member.name for member in node.body if isinstance(member, ast.FunctionDef)}
                fields = {
                    ast.unparse(member.target) for member in node.body if isinstance(member, ast.AnnAssign)
                }
                if taken := sorted(methods & fields):
                    raise GenerateError(
                        f"openapi.yaml: {node.name} has a property that becomes `{taken[0]}`, the name of a method of "
                        "every model; rename that method in templates/model.py.jinja and its callers"
                    )
