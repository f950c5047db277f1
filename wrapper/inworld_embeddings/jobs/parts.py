"""A job's folder: its part files are the record of what is done, and `publish` is the only way anything comes to be there.

A file gets its name only when all of it is on the disk: what has a name is whole, after a crash too.
"""

import contextlib
import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import JobCorruptError, JobError, JobLockedError, StorageError
from .inputs import InputFile, Position, Refusal

if TYPE_CHECKING:
    from ..result import Vectors

MANIFEST: Final = "_job.json"
SUCCESS: Final = "_SUCCESS"
ERRORS: Final = "_errors.jsonl"
LOCK: Final = ".lock"
_PART = re.compile(r"part-(\d{9,})\.parquet")


def part_name(number: int) -> str:
    """The name of a part file, from 0."""
    return f"part-{number:09d}.parquet"


# Publishing.


def publish(folder: Path, name: str, content: Iterable[Any], *, replace: bool = False) -> bool:
    """Gives a folder a whole file, so that no crash and no reader ever sees less of it.

    It is written under a name of its own, synced, linked to its final name, and the folder is synced. A failed fsync is
    never repeated on the same file: the system may have dropped what it could not write.

    Args:
        folder: Where.
        name: Its final name.
        content: Its bytes, in pieces.
        replace: Whether it takes the place of an older file; else the first one stays.

    Returns:
        Whether it is there by this call; False if another writer was first.

    Raises:
        StorageError: it could not be written; no file of that name has come to be.
    """
    hidden = folder / f".{name}.{secrets.token_hex(4)}.tmp"
    with _storage(folder / name):
        try:
            _write(hidden, content)
            if replace:
                os.replace(hidden, folder / name)
                first = True
            else:
                first = _linked(hidden, folder / name)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(hidden)
            raise
        _sync(folder)
    return first


def _write(path: Path, content: Iterable[Any]) -> None:
    """A new file, synced."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        for piece in content:
            left = memoryview(piece)
            while left:  # a write may take less than it is given, and says why with the next
                left = left[os.write(file, left) :]
        os.fsync(file)
    finally:
        os.close(file)


_NO_LINKS: Final = {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK}


def _linked(hidden: Path, final: Path) -> bool:
    """Gives a file its final name, unless another has it; where there are no links, by renaming, under the job's lock."""
    try:
        os.link(hidden, final)
    except FileExistsError:
        os.unlink(hidden)
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if final.exists():
            os.unlink(hidden)
            return False
        os.replace(hidden, final)
        return True
    os.unlink(hidden)
    return True


def _sync(folder: Path) -> None:
    """Makes names last. Windows keeps them in its journal and cannot sync a folder."""
    if sys.platform == "win32":
        return
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def settle(hidden: Path, final: Path) -> None:
    """Gives a file or a folder that a library has written its final name, once all of it is on the disk."""
    inner = [Path(place, name) for place, _, names in os.walk(hidden) for name in names]
    for path in inner or [hidden]:
        file = os.open(path, os.O_RDWR)
        try:
            os.fsync(file)
        finally:
            os.close(file)
    for place, _, _ in os.walk(hidden, topdown=False):
        _sync(Path(place))
    os.replace(hidden, final)
    _sync(final.parent)


def discard(hidden: Path) -> None:
    """Takes away what did not get its final name."""
    with contextlib.suppress(OSError):
        shutil.rmtree(hidden) if hidden.is_dir() else hidden.unlink(missing_ok=True)


@contextlib.contextmanager
def _storage(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{path}: {error.strerror or error}. What was published stays; the same command goes on from there.",
            errno=error.errno,
        ) from error


