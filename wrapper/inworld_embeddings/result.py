"""What calls give back: EmbeddingResult, its failures and stats, and the Plan of a call."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, overload

from .errors import APIError, InworldEmbeddingsError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors: TypeAlias = NDArray[np.float32]
else:  # for typing.get_type_hints, without loading numpy
    Vectors = NDArray = Any


@dataclass(frozen=True, slots=True)
class Failure:
    """One text without a vector.

    Attributes:
        index: Its position in the input.
        error: Why.
        retryable: Whether the same text may succeed later.
    """

    index: int
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


@dataclass(frozen=True, slots=True)
class Stats:
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


@dataclass(frozen=True, slots=True)
class Plan:
    """What `embed` would send for the same texts and options.

    Attributes:
        requests: Number of HTTP requests, without retries.
        texts: Number of texts.
        bytes: Sum of the request bodies' sizes, as sent.
        long_texts: Texts that are surely longer than the model reads, as far as it is known; see docs/use/long-texts.md.
    """

    requests: int
    texts: int
    bytes: int
    long_texts: int = 0


class EmbeddingResult:
    """Vectors in input order.

    It is a sequence of rows: ``len(result)``, ``result[i]``, iteration, ``np.asarray(result)``.

    Attributes:
        model: The model that was asked for.
        engine: None for the service; the engine's name when an emulator answered. Vectors of different
            engines or models do not live in one space and must never be mixed.
        failures: The texts without a vector, by index; empty unless ``on_error="return"``.
        stats: What the call cost.
    """

    __slots__ = ("_held", "engine", "failures", "model", "stats")

    def __init__(
        self,
        vectors: "Vectors",
        model: str,
        engine: str | None = None,
        failures: Iterable[Failure] = (),
        stats: Stats = Stats(),
    ) -> None:
        self._held = _Held(vectors)
        self.model, self.engine, self.stats = model, engine, stats
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

    def __len__(self) -> int:
        return len(self._held.rows if self._held.places is None else self._held.places)

    @overload
    def __getitem__(self, index: int) -> "Vectors": ...
    @overload
    def __getitem__(self, index: slice) -> "Vectors": ...
    def __getitem__(self, index: int | slice) -> "Vectors":
        """Row ``index``, shape (dim,), or rows of a slice, shape (k, dim).

        Raises:
            InworldEmbeddingsError: the text's own error, if it has no vector.
            IndexError: out of range.
        """
        wanted = range(len(self))[index]
        for row in (wanted,) if isinstance(wanted, int) else wanted if self.failures else ():
            if (error := self.failures.error_of(row)) is not None:
                raise error
        held = self._held
        rows: Vectors = held.rows[index if held.places is None else held.places[index]]
        return rows

    def __iter__(self) -> "Iterator[Vectors]":
        return (self[index] for index in range(len(self)))

    def tolist(self) -> list[list[float]]:
        """The rows as lists of Python floats. The row of a failed text is all NaN."""
        rows: list[list[float]] = self.vectors.tolist()
        return rows

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> "NDArray[Any]":  # noqa: FBT001 - numpy's protocol
        if copy is False and dtype is not None and dtype != self.vectors.dtype:
            raise ValueError("vectors are float32: another dtype needs a copy")
        return self.vectors.astype(dtype or self.vectors.dtype, copy=bool(copy))

    def __reduce__(self) -> Any:
        return EmbeddingResult, (self.vectors, self.model, self.engine, self.failures, self.stats)

    def __repr__(self) -> str:
        engine = f", engine={self.engine!r}" if self.engine else ""
        failures = f", failures={len(self.failures)}" if self.failures else ""
        return (
            f"EmbeddingResult(shape=({len(self)}, {self.dimension}), model={self.model!r}{engine}{failures})"
        )


class _Held(NamedTuple):
    """The rows of a result, see `EmbeddingResult.of`. One object, so that another thread sees all of it or nothing."""

    rows: "Vectors"
    places: Sequence[int] | None = None
    finished: bool = True
