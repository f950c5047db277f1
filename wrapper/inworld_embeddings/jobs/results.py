"""What a job has made: opened, checked, and exported into one file."""

import csv
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..errors import JobError, StorageError
from ..result import Vectors
from . import parts, storage
from .columnar import rows_of
from .files import is_in, place
from .inputs import Reader
from .manifest import Manifest
from .rows import Columns, as_json


class OpenJob:
    """A job's folder, to read: while the job runs too, for a part is there whole or not at all.

    Attributes:
        out: The folder.
        manifest: What the job is made of.
        parts: How many parts are there.
        rows: Their rows.
        refused: Those of them without a vector.
        finished: Whether the job is done.
    """

    def __init__(self, out: str | os.PathLike[str]) -> None:
        self.out = place(out)
        self.manifest = Manifest.needed(self.out)
        there = parts.numbers(self.out)
        self._paths = [self.out / parts.part_name(number) for number in there]
        self._footers = list(parts.footers(self.out, self.manifest.job, there))
        count = parts.Count.of(self._footers)
        self.parts = count.parts
        self.rows = count.rows
        self.refused = count.refused
        self.finished = parts.success(self.out) is not None

    @property
    def dataset(self) -> "ds.Dataset":
        """The rows as an Arrow dataset, in the order of the input."""
        store = getattr(self.out, "fs", None)
        paths = [path.path if store else os.path.abspath(path) for path in self._paths]  # type: ignore[attr-defined]
        return ds.dataset(paths, format="parquet", filesystem=store)

    def tables(self) -> Iterator[pa.Table]:
        """The rows by parts, in the order of the input, with their checksums checked.

        Raises:
            JobCorruptError: a part is damaged.
        """
        return map(parts.read_part, self._paths)

    def vectors(self) -> Iterator[tuple[NDArray[np.int64], Vectors]]:
        """Row numbers and vectors of shape (k, d), some thousands at a time, without refused rows.

        Raises:
            JobCorruptError: a part is damaged.
        """
        for path in self._paths:
            for block in parts.read_blocks(path, ["row", "vector", "error"]):
                good = block.filter(block["error"].is_null())
                yield good["row"].to_numpy(), parts.vectors_of(good)

    def carried(self, rows: Sequence[int]) -> dict[int, dict[str, Any]]:
        """The carried columns of some rows, by row."""
        named = [*([self.manifest.id] if self.manifest.id else []), *self.manifest.keep]
        names = list(dict.fromkeys(named))
        found: dict[int, dict[str, Any]] = {}
        for path, footer in zip(self._paths, self._footers, strict=True):
            if inside := [row for row in rows if 0 <= row - footer.first < footer.rows]:
                table = parts.read_part(path, names)
                found |= {row: rows_of(table.slice(row - footer.first, 1))[0] for row in inside}
        return found

    def texts(self, rows: Sequence[int]) -> dict[int, str]:
        """The texts of some rows, read from the input.

        Raises:
            InputChangedError: the input is not what it was when the job began.
            InvalidInputError: it cannot be read.
        """
        for file in self.manifest.inputs:
            file.check()
        files = [file.path for file in self.manifest.inputs]
        columns = Columns(self.manifest.text, pa.schema([]))
        found = {}
        for row in rows:
            part, at = divmod(row, self.manifest.rows_per_part)
            start = parts.start_of(self.out, self.manifest.job, part)
            with closing(Reader(files, columns, start)) as reader:
                text = reader.take(at + 1).texts[at]
            if isinstance(text, str):
                found[row] = text
        return found

    def refused_rows(self) -> Iterator[dict[str, Any]]:
        """The rows without a vector: ``row``, ``code``, ``message``, ``attempts``, and the id column if there is one."""
        return parts.refused_rows(self.out, self._footers, self.manifest.id)

    def __repr__(self) -> str:
        return f"<job in {self.out}: {self.rows} rows, {self.refused} refused, {self.parts} parts, finished={self.finished}>"


def open_job(out: str | os.PathLike[str]) -> OpenJob:
    """Opens a job's folder to read it.

    Args:
        out: The folder.

    Raises:
        JobError: it holds no job.
        JobCorruptError: a file of it is damaged.
    """
    return OpenJob(out)