def remove(folder: Path, names: Iterable[str]) -> None:
    """Takes files away, those that are there, and makes that last."""
    with _storage(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(folder / name)
        _sync(folder)


# The folder.


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the folder's lock. It is the system's: it is free as soon as its holder has ended, however that was.

    Raises:
        JobLockedError: another process holds it.
        StorageError: it cannot be locked here.
    """
    with _storage(folder / LOCK):
        file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(file, folder)
            os.ftruncate(file, 0)
            os.write(file, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode())
        except BaseException:
            os.close(file)
            raise
    try:
        yield
    finally:
        os.close(file)


def _lock(file: int, folder: Path) -> None:
    """Takes the lock, and makes sure that it keeps others out: on some network drives it does not."""
    if not _taken(file):
        holder = _holder(folder)
        raise JobLockedError(
            f"{folder} is being worked on by process {holder.get('pid', '?')} on {holder.get('host', '?')}.",
            **holder,
        )
    other = os.open(folder / LOCK, os.O_RDWR)
    try:
        if _taken(other):
            raise StorageError(
                f"{folder} is on a drive where locks keep nobody out, so two jobs could write to it. Use another drive."
            )
    finally:
        os.close(other)


def _taken(file: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - Windows only

            os.lseek(file, 1 << 30, os.SEEK_SET)  # far behind what is written there, which others read
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
            os.lseek(file, 0, os.SEEK_SET)
        else:
            import fcntl  # noqa: PLC0415 - not on Windows

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _holder(folder: Path) -> dict[str, Any]:
    try:
        told = json.loads((folder / LOCK).read_bytes())
    except (OSError, ValueError):
        return {}
    return {"pid": told.get("pid"), "host": told.get("host")} if isinstance(told, dict) else {}


def prepare(folder: Path) -> None:
    """Makes the folder, if it is not there.

    Raises:
        JobError: there are files in it, and it is no job's.
        StorageError: it cannot be made.
    """
    with _storage(folder):
        if not folder.exists():
            folder.mkdir(parents=True)
            _sync(folder.parent)
        if not folder.is_dir():
            raise JobError(f"{folder} is not a folder. Name another one for the job.")
        names = os.listdir(folder)
    if MANIFEST not in names and any(not _is_hidden(name) for name in names):
        raise JobError(f"{folder} has files in it and is no job's folder. Name a new or an empty one.")


def _is_hidden(name: str) -> bool:
    return name == LOCK or (name.startswith(".") and name.endswith(".tmp"))


def clean(folder: Path) -> None:
    """Takes away what a killed process left half-written. Only under the lock."""
    remove(folder, [name for name in os.listdir(folder) if _is_hidden(name) and name != LOCK])


def numbers(folder: Path) -> list[int]:
    """The parts that are there, rising. A temporary file is none."""
    found = (_PART.fullmatch(name) for name in os.listdir(folder))
    return sorted(int(match[1]) for match in found if match)


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

    def differences(self, other: "Manifest") -> list[str]:
        """The settings that another one has differently, in words."""
        return [
            f"{name} was {getattr(self, name)!r}, and is {getattr(other, name)!r}"
            for name in _SETTINGS
            if getattr(self, name) != getattr(other, name)
        ]

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

    def write(self, folder: Path) -> None:
        """Publishes it."""
        publish(folder, MANIFEST, [msgspec.json.format(msgspec.json.encode(self))], replace=True)

    @classmethod
    def of(cls, folder: Path) -> "Manifest | None":
        """The one of a folder, if there is one.

        Raises:
            JobCorruptError: it cannot be read.
        """
        path = folder / MANIFEST
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (msgspec.MsgspecError, ValueError, OSError) as error:
            raise JobCorruptError(
                f"{path} cannot be read ({error}), so nothing can be added to this job. Use another OUT.",
                path=str(path),
            ) from error


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


# A part.

RESERVED: Final = ("row", "vector", "error")
"""Columns that every part has."""
_OWN: Final = b"inworld_embeddings"
_ERROR: Final = pa.struct([("code", pa.string()), ("message", pa.string()), ("attempts", pa.int32())])
_VECTOR: Final = "vector.list.element"


class Footer(msgspec.Struct, frozen=True):
    """What a part tells of itself, in its Parquet metadata.

    Attributes:
        job: The id of its job.
        part: Its number.
        first: Its first row.
        rows: How many it has.
        refused: How many of them have no vector.
        next: Where the input goes on behind it.
    """

    job: str
    part: int
    first: int
    rows: int
    refused: int
    next: Position

    @classmethod
    def of(cls, path: Path, metadata: "Mapping[bytes, bytes] | None" = None) -> "Footer":
        """The one of a part file.

        Raises:
            JobCorruptError: it cannot be read.
        """
        try:
            told = pq.read_metadata(path).metadata if metadata is None else metadata
            return msgspec.json.decode(told[_OWN], type=cls)
        except Exception as error:  # whatever a damaged file makes of its reader
            raise _corrupt(path, error) from error


def _corrupt(path: Path, error: object) -> JobCorruptError:
    message = f"{path} is damaged ({error}). `job verify` removes it, and the next run makes it again."
    return JobCorruptError(message, path=str(path))


def schema_of(carried: "pa.Schema", dimension: int) -> "pa.Schema":
    """The columns of a part."""
    # The name that Parquet gives to what is in a list: a table that was read is written to the same bytes.
    vector = pa.list_(pa.field("element", pa.float32()), dimension)
    row = pa.field("row", pa.int64(), nullable=False)
    return pa.schema([row, *carried, pa.field("vector", vector), pa.field("error", _ERROR)])


def part_table(
    carried: "pa.Table", vectors: "Vectors", refused: Mapping[int, Refusal], footer: Footer
) -> "pa.Table":
    """The rows of a part.

    Args:
        carried: Its carried columns.
        vectors: float32 of shape (rows, d).
        refused: Those without a vector, by their place in the part.
        footer: What it tells of itself.
    """
    rows, dimension = vectors.shape
    schema = schema_of(carried.schema, dimension)
    mask = np.zeros(rows, dtype=bool)
    mask[list(refused)] = True
    columns = [
        pa.array(np.arange(footer.first, footer.first + rows, dtype=np.int64)),
        *(column.combine_chunks() for column in carried.columns),
        pa.FixedSizeListArray.from_arrays(
            pa.array(vectors.reshape(-1)), type=schema.field("vector").type, mask=pa.array(mask)
        ),
        pa.array([refused[at]._asdict() if at in refused else None for at in range(rows)], _ERROR),
    ]
    return pa.table(columns, schema=schema.with_metadata({_OWN: msgspec.json.encode(footer)}))


def encoded(table: "pa.Table") -> "pa.Buffer":
    """The bytes of a part file: the same for the same rows under the same Arrow, however the rows came together."""
    sink = pa.BufferOutputStream()
    names = [name for name in table.column_names if name not in RESERVED]
    pq.write_table(
        table.combine_chunks(),
        sink,
        row_group_size=max(1, table.num_rows),
        compression="lz4",  # zstd makes vectors 8 % smaller, and takes three times the time
        use_dictionary=[*names, "error.code", "error.message"],  # pyright: ignore[reportArgumentType] - its stub
        column_encoding={_VECTOR: "BYTE_STREAM_SPLIT"},
        write_statistics=["row", *names],  # pyright: ignore[reportArgumentType] - the same
        write_page_checksum=True,
    )
    return sink.getvalue()


def read_part(path: Path, columns: "list[str] | None" = None) -> "pa.Table":
    """A part's rows, or some columns of them, with its checksums checked.

    Raises:
        JobCorruptError: it is damaged.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            return file.read(columns=columns, use_threads=False)
    except Exception as error:  # whatever a damaged file makes of its reader
        raise _corrupt(path, error) from error


def vectors_of(table: "pa.Table") -> "Vectors":
    """The vectors of a part, float32 of shape (rows, d); those of refused rows are NaN."""
    column = table["vector"].combine_chunks()
    vectors: Vectors = np.array(column.values).reshape(-1, column.type.list_size)[column.offset :][
        : len(column)
    ]
    vectors[np.array(column.is_null())] = np.nan
    return vectors


# The whole.


def damage(path: Path, number: int, manifest: Manifest) -> str | None:
    """What is wrong with a part file, None if nothing is.

    Page checksums see a flipped bit in the data only. So the rows are written again, in memory, and must give the same
    bytes; that holds only under the Arrow that wrote them.
    """
    try:
        data = path.read_bytes()
        with pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True) as file:
            table, writer = file.read(), file.metadata.created_by
    except Exception as error:  # noqa: BLE001 - whatever a damaged file makes of its reader
        return str(error)
    try:
        footer = Footer.of(path, table.schema.metadata)
    except JobCorruptError as error:
        return str(error.__cause__)
    if (footer.job, footer.part) != (manifest.job, number):
        return f"it is part {footer.part} of the job {footer.job}"
    if writer == f"parquet-cpp-arrow version {pa.cpp_version}":
        return None if encoded(table).equals(pa.py_buffer(data)) else "its bytes are not those of its rows"
    known = [f"parquet-cpp-arrow version {version}" for version in manifest.pyarrow]
    return None if writer in known else f"it was written by {writer!r}"


