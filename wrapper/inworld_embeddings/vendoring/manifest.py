"""The manifest of a vendored copy: where it came from, and the hash of every file as it was copied."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from .choice import Choice
from .source import DISTRIBUTION, Source
from .tree import Tree, digests

MANIFEST: Final = "vendored.json"


class ManifestError(ValueError):
    """The manifest cannot be read: cut, edited, or with a merge conflict in it."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was copied.

    Attributes:
        version: Of the distribution.
        spec_sha256: Of the openapi.yaml the generated client was made from.
        tools: What generated it: name to version.
        choice: What was asked for.
        requires: Requirements that the package around the copy has to declare.
        files: Relative POSIX path to sha256 in hex; line ends count as LF.
    """

    version: str
    spec_sha256: str
    tools: dict[str, str]
    choice: Choice
    requires: tuple[str, ...]
    files: dict[str, str]

    @classmethod
    def of(cls, source: Source, choice: Choice, tree: Tree) -> Self:
        """The manifest of what is about to be copied."""
        origin = source.provenance
        return cls(
            source.version,
            origin["sha256"]["openapi.yaml"],
            origin["tools"],
            choice,
            choice.requires(source),
            digests(tree),
        )

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """The manifest of the copy in a folder; None if there is none.

        Raises:
            ManifestError: there is one, and it cannot be read.
        """
        try:
            found = json.loads((folder / MANIFEST).read_text("utf-8"))
            return cls(
                str(found["version"]),
                str(found["spec_sha256"]),
                dict(found["tools"]),
                Choice.from_json(found["choice"]),
                tuple(found["requires"]),
                {str(name): str(digest) for name, digest in found["files"].items()},
            )
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ManifestError(f"{folder / MANIFEST} cannot be read ({type(error).__name__})") from None

    def content(self) -> bytes:
        """As it is written: JSON, two spaces, sorted where order means nothing."""
        text = json.dumps(
            {
                "note": f"copied from {DISTRIBUTION}; do not edit, run `{DISTRIBUTION} vendor` again",
                "version": self.version,
                "spec_sha256": self.spec_sha256,
                "tools": self.tools,
                "choice": self.choice.as_json(),
                "requires": list(self.requires),
                "files": self.files,
            },
            indent=2,
        )
        return f"{text}\n".encode()
