"""Generate the package of any spec aside, with this project's configuration, and take its public surface."""

import json
import shutil
import sys
import tempfile
from pathlib import Path

from _generator import capture, finish, run_generator
from _inputs import Inputs
from _surface_diff import Surface


def surface_of(spec: str, root: Path) -> Surface:
    """Return the public surface of the package that a spec makes.

    A class that lost its entry in `class_overrides` keeps the generator's own name here, so that a renamed schema can be
    told; `generate.py` refuses it.

    Args:
        spec: The text of an OpenAPI document.
        root: The project, for its configuration and templates.

    Raises:
        GenerateError: It cannot be generated, or not imported.
    """
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch) / "project"
        project.mkdir()
        (project / "openapi.yaml").write_text(spec, "utf-8")
        shutil.copyfile(root / "generator-config.yaml", project / "generator-config.yaml")
        shutil.copytree(root / "templates", project / "templates")
        inputs = Inputs(project)
        package = run_generator(inputs, Path(scratch))
        finish(package, inputs, {})
        return surface_of_package(package)


def surface_of_package(package: Path) -> Surface:
    """Return the public surface of a generated package in a folder, which is imported in a process of its own.

    Raises:
        GenerateError: It cannot be imported.
    """
    program = Path(__file__).with_name("_surface.py")
    command = [sys.executable, "-B", str(program), str(package.parent), package.name]
    surface: Surface = json.loads(capture(command, package.parent))
    return surface
