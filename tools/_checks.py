"""What the generator ignores in silence: unknown settings, overrides without effect, two classes in one module."""

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