def verify_job(out: str | os.PathLike[str]) -> dict[str, str]:
    """Reads every part, byte by byte, and removes the bad ones, and `_SUCCESS` with them: the next run makes them again.

    Args:
        out: The folder.

    Returns:
        What was wrong with each bad part, by its name. And what is not of the job, but would be read with it by whoever
        reads the folder: that stays. Empty if all is good.

    Raises:
        JobError: it holds no job.
        JobLockedError: the job is running.
    """
    folder = place(out)
    manifest = Manifest.needed(folder)
    with storage.locked(folder):
        found = {n: parts.damage(folder / parts.part_name(n), n, manifest) for n in parts.numbers(folder)}
        bad = {
            parts.part_name(number): f"removed; the next run makes it again: {why}"
            for number, why in found.items()
            if why is not None
        }
        if bad:
            storage.remove(folder, [parts.SUCCESS, *bad])
    return bad | dict.fromkeys(parts.foreign(folder), f"{parts.FOREIGN}. Put it elsewhere")


# Exporting.


def export_job(out: str | os.PathLike[str], file: str | os.PathLike[str]) -> int:
    """Puts all rows into one file, which is there whole or not at all.

    Args:
        out: The folder of a finished job.
        file: Ends with .parquet, .npy (vectors alone, those of refused rows NaN; ``numpy.load(file, mmap_mode="r")``),
            .jsonl, .csv (vectors as JSON), or .lance (needs pylance). A file that is there is replaced, a Lance folder
            is not.

    Returns:
        How many rows.

    Raises:
        JobError: the job is not finished, or the name ends otherwise.
        StorageError: the file cannot be written.
    """
    job, target = open_job(out), place(file).absolute()
    if not job.finished:
        raise JobError(f"{job.out} is not finished: {job.rows} rows are there. Run the job to its end first.")
    write = EXPORTS.get(target.suffix.lower())
    if write is None:
        raise JobError(f"{target}: the name must end with one of {', '.join(EXPORTS)}.")
    if target.is_dir():
        raise JobError(f"{target} is a folder. Name another file, or remove it.")
    real = os.path.realpath(target)
    if real in (os.path.realpath(file.path) for file in job.manifest.inputs):
        raise JobError(f"{target} is an input of this job. Name another file.")
    if is_in(os.path.realpath(str(job.out)), real):
        raise JobError(f"{target}: in the job's folder it would be {parts.FOREIGN}. Name a file elsewhere.")
    hidden = target.with_name(f".{target.stem}.{secrets.token_hex(4)}.tmp{target.suffix}")
    try:
        write(job, hidden)
        storage.settle(hidden, target)
    except OSError as error:
        raise StorageError(f"{target}: {error.strerror or error}", errno=error.errno) from error
    finally:
        storage.discard(hidden)
    return job.rows


def _parquet(job: OpenJob, path: Path) -> None:
    with pq.ParquetWriter(path, job.dataset.schema.remove_metadata(), compression="zstd") as writer:
        for table in job.tables():
            writer.write_table(table.replace_schema_metadata(None))


def _npy(job: OpenJob, path: Path) -> None:
    shape = job.rows, job.manifest.dimension
    # Not mapped: on a full disk that kills the process.
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        for table in job.tables():
            file.write(parts.vectors_of(table).astype("<f4", copy=False).data)


def _rows(job: OpenJob) -> Iterator[dict[str, Any]]:
    for table in job.tables():
        for batch in table.to_batches(max_chunksize=512):
            yield from rows_of(batch)


def _jsonl(job: OpenJob, path: Path) -> None:
    with path.open("wb") as file:
        file.writelines(as_json(row) + b"\n" for row in _rows(job))


def _csv(job: OpenJob, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        names = job.dataset.schema.names
        writer.writerow(names)
        for row in _rows(job):
            writer.writerow([_cell(row[name]) for name in names])


def _cell(value: Any) -> Any:
    """What is no number or string is written as its JSON, without quotes around it."""
    if value is None or isinstance(value, str | int | float):
        return value
    return as_json(value).decode().strip('"')


def _lance(job: OpenJob, path: Path) -> None:
    try:
        import lance  # noqa: PLC0415 - an extra of its own  # pyright: ignore[reportMissingImports]
    except ModuleNotFoundError as missing:
        raise JobError(
            "To export .lance, pylance is needed (the extra `lance`): pip install pylance"
        ) from missing

    schema = job.dataset.schema.remove_metadata()
    batches = (batch for table in job.tables() for batch in table.replace_schema_metadata(None).to_batches())
    lance.write_dataset(pa.RecordBatchReader.from_batches(schema, batches), path)


EXPORTS: Final[dict[str, Callable[[OpenJob, Path], None]]] = {
    ".parquet": _parquet,
    ".npy": _npy,
    ".jsonl": _jsonl,
    ".csv": _csv,
    ".lance": _lance,
}