def finish(folder: Path, manifest: Manifest, date: str) -> tuple[int, int]:
    """Writes `_errors.jsonl`, and `_SUCCESS` last; returns rows and refused rows.

    Raises:
        JobCorruptError: a part is damaged.
    """
    footers = [Footer.of(folder / part_name(number)) for number in numbers(folder)]
    publish(folder, ERRORS, _error_lines(folder, footers, manifest.id), replace=True)
    rows, refused = sum(footer.rows for footer in footers), sum(footer.refused for footer in footers)
    told = {"job": manifest.job, "parts": len(footers), "rows": rows, "refused": refused, "finished": date}
    publish(folder, SUCCESS, [json.dumps(told).encode() + b"\n"], replace=True)
    return rows, refused


def _error_lines(folder: Path, footers: Iterable[Footer], id_column: str | None) -> Iterator[bytes]:
    for footer in footers:
        if footer.refused:
            for row in refused_rows(folder / part_name(footer.part), id_column):
                yield json.dumps(row, default=str, ensure_ascii=False).encode() + b"\n"


def refused_rows(path: Path, id_column: str | None = None) -> Iterator[dict[str, Any]]:
    """The refused rows of a part: ``row``, ``code``, ``message``, ``attempts``, and the id column if there is one."""
    table = read_part(path, ["row", *([id_column] if id_column else []), "error"])
    for row in table.filter(table["error"].is_valid()).to_pylist():
        yield {**{name: value for name, value in row.items() if name != "error"}, **row["error"]}


def success(folder: Path) -> dict[str, Any] | None:
    """What `_SUCCESS` says, if it is there and speaks of the parts that are."""
    try:
        told = json.loads((folder / SUCCESS).read_bytes())
    except (OSError, ValueError):
        return None
    whole = isinstance(told, dict) and numbers(folder) == list(range(told.get("parts", -1)))
    return told if whole else None
