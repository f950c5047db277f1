"""The public surface of a generated package, taken by importing it: `_surface.py FOLDER PACKAGE` prints it as JSON.

A program of its own, since two versions of one package do not fit into one process. Nothing of ours is imported.
"""

import enum
import importlib
import inspect
import json
import pkgutil
import re
import sys
from types import ModuleType
from typing import Any

Surface = dict[str, dict[str, Any]]
"""Name to kind and contents: what `from PACKAGE import name` gives, and the modules of `api`."""


def surface(name: str) -> Surface:
    """Return the surface of an importable package."""
    package = importlib.import_module(name)
    found = {exported: _of(getattr(package, exported)) for exported in package.__all__}
    found |= {
        f"{alias}.{function}": content
        for alias in package.__all__
        if isinstance(module := getattr(package, alias), ModuleType)
        for function, content in _functions(module).items()
    }
    api = importlib.import_module(f"{name}.api")
    for module in pkgutil.walk_packages(api.__path__, f"{name}.api."):
        found[module.name.removeprefix(f"{name}.")] = {"kind": "module"}
    return found


def _of(value: Any) -> dict[str, Any]:
    if isinstance(value, ModuleType):
        return {"kind": "module"}
    if isinstance(value, type) and issubclass(value, enum.Enum):
        return {"kind": "enum", "members": {member.name: member.value for member in value}}
    if isinstance(value, type):
        methods = inspect.getmembers(value, lambda item: inspect.isfunction(item) or inspect.ismethod(item))
        public = {name: _signature(method) for name, method in methods if not name.startswith("_")}
        return {"kind": "class", "constructor": _signature(value), "methods": public}
    return {"kind": type(value).__name__}


def _functions(module: ModuleType) -> dict[str, dict[str, Any]]:
    return {
        name: {"kind": "function", "constructor": _signature(function)}
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    }


def _signature(value: Any) -> dict[str, Any]:
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return {"parameters": [], "returns": ""}
    parameters = [
        {
            "name": parameter.name,
            "type": _annotation(parameter.annotation),
            "required": parameter.default is parameter.empty
            and parameter.kind not in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD},
            "positional": parameter.kind in {parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD},
        }
        for parameter in signature.parameters.values()
    ]
    return {"parameters": parameters, "returns": _annotation(signature.return_annotation)}


def _annotation(value: Any) -> str:
    if value is inspect.Parameter.empty or value is None:
        return ""
    text = value if isinstance(value, str) else inspect.formatannotation(value)
    return re.sub(r"\b[a-z_]\w*(?:\.\w+)*\.(?=[A-Z])", "", text.replace("'", ""))


if __name__ == "__main__":
    sys.path[:] = [sys.argv[1], *(path for path in sys.path[1:])]
    print(json.dumps(surface(sys.argv[2])))
