"""What calls give back: EmbeddingResult, its failures and stats, and the Plan of a call."""

# pyarrow and pydantic are there only if somebody uses them; where they are not, their types are Any.
# mypy: disable-error-code="import-not-found"

import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from html import escape
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, overload

from . import errors
from .errors import APIError, InvalidInputError, InworldEmbeddingsError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    Vectors: TypeAlias = NDArray[np.float32]
    Codes: TypeAlias = NDArray[np.int8] | NDArray[np.uint8]
    Mask: TypeAlias = NDArray[np.bool_]
    Positions: TypeAlias = NDArray[np.int64]
    Some: TypeAlias = slice | Sequence[int] | NDArray[Any]
    Array: TypeAlias = NDArray[Any]
    Table: TypeAlias = pa.Table
else:  # for typing.get_type_hints, without loading numpy
    Vectors = Codes = Mask = Positions = Some = Array = Table = Any


class Failure(NamedTuple):
    """One text without a vector.

    Attributes:
        index: Its position in the input.
        error: Why.
        retryable: Whether the same text may succeed later.
    """

    # In place of the method of tuples.
    index: int  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleMethodOverride]
    error: InworldEmbeddingsError
    retryable: bool


class Failures(Sequence[Failure]):
    """The texts of a call that have no vector, by index; each `Failure` is made when it is asked for.

    Equal to a tuple of the same failures. It keeps one entry for texts that stand side by side and share an error, so a
    call of millions that ends early costs nothing.

    Attributes:
        runs: (start, stop, error), rising: the texts from start up to stop have that error. Given in any order.
    """

    __slots__ = ("_counts", "runs")

    def __init__(self, runs: Iterable[tuple[int, int, InworldEmbeddingsError]] = ()) -> None:
        self.runs = sorted(runs, key=lambda run: run[0])
        self._counts = list(accumulate((stop - start for start, stop, _ in self.runs), initial=0))

    def error_of(self, index: int) -> InworldEmbeddingsError | None:
        """The error of the text at an index, None if it has a vector."""
        at = bisect_right(self.runs, index, key=lambda run: run[0]) - 1
        return self.runs[at][2] if at >= 0 and index < self.runs[at][1] else None

    def of(self, places: "Sequence[int] | Positions", count: int) -> "Failures":
        """The failures of other texts; each text is what one of these, out of ``count``, was."""
        import numpy as np  # noqa: PLC0415 - only where something failed

        numbers, causes = np.zeros(count, dtype=np.int64), [error for _, _, error in self.runs]
        for number, (start, stop, _) in enumerate(self.runs, 1):
            numbers[start:stop] = number
        spread = numbers[places]
        starts = np.flatnonzero(np.diff(spread, prepend=-1)).tolist()
        return Failures(
            (start, stop, causes[spread[start] - 1])
            for start, stop in pairwise([*starts, len(places)])
            if spread[start]
        )

    def __len__(self) -> int:
        return self._counts[-1]

    @overload
    def __getitem__(self, at: int) -> Failure: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Failure, ...]: ...
    def __getitem__(self, at: int | slice) -> "Failure | tuple[Failure, ...]":
        positions = range(len(self))[at]
        if isinstance(positions, range):
            return tuple(self[position] for position in positions)
        run = bisect_right(self._counts, positions) - 1
        start, _, error = self.runs[run]
        return failure(start + positions - self._counts[run], error)

    def __iter__(self) -> Iterator[Failure]:
        return (failure(index, error) for start, stop, error in self.runs for index in range(start, stop))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, tuple | Failures):
            return NotImplemented
        return len(self) == len(other) and all(map(Failure.__eq__, self, other))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"<{len(self)} failures>" if len(self) > 3 else repr(tuple(self))


def failure(index: int, error: InworldEmbeddingsError) -> Failure:
    """The failure of one text."""
    return Failure(index, error, retryable=isinstance(error, APIError) and error.retryable)


