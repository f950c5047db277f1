"""What a vendored copy holds, and the pure step from this distribution's files to the copy's."""

from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any, Final, Self

from .imports import ImportsError, made_relative
from .source import GENERATED, WRAPPER, Source
from .tree import Tree

SEAM: Final = "_seam.py"
CLIENT: Final = "_client"
"""The generated client's folder inside the copy."""

_NEVER: Final = {"__main__", "cli", "vendoring"}
"""A copy is a library: another SDK has its own commands, and nothing to vendor from."""

_EMULATOR: Final = {"emulator", "gateway"}
_TESTING: Final = {"testing"}
_LOW_LEVEL_NEEDS: Final = ("attrs", "httpx")


@dataclass(frozen=True, slots=True)
class Choice:
    """What to copy.

    Attributes:
        low_level_only: The generated client alone.
        emulator: Local mode and the emulator, with their table of 2.8 MB.
        testing: The helpers for test suites; they need the emulator.

    Raises:
        ValueError: testing without the emulator.
    """

    low_level_only: bool = False
    emulator: bool = True
    testing: bool = False

    def __post_init__(self) -> None:
        if self.testing and not self.emulator:
            raise ValueError("the testing helpers need the emulator")

    @property
    def default_name(self) -> str:
        """What the copy is called if nobody says otherwise."""
        return GENERATED if self.low_level_only else WRAPPER

    def as_json(self) -> dict[str, bool]:
        """For the manifest."""
        return {"low_level_only": True} if self.low_level_only else asdict(self)

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Self:
        """Back from the manifest.

        Raises:
            TypeError: it is not one.
        """
        return cls(**{name: bool(value) for name, value in found.items()})

    def requires(self, source: Source) -> tuple[str, ...]:
        """The requirements that a package with this copy in it has to declare."""
        if not self.low_level_only:
            return source.requires
        return tuple(line for line in source.requires if line.startswith(_LOW_LEVEL_NEEDS))

    def tree(self, source: Source) -> Tree:
        """The files of the copy, licences included.

        Raises:
            ImportsError: a module other than the seam names a package absolutely. Names file and line.
        """
        if self.low_level_only:
            return _carried(source.generated, seam=None) | source.licences
        wanted = {name: content for name, content in source.wrapper.items() if self._has(name)}
        client = {
            f"{CLIENT}/{name}": content for name, content in _carried(source.generated, seam=None).items()
        }
        return _carried(wanted, seam=SEAM) | client | source.licences

    def _has(self, name: str) -> bool:
        part = PurePosixPath(name).parts[0].removesuffix(".py")
        left_out = _NEVER | (set() if self.emulator else _EMULATOR) | (set() if self.testing else _TESTING)
        return part not in left_out


def _carried(tree: Tree, *, seam: str | None) -> Tree:
    """The tree under another name: the seam's import made relative, and no other left that would need it."""
    return {
        name: _module(name, content, seam=name == seam) if name.endswith(".py") else content
        for name, content in tree.items()
    }


def _module(name: str, content: bytes, *, seam: bool) -> bytes:
    try:
        content = made_relative(content, GENERATED, f".{CLIENT}", allowed=seam)
        return made_relative(content, WRAPPER, "", allowed=False)
    except ImportsError as error:
        raise ImportsError(f"{name}: {error}") from None
