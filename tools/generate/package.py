"""Write generated/ from openapi.yaml, generator-config.yaml and templates/.

The package is made, imported and checked aside; only then does it replace the old one, so what fails changes nothing.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from tools import ToolError, contents, replaced
from tools.generate.inputs import FIX, GENERATOR, Inputs, require_pinned_tools, require_same_stock
from tools.generate.limits import check_members, check_nothing_lost, check_overrides, handed_on, spec_facts

BANNER = f"generated from openapi.yaml, do not edit; change it and run: {FIX}"

_OBJECT = r"<\S+ object at 0x\w+>"
"""A name that the spec gives, as the generator's messages have it."""


def write(root: Path, *, check: bool = False) -> list[str]:
    """Bring generated/ up to date, unless only checking, and return a line for each file that differed.

    Raises:
        ToolError, OSError: It could not be generated, and generated/ is as it was.
    """
    inputs = Inputs(root)
    tools = require_pinned_tools(root)
    require_same_stock(inputs)
    with tempfile.TemporaryDirectory() as scratch:
        package = made(inputs, Path(scratch), tools)
        check_overrides(package, inputs)
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
    ours = [inputs.config, *(inputs.templates / name for name in inputs.overrides())]
    sources = {
        "openapi.yaml": inputs.spec,
        **{path.relative_to(inputs.root).as_posix(): path for path in ours},
    }
    provenance = {
        "note": BANNER,
        "sha256": {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in sources.items()},
        "tools": tools,
    }
    text = json.dumps(provenance, indent=2, sort_keys=True)
    (package / "provenance.json").write_bytes(f"{text}\n".encode())