class Stats(NamedTuple):
    """What a call cost.

    Attributes:
        requests: Batches answered well.
        attempts: HTTP requests sent, retries included.
        retries: Attempts beyond the first for the same texts, because one had failed.
        hedges: Attempts that ran beside a late one, see `CallOptions`.
        bytes_sent: Request body bytes, over all attempts.
        bytes_received: Response body bytes, over all attempts.
        seconds: Wall time of the call.
        zero_vectors: All-zero vectors, which are similar to nothing; kept unless ``reject_zero``.
        huge_vectors: Vectors with a norm over 1e6, which no known model makes; kept.
        request_ids: The server's ids, in the order the answers came.
        cache_hits: Texts that were not sent, because the cache had their vectors.
    """

    requests: int = 0
    attempts: int = 0
    retries: int = 0
    hedges: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    seconds: float = 0.0
    zero_vectors: int = 0
    huge_vectors: int = 0
    request_ids: tuple[str, ...] = ()
    cache_hits: int = 0


class Plan(NamedTuple):
    """What `embed` would send for the same texts and options.

    Attributes:
        requests: Number of HTTP requests, without retries.
        texts: Number of texts.
        bytes: Sum of the request bodies' sizes, as sent.
        long_texts: Texts that are surely longer than the model reads, as far as it is known; see docs/use/long-texts.md.
        cache_hits: Texts that would not be sent, because the cache has their vectors.
    """

    requests: int
    texts: int
    bytes: int
    long_texts: int = 0
    cache_hits: int = 0


class Quantized(NamedTuple):
    """Vectors in fewer bytes, see `EmbeddingResult.quantize`.

    Attributes:
        values: int8 of shape (n, dim), or uint8 of shape (n, ceil(dim / 8)).
        scales: float32 of shape (n,): ``values * scales[:, None]`` is about what there was. None for "binary".
    """

    values: Codes
    scales: Vectors | None


class Extra(NamedTuple):
    """What a response held beside the vectors.

    Attributes:
        indexes: The texts that it is about. With ``dedupe`` the first of those that are alike.
        fields: Its further fields as JSON has them. If its ``embeddings`` have some as well, they are in a list of that
            name, one dict for each text.
    """

    indexes: "Sequence[int]"
    fields: dict[str, Any]


