"""Where this distribution's own files are: a checkout or an unpacked sdist, or an installed wheel."""

import email.parser
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from .._version import VENDORED, __version__
from .tree import Tree, read

DISTRIBUTION: Final = "inworld-embeddings"
WRAPPER: Final = "inworld_embeddings"
GENERATED: Final = "inworld_embeddings_client"
_LICENCES: Final = ("LICENSE", "NOTICE", "LICENSES")


class SourceError(RuntimeError):
    """This installation cannot be copied from."""


@dataclass(frozen=True, slots=True)
class Source:
    """Everything that can be copied, read once.

    Attributes:
        version: Of the wrapper and the distribution.
        wrapper: Its files.
        generated: The generated client's files.
        licences: LICENSE, NOTICE and LICENSES/.
        requires: The distribution's requirements, without extras.
    """

    version: str
    wrapper: Tree
    generated: Tree
    licences: Tree
    requires: tuple[str, ...]

    @property
    def provenance(self) -> dict[str, Any]:
        """What the generated client says about its own origin: sha256 of the spec, the generator's version."""
        found: dict[str, Any] = json.loads(self.generated["provenance.json"])
        return found

    @classmethod
    def here(cls) -> Self:
        """The distribution that this module belongs to.

        Raises:
            SourceError: it is itself a copy, or has no licence files beside it.
        """
        wrapper = Path(__file__).resolve().parents[1]
        root = wrapper.parents[1]
        if VENDORED:
            raise SourceError("This is a vendored copy; copy from the distribution itself.")
        if wrapper.parent.name == "wrapper" and (root / "pyproject.toml").exists():
            project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
            return cls._read(wrapper, root / "generated" / GENERATED, root, project["dependencies"])
        info = wrapper.parent / f"{WRAPPER}-{__version__}.dist-info"
        return cls._read(wrapper, wrapper.parent / GENERATED, info / "licenses", _required(info / "METADATA"))

    @classmethod
    def _read(cls, wrapper: Path, generated: Path, licences: Path, requires: list[str]) -> Self:
        found = _read_licences(licences)
        if "LICENSE" not in found or "NOTICE" not in found:
            raise SourceError(f"No LICENSE and NOTICE in {licences}; a copy has to carry them.")
        return cls(__version__, read(wrapper), read(generated), found, tuple(requires))


def _read_licences(folder: Path) -> Tree:
    tree: Tree = {}
    for name in _LICENCES:
        path = folder / name
        if path.is_file():
            tree[name] = path.read_bytes()
        tree |= {f"{name}/{inner}": content for inner, content in read(path).items()}
    return tree


def _required(metadata: Path) -> list[str]:
    """The requirements of an installed distribution, without those of extras."""
    if not metadata.exists():
        return []
    message = email.parser.Parser().parsestr(metadata.read_text("utf-8"), headersonly=True)
    return [str(line) for line in message.get_all("Requires-Dist", []) if "extra ==" not in line]
