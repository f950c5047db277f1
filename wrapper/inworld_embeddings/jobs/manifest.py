"""What a job is made of, as its folder holds it, and whether another run is of the same job."""

import hashlib
from pathlib import Path
from typing import Final

import msgspec

from ..errors import InputChangedError, JobCorruptError, JobError, StorageError
from .files import InputFile, Stopped, check_same
from .storage import publish, storing

MANIFEST: Final = "_job.json"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a job is made of, as `_job.json` holds it.

    Attributes:
        job: Its id: equal input and settings have equal ids.
        inputs: The files of the input.
        text, id, keep: Columns.
        model, service_provider: As sent.
        request: All that each request says beside its texts.
        host: Base URL of the service.
        engine: None for the service; an emulator's engine.
        dimension: Length of each vector.
        rows_per_part: Rows of each part but the last.
        max_rows: Rows of the input that count; None for all.
        pyarrow, version: Versions that wrote parts: of Arrow, and of this package.
        created: Date.
        fixed_vector: The vector of the fixed text, which tells whether the model is still the same.
    """

    job: str = ""
    inputs: tuple[InputFile, ...]
    text: str | None
    id: str | None
    keep: tuple[str, ...]
    model: str
    service_provider: str
    request: str
    host: str
    engine: str | None = None
    dimension: int = 0
    rows_per_part: int
    max_rows: int | None = None
    pyarrow: tuple[str, ...]
    version: tuple[str, ...]
    created: str = ""
    fixed_vector: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if len(self.fixed_vector) != self.dimension:
            raise ValueError("its fixed_vector is not of its dimension")

    def resumed(
        self, wanted: "Manifest", folder: Path, *, other_versions: bool, stopped: Stopped
    ) -> "Manifest":
        """The one to go on with, if the job that is wanted is this one.

        Raises:
            InputChangedError: it is of another input, or of other settings or versions.
            JobPausedError: the job was told to stop.
        """
        if changed := tuple(name for name in _SETTINGS if getattr(self, name) != getattr(wanted, name)):
            told = "; ".join(
                f"{name} was {getattr(self, name)!r}, and is {getattr(wanted, name)!r}" for name in changed
            )
            raise InputChangedError(
                f"{folder} holds another job: {told}. Run it as it was begun, or use another OUT.",
                changed=changed,
            )
        check_same(self.inputs, wanted.inputs, stopped)
        new = {
            name: (*getattr(self, name), getattr(wanted, name)[0])
            for name in ("pyarrow", "version")
            if getattr(wanted, name)[0] not in getattr(self, name)
        }
        if new and not other_versions:
            told = "; ".join(
                f"{name} was {', '.join(both[:-1])}, and is {both[-1]}" for name, both in new.items()
            )
            raise InputChangedError(
                f"{folder} was written by other versions: {told}. Install those, or go on with --other-versions "
                "(other_versions=True): parts may then differ in their bytes, not in their rows.",
                changed=tuple(new),
            )
        return msgspec.structs.replace(self, **new)

    @property
    def own_id(self) -> str:
        """The id, from everything that decides on a part's bytes, and nothing else."""
        told = [
            *(getattr(self, name) for name in _SETTINGS),
            self.engine,
            self.dimension,
            [file.digests for file in self.inputs],
        ]
        return hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:32]

    def write(self, folder: Path, *, replace: bool = True) -> bool:
        """Publishes it; returns whether it is there by this call."""
        told = msgspec.json.format(msgspec.json.encode(self))
        return publish(folder, MANIFEST, lambda path: path.write_bytes(told), replace=replace)

    @classmethod
    def of(cls, folder: Path) -> "Manifest | None":
        """The one of a folder, if there is one.

        Raises:
            JobCorruptError: it cannot be read.
        """
        path = folder / MANIFEST
        try:
            with storing(path):
                return msgspec.json.decode(path.read_bytes(), type=cls)
        except StorageError as error:
            if isinstance(error.__cause__, FileNotFoundError | NotADirectoryError):
                return None
            raise
        except (msgspec.MsgspecError, ValueError) as error:  # msgspec's are no ValueErrors before 0.21
            raise JobCorruptError(
                f"{path} cannot be read ({error}), so nothing can be added to this job. Use another OUT.",
                path=str(path),
            ) from error

    @classmethod
    def needed(cls, folder: Path) -> "Manifest":
        """The one of a folder that must have one.

        Raises:
            JobError: there is none; or as `of`.
        """
        if (known := cls.of(folder)) is None:
            raise JobError(f"{folder} holds no job. `job run INPUT -o {folder}` begins one.")
        return known


_SETTINGS: Final = (
    "text",
    "id",
    "keep",
    "model",
    "service_provider",
    "request",
    "host",
    "rows_per_part",
    "max_rows",
)