class EmbeddingResult:
    """Vectors in input order.

    It is a sequence of rows: ``len(result)``, ``result[i]``, iteration, ``np.asarray(result)``. What it is in Arrow,
    files, JSON and other libraries is in docs/use/results.md.

    Attributes:
        model: The model that was asked for.
        engine: None for the service; the engine's name when an emulator answered. Vectors of different
            engines or models do not live in one space and must never be mixed.
        failures: The texts without a vector, by index; empty unless ``on_error="return"``.
        stats: What the call cost.
        extra: With ``keep_extra=True``, an `Extra` for each response that held more than vectors, in the order of the
            texts; of a part of a result, and in files and JSON, there are none.
    """

    __slots__ = ("_held", "engine", "extra", "failures", "model", "stats")

    def __init__(
        self,
        vectors: "Vectors",
        model: str,
        engine: str | None = None,
        failures: Iterable[Failure] = (),
        stats: Stats = Stats(),  # noqa: B008 - it does not change
        extra: "Sequence[Extra]" = (),
    ) -> None:
        self._held = _Held(vectors)
        self.model, self.engine, self.stats, self.extra = model, engine, stats, tuple(extra)
        if not isinstance(failures, Failures):
            failures = Failures((one.index, one.index + 1, one.error) for one in failures)
        self.failures = failures

    @classmethod
    def of(
        cls,
        rows: "Vectors",
        failures: Failures,
        places: "Sequence[int] | None" = None,
        **fields: Any,
    ) -> "EmbeddingResult":
        """A result whose `vectors` are put together when they are asked for.

        Args:
            rows: Those of failed texts may hold anything.
            failures: The texts without a vector.
            places: The row of each text; None if text i has row i.
            **fields: As for the constructor.
        """
        made = cls(rows, failures=failures, **fields)
        made._held = _Held(rows, places, finished=places is None and not failures.runs)
        return made

    @property
    def vectors(self) -> "Vectors":
        """float32 array of shape (n, dim), C-contiguous. The row of a failed text is NaN."""
        held = self._held
        if held.finished:
            return held.rows
        rows = held.rows if held.places is None else held.rows[held.places]
        for start, stop, _ in self.failures.runs:
            rows[start:stop] = float("nan")
        self._held = _Held(rows)
        return rows

    @property
    def dimension(self) -> int:
        """Length of each vector."""
        return int(self._held.rows.shape[1])

    @property
    def shape(self) -> tuple[int, int]:
        """(n, dim), as of `vectors`."""
        return len(self), self.dimension

    @property
    def succeeded(self) -> "Mask":
        """Which texts have a vector, as bools of shape (n,). ``result[result.succeeded]`` is the result without the others."""
        import numpy as np  # noqa: PLC0415 - loaded when there are vectors

        mask = np.ones(len(self), dtype=np.bool_)
        for start, stop, _ in self.failures.runs:
            mask[start:stop] = False
        return mask

    def __len__(self) -> int:
        return len(self._held.rows if self._held.places is None else self._held.places)

    @overload
    def __getitem__(self, index: int) -> "Vectors": ...
    @overload
    def __getitem__(self, index: "Some") -> "EmbeddingResult": ...
    def __getitem__(self, index: "int | Some") -> "Vectors | EmbeddingResult":
        """The vector of one text, shape (dim,); of a slice, a list of positions or a mask of n bools, their result.

        Either is a copy: one that is kept does not keep all the others. ``result.vectors[...]`` is a view. The result of
        some has the failures among them, at their new positions, and the stats of the call.

        Raises:
            InworldEmbeddingsError: the text's own error, if one text was asked for and has no vector.
            IndexError: out of range, or no such index.
        """
        held = self._held
        if not isinstance(index, int):
            import numpy as np  # noqa: PLC0415 - loaded when there are vectors

            taken = np.arange(len(self))[index]
            if taken.ndim == 1:
                return self._of(taken)
            if taken.ndim:
                raise IndexError(
                    "A result takes one index: a position, a slice, a list of positions or a mask."
                )
            index = int(taken)
        if self.failures.runs or held.places is not None or index < 0:
            index = range(len(self))[index]
            if (error := self.failures.error_of(index)) is not None:
                raise error
            index = index if held.places is None else held.places[index]
        row: Vectors = held.rows[index].copy()
        return row

    def _of(self, taken: "Positions") -> "EmbeddingResult":
        """The result of some texts, by their positions."""
        held, failures = self._held, self.failures
        rows = held.rows[taken if held.places is None else [held.places[at] for at in taken]]
        return EmbeddingResult.of(
            rows,
            failures.of(taken, len(self)) if failures.runs else failures,
            model=self.model,
            engine=self.engine,
            stats=self.stats,
        )

    def __iter__(self) -> "Iterator[Vectors]":
        return (self[index] for index in range(len(self)))

    def tolist(self) -> list[list[float]]:
        """The rows as lists of Python floats. The row of a failed text is all NaN."""
        rows: list[list[float]] = self.vectors.tolist()
        return rows

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> "Array":  # noqa: FBT001 - numpy's protocol
        if copy is False and dtype is not None and dtype != self.vectors.dtype:
            raise ValueError("Vectors are float32: another dtype needs a copy.")
        return self.vectors.astype(dtype or self.vectors.dtype, copy=bool(copy))

    def quantize(self, kind: Literal["int8", "binary"]) -> Quantized:
        """The vectors in fewer bytes, which loses some of what they tell.

        Measured with the local engine's vectors of 1222 English sentences: "int8" keeps 99 % of the ten nearest of a
        sentence, and no cosine similarity is off by more than 0.005. "binary" keeps 33 % of them; the 40 nearest by it hold
        54 %, so rank many more than are wanted by it, and those by the whole vectors. Of the service's models nothing is
        measured.

        Args:
            kind: "int8": a quarter of the bytes; each row is divided by a scale of its own, its largest number over 127, so
                the cosine similarity of two rows needs no scales. "binary": a 32nd; the signs of eight numbers in a byte,
                the first one in its highest bit, 1 above 0. Rank by the number of different bits.

        Raises:
            InworldEmbeddingsError: the error of the first text that has no vector; quantize ``result[result.succeeded]``.
            InvalidInputError: another kind.
        """
        import numpy as np  # noqa: PLC0415 - loaded when there are vectors

        if kind not in ("int8", "binary"):
            raise InvalidInputError(f'quantize() takes "int8" or "binary", not {kind!r}.')
        if self.failures:
            raise self.failures[0].error
        if kind == "binary":
            return Quantized(np.packbits(self.vectors > 0, axis=1), None)
        scales = np.abs(self.vectors).max(axis=1, initial=0) / np.float32(127)
        safe = np.where(scales > 0, scales, np.float32(1))[:, None]
        return Quantized(np.rint(self.vectors / safe).astype(np.int8), scales)

    def to_arrow(self) -> "Table":
        """A pyarrow Table, as the parts of a job have them: ``vector``, FixedSizeList<float32>[dim], and ``error``.

        Of a failed text ``vector`` is null; ``error`` is then its ``code``, ``message`` and ``attempts``. Model and engine
        are in the schema's metadata. The vectors are not copied. Needs pyarrow.
        """
        import pyarrow as pa  # noqa: PLC0415 - optional, for this alone

        # pyarrow divides by the size. Where it is 0, no text has a vector.
        vector = pa.list_(pa.field("element", pa.float32()), self.dimension or 1)
        vectors = pa.nulls(len(self), vector)
        if self.dimension:
            flat, failed = pa.array(self.vectors.reshape(-1)), pa.array(~self.succeeded)
            vectors = pa.FixedSizeListArray.from_arrays(flat, type=vector, mask=failed)
        error = pa.struct([("code", pa.string()), ("message", pa.string()), ("attempts", pa.int32())])
        told: list[dict[str, Any] | None] = [None] * len(self)
        for one in self.failures:
            told[one.index] = _named(one.error) | {"attempts": getattr(one.error, "attempts", 0)}
        names = {"model": self.model} | ({"engine": self.engine} if self.engine else {})
        metadata = {f"inworld_embeddings.{name}": value for name, value in names.items()}
        return pa.table(
            [vectors, pa.array(told, error)],
            schema=pa.schema([("vector", vector), ("error", error)], metadata),
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a file, which is there whole or not at all; one that was there is replaced.

        Args:
            path: Ends with .npy: the `vectors` alone, for ``numpy.load``; or .parquet: the table of `to_arrow`.

        Raises:
            InvalidInputError: it ends otherwise.
            OSError: it cannot be written.
        """
        from pathlib import Path  # noqa: PLC0415 - to save alone

        target = Path(path)
        write = {".npy": self._npy, ".parquet": self._parquet}.get(target.suffix.lower())
        if write is None:
            raise InvalidInputError(f"{target}: the name must end with .npy or .parquet.")
        hidden = target.with_name(f".{target.name}.{os.urandom(4).hex()}.tmp")
        try:
            with hidden.open("xb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            hidden.replace(target)
        finally:
            with suppress(OSError):
                hidden.unlink(missing_ok=True)

    def _npy(self, file: Any) -> None:
        import numpy as np  # noqa: PLC0415 - loaded when there are vectors

        np.save(file, self.vectors, allow_pickle=False)

    def _parquet(self, file: Any) -> None:
        import pyarrow.parquet as pq  # noqa: PLC0415 - optional, for this alone

        pq.write_table(self.to_arrow(), file, compression="zstd")

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold: ``model``, ``engine``, ``dimension``, ``vectors`` (None for a failed text), ``failures``.

        Each number reads back as the same float32. The stats are left out.
        """
        rows: list[list[float] | None] = [*self.vectors.tolist()]
        for start, stop, _ in self.failures.runs:
            rows[start:stop] = [None] * (stop - start)
        return {
            "model": self.model,
            "engine": self.engine,
            "dimension": self.dimension,
            "vectors": rows,
            "failures": [
                {"index": failed.index, **_named(failed.error), "retryable": failed.retryable}
                for failed in self.failures
            ],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "EmbeddingResult":
        """The result that `to_dict` told of.

        Raises:
            ValueError: a row of another length, or without a vector and without a failure.
        """
        import numpy as np  # noqa: PLC0415 - loaded when there are vectors

        rows, dimension = data["vectors"], data["dimension"]
        vectors = np.full((len(rows), dimension), np.nan, np.float32)
        failures = {told["index"]: _failed(told) for told in data["failures"]}
        whole = {index: row for index, row in enumerate(rows) if row is not None}
        empty = set(range(len(rows))) - whole.keys()
        wrong = (empty ^ failures.keys()) | {at for at, row in whole.items() if len(row) != dimension}
        if wrong:
            raise ValueError(
                f"vectors[{min(wrong)}] must have {dimension} numbers, or be null and one of the failures."
            )
        for index, row in whole.items():
            vectors[index] = row
        return cls(vectors, data["model"], data["engine"], failures.values())

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """For pydantic, and so for FastAPI: in JSON it is what `to_dict` gives, and is read again from that."""
        from pydantic_core import core_schema as of  # noqa: PLC0415 - here pydantic is loaded already

        def fields(**types: Any) -> Any:
            return of.typed_dict_schema(
                {name: of.typed_dict_field(kind, required=True) for name, kind in types.items()}
            )

        count, text = of.int_schema(ge=0), of.str_schema()
        row = of.list_schema(of.float_schema(allow_inf_nan=False))
        failed = fields(index=count, code=text, message=text, retryable=of.bool_schema())
        told = fields(
            model=text,
            engine=of.nullable_schema(text),
            dimension=count,
            vectors=of.list_schema(of.nullable_schema(row)),
            failures=of.list_schema(failed),
        )
        read = of.no_info_after_validator_function(cls.from_dict, told)
        written = of.plain_serializer_function_ser_schema(cls.to_dict, return_schema=told, when_used="json")
        either = of.union_schema([of.is_instance_schema(cls), read])
        return of.json_or_python_schema(json_schema=read, python_schema=either, serialization=written)

    def __reduce__(self) -> Any:
        return EmbeddingResult, (self.vectors, self.model, self.engine, self.failures, self.stats, self.extra)

    def __repr__(self) -> str:
        engine = f", engine={self.engine!r}" if self.engine else ""
        failures = f", failures={len(self.failures)}" if self.failures else ""
        return f"EmbeddingResult(shape={self.shape}, model={self.model!r}{engine}{failures})"

    def _repr_html_(self) -> str:
        """For notebooks: the first numbers of the first rows."""
        rows = []
        for index in range(min(len(self), 5)):
            error = self.failures.error_of(index)
            cell = (
                "&nbsp; ".join(f"{number:+.4f}" for number in self[index][:4]) + " …"
                if error is None
                else f"{type(error).__name__}: {error}"
            )
            rows.append(f"<tr><th>{index}</th><td>{cell if error is None else escape(cell)}</td></tr>")
        return f"<code>{escape(repr(self), quote=False)}</code><table>{''.join(rows)}</table>"


def _named(error: InworldEmbeddingsError) -> dict[str, Any]:
    """An error in two strings."""
    return {"code": type(error).__name__, "message": str(error)}


def _failed(told: Mapping[str, Any]) -> Failure:
    """A failure out of JSON. An error this version does not know becomes the general one."""
    kind = getattr(errors, told["code"], None)
    if not (isinstance(kind, type) and issubclass(kind, InworldEmbeddingsError)):
        kind = InworldEmbeddingsError
    error = kind(told["message"], retryable=told["retryable"])
    return failure(told["index"], error)


class _Held(NamedTuple):
    """The rows of a result, see `EmbeddingResult.of`. One object, so that another thread sees all of it or nothing."""

    rows: "Vectors"
    places: Sequence[int] | None = None
    finished: bool = True
