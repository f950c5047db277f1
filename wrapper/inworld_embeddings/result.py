"""What calls give back: EmbeddingResult, its failures and stats, and the Plan of a call."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, overload

from .errors import InworldEmbeddingsError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors: TypeAlias = NDArray[np.float32]


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
    """

    requests: int
    texts: int
    bytes: int


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddingResult:
    """Vectors in input order.

    It is a sequence of rows: ``len(result)``, ``result[i]``, iteration, ``np.asarray(result)``.

    Attributes:
        vectors: float32 array of shape (n, dim), C-contiguous. The row of a failed text is NaN.
        model: The model that was asked for.
        engine: None for the service; the engine's name when an emulator answered. Vectors of different
            engines or models do not live in one space and must never be mixed.
        failures: The texts without a vector; empty unless ``on_error="return"``.
        stats: What the call cost.
    """

    vectors: "Vectors"
    model: str
    engine: str | None = None
    failures: tuple[Failure, ...] = ()
    stats: Stats = Stats()
    _errors: Mapping[int, InworldEmbeddingsError] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        errors = {failure.index: failure.error for failure in self.failures} if self.failures else {}
        object.__setattr__(self, "_errors", errors)

    @property
    def dimension(self) -> int:
        """Length of each vector."""
        return int(self.vectors.shape[1])

    def __len__(self) -> int:
        return len(self.vectors)

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
        for row in (wanted,) if isinstance(wanted, int) else wanted if self._errors else ():
            if row in self._errors:
                raise self._errors[row]
        rows: Vectors = self.vectors[index]
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

    def __repr__(self) -> str:
        rows, dimension = self.vectors.shape
        engine = f", engine={self.engine!r}" if self.engine else ""
        failures = f", failures={len(self.failures)}" if self.failures else ""
        return f"EmbeddingResult(shape=({rows}, {dimension}), model={self.model!r}{engine}{failures})"
