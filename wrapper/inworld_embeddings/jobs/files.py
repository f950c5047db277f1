"""Which files a job's input is, where they are, and whether they are still what they were."""

import glob
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

from ..errors import ConfigurationError, InputChangedError, InvalidInputError, JobPausedError

MIB: Final = 1 << 20

KINDS: Final = {
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".arrow", ".feather", ".ipc"), "arrow"),
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), "jsonl"),
    **dict.fromkeys((".txt", ".text"), "text"),
    ".csv": "csv",
    ".tsv": "tsv",
}
PACKED: Final = {".gz": "gzip", ".zst": "zstd"}
STORE: Final = "s3://"

Sources: TypeAlias = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


def place(path: str | os.PathLike[str]) -> Path:
    """A file or a folder of this machine, or by its URL of an object store, which is then a path like any other.

    Raises:
        ConfigurationError: a URL of something else, a name that is not UTF-8, or the extra `s3` is not installed.
    """
    if not is_stored(path):
        try:
            str(path).encode()
        except UnicodeEncodeError:
            raise ConfigurationError(f"{str(path)!a}: the name is not UTF-8. Rename it.") from None
        if "://" in str(path):
            raise ConfigurationError(
                f"{path}: of all URLs, only those of object stores are known: {STORE}bucket/name."
            )
        return Path(os.path.expanduser(path))
    try:
        from upath import UPath  # noqa: PLC0415 - an extra of its own  # pyright: ignore[reportMissingImports]
    except ModuleNotFoundError as missing:
        raise ConfigurationError(
            f"{path}: an object store needs s3fs and universal-pathlib (the extra `s3`)."
        ) from missing
    # What a store holds changes by the hand of others: nothing is remembered of it.
    return cast("Path", UPath(path, use_listings_cache=False))


def is_stored(path: str | os.PathLike[str]) -> bool:
    """Whether it is on an object store."""
    return str(path).startswith(STORE)


def readable(path: str | os.PathLike[str]) -> Any:
    """What Arrow reads a file from: its path, which must not look like a URL, or an open file of an object store."""
    return place(path).open("rb") if is_stored(path) else os.path.abspath(path)


def is_system(error: BaseException) -> bool:
    """Whether the system or an object store has failed, and not what was read: Arrow's own are OSErrors without a number."""
    if isinstance(error, OSError):
        return error.errno is not None or type(error) is not OSError
    return type(error).__module__.startswith("botocore.")


@contextmanager
def _as_invalid_input(path: str) -> Iterator[None]:
    """What the system says about an input, as `InvalidInputError`."""
    try:
        yield
    except Exception as error:
        if not is_system(error):
            raise
        raise InvalidInputError(f"{path}: {getattr(error, 'strerror', None) or error}.") from error


Stopped: TypeAlias = Callable[[], object]
"""Whether the job was told to stop. By default, as ``bool`` says, it was not."""


