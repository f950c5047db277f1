"""What generated code is made from: the spec, the configuration and the templates, and the tools' environment."""

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from _document import DocumentError, load

GENERATOR = "openapi-python-client"
FIX = "nox -s generate"


class GenerateError(RuntimeError):
    """The code cannot be generated, or what was generated is not what was asked for."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """Where everything is, below the project's root folder."""

    root: Path

    @property
    def spec(self) -> Path:
        return self.root / "openapi.yaml"

    @property
    def config(self) -> Path:
        return self.root / "generator-config.yaml"

    @property
    def templates(self) -> Path:
        return self.root / "templates"

    @property
    def stock_record(self) -> Path:
        return self.templates / "stock.json"

    @property
    def target(self) -> Path:
        return self.root / "generated" / self.package

    @property
    def package(self) -> str:
        return str(self.settings["package_name_override"])

    @property
    def settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = yaml.safe_load(self.config.read_text("utf-8"))
        return settings

    def overrides(self) -> list[str]:
        """Return the names of our templates, as the generator names its own."""
        found = self.templates.rglob("*.jinja")
        return sorted(path.relative_to(self.templates).as_posix() for path in found)


def environment() -> dict[str, str]:
    """Return the environment the tools run in: this interpreter's programs first, and no settings of the caller's."""
    kept = {name: os.environ[name] for name in ("HOME", "SYSTEMROOT", "TEMP", "TMPDIR") if name in os.environ}
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**kept, "PATH": programs, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}


def spec_document(spec: Path) -> dict[str, Any]:
    """Return the parsed spec.

    Raises:
        GenerateError: It cannot be read.
    """
    try:
        document = load(spec.read_text("utf-8"))
    except DocumentError as error:
        raise GenerateError(f"openapi.yaml: {error}") from None
    if not isinstance(document, dict):
        raise GenerateError("openapi.yaml is no OpenAPI document")
    return document


def spec_facts(spec: Path) -> dict[str, str]:
    """Return what the generator does not hand to its templates: the server's address and the key's header.

    Raises:
        GenerateError: The spec lacks one, or writes it in a way these templates do not know.
    """
    document = spec_document(spec)
    servers = document.get("servers") or [{}]
    url = str(servers[0].get("url", ""))
    if not re.fullmatch(r"https://[\w.-]+(:\d+)?(/[\w./-]*)?", url, re.ASCII):
        raise GenerateError(f"openapi.yaml: the first server {url!r} is no plain https address")
    schemes = document.get("components", {}).get("securitySchemes", {}).values()
    headers = {
        scheme.get("name")
        for scheme in schemes
        if scheme.get("type") == "apiKey" and scheme.get("in") == "header"
    }
    if len(headers) != 1:
        raise GenerateError("openapi.yaml: expected one header in its apiKey security schemes")
    return {"default_base_url": url, "auth_header_name": str(headers.pop())}