def blocks(file: Any, stopped: Stopped) -> Iterator[bytes]:
    """All of an open file, which may take minutes.

    Raises:
        JobPausedError: the job was told to stop.
    """
    while block := file.read(MIB):
        if stopped():
            raise JobPausedError("Stopped while the input was checked. Run the same command again.")
        yield block


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file of the input, as it was when the job began.

    Attributes:
        path: Absolute.
        size: Bytes.
        mtime_ns: Time of its last change.
        digests: SHA-256 of each MiB of it, hexadecimal.
    """

    path: str
    size: int
    mtime_ns: int
    digests: tuple[str, ...] = ()

    @classmethod
    def of(cls, path: str) -> "InputFile":
        """The file as it is now, without digests."""
        with _as_invalid_input(path):
            state = place(path).stat()
        return cls(path, state.st_size, state.st_mtime_ns)

    @property
    def looks(self) -> tuple[str, int, int]:
        """What tells cheaply that it is the same as before."""
        return self.path, self.size, self.mtime_ns

    def digested(self, stopped: Stopped = bool) -> "InputFile":
        """With its digests. Raises as `blocks`."""
        with _as_invalid_input(self.path), place(self.path).open("rb") as file:
            found = [hashlib.sha256(block).hexdigest() for block in blocks(file, stopped)]
        return InputFile(*self.looks, tuple(found))

    def check(self) -> None:
        """Raises `InputChangedError` if it is no longer what it was."""
        try:
            now = InputFile.of(self.path)
        except InvalidInputError as error:
            raise InputChangedError(
                f"{error} It was there when this job began.", changed=("input",)
            ) from None
        if now.looks != self.looks:
            check_same([self], [now])


def check_same(then: Sequence[InputFile], now: Sequence[InputFile], stopped: Stopped = bool) -> None:
    """Compares by content; equal path, size and time are taken for equal content.

    Raises:
        InputChangedError: names the first file that differs. Or as `blocks`.
    """
    if len(then) != len(now):
        raise InputChangedError(
            f"The number of input files was {len(then)} when this job began, and is {len(now)} now.",
            changed=("input",),
        )
    for old, new in zip(then, now, strict=True):
        if old.looks == new.looks:
            continue
        if old.size != new.size:
            told = f"{old.size} bytes then, {new.size} now"
        else:
            digests = new.digested(stopped).digests
            if digests == old.digests:
                continue
            first = next(
                at for at, pair in enumerate(zip(old.digests, digests, strict=True)) if len(set(pair)) > 1
            )
            told = f"the first difference is in MiB {first}"
        raise InputChangedError(
            f"{new.path} is not what it was when this job began: {told}. Put the old file back, or use another OUT.",
            changed=("input",),
        )


def found_files(source: Sources, without: Path) -> list[str]:
    """The files that a source names, in order: those of a folder or of a glob sorted by name.

    Args:
        source: A path, a glob, a folder, or several of these.
        without: A folder whose files are no input: the job's own.

    Raises:
        InvalidInputError: there is no such file, or none of a known kind.
    """
    given = [source] if isinstance(source, str | os.PathLike) else list(source)
    files: list[str] = []
    own = os.path.realpath(str(without))
    for one in (os.path.expanduser(str(path)) for path in given):
        if is_stored(one):
            files += _on_store(one, without)
        elif os.path.isdir(one):
            files += _in_folder(Path(one), own)
        elif os.path.exists(one):
            files.append(os.path.abspath(one))
        elif matches := [path for path in sorted(glob.glob(one, recursive=True)) if not os.path.isdir(path)]:
            files += [os.path.abspath(path) for path in matches if not is_in(own, path)]
        else:
            raise InvalidInputError(f"{one}: No such file.")
    if not files:
        raise InvalidInputError("There is no file to read.")
    for path in files:
        place(path)
        kind_of(path)
        if not is_stored(path) and not os.path.isfile(path):
            why = "It is no file that can be read again" if os.path.exists(path) else "No such file"
            raise InvalidInputError(f"{path}: {why}.")
    return files


def is_in(folder: str, path: str) -> bool:
    """Whether a path leads into a folder, whose own must be a real one."""
    return Path(folder) in Path(os.path.realpath(path)).parents


def _in_folder(folder: Path, own: str) -> list[str]:
    found, seen = [], set()

    def unreadable(error: OSError) -> None:
        raise InvalidInputError(f"{error.filename}: {error.strerror}.") from error

    for here, folders, names in os.walk(folder, onerror=unreadable, followlinks=True):
        real = os.path.realpath(here)
        if real == own or real in seen:  # a link may lead back
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(_unhidden(folders))
        found += [
            os.path.abspath(os.path.join(here, name)) for name in _unhidden(names) if _suffix(name) in KINDS
        ]
    found.sort(key=lambda path: Path(path).parts)
    if not found:
        raise InvalidInputError(f"{folder}: no file in it ends with one of {', '.join(KINDS)}.")
    return found


def _unhidden(names: list[str]) -> list[str]:
    return [name for name in names if not name.startswith((".", "_"))]


def _on_store(url: str, without: Path) -> list[str]:
    store = cast("Any", place(url)).fs
    name = store._strip_protocol(url)  # noqa: SLF001 - as fsspec says to
    with _as_invalid_input(url):
        found = store.glob(name) if glob.has_magic(name) else store.find(name)  # of a file: itself
    urls = [f"{STORE}{path}" for path in sorted(found)]
    files = [url for url in urls if not url.startswith(f"{without}/") and _suffix(url) in KINDS]
    if not files:
        raise InvalidInputError(f"{url}: there is no file whose name ends with {', '.join(KINDS)}.")
    return files


def _suffix(path: str | Path) -> str:
    suffixes = [part.lower() for part in Path(path).suffixes]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def packing(path: str) -> str | None:
    """How a file is packed, by its name; None if it is not."""
    return PACKED.get(os.path.splitext(path)[1].lower())


def kind_of(path: str) -> str:
    """The kind of a file, by its name.

    Raises:
        InvalidInputError: its name ends with nothing that is known, or it is packed twice.
    """
    kind = KINDS.get(_suffix(path))
    if kind is None or (packing(path) and kind in ("parquet", "arrow")):
        raise InvalidInputError(
            f"{path}: what is in it is told by its name, which must end with one of {', '.join(KINDS)}; "
            "of the kinds made of lines, also .gz or .zst after that."
        )
    return kind
