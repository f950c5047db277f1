"""Where the face gets its vectors: the `Source` seam, and an engine as one. The real API is another, see `gateway`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from ..rpc_status import RpcError
from ..vectors import vectors_from
from .errors import OpenAIError

if TYPE_CHECKING:
    from ..engines import Engine

_MAX_FLOAT32: Final = 3.4028234663852886e38


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors, and whose they are.

    Attributes:
        vectors: One for each text, in order, all of one length, each value a finite float32.
        engine: Name of the emulator's engine that made them; None for the real API.
    """

    vectors: Sequence[Sequence[float]] = field(repr=False)
    engine: str | None


class Source(Protocol):
    """Makes the vectors behind ``/v1/embeddings``. Called from several threads at once."""

    @property
    def engine(self) -> str | None:
        """Name of the emulator's engine behind it, for answers without vectors; None if there is none."""
        ...

    @property
    def models(self) -> Sequence[str]:
        """Names for ``/v1/models``; others are accepted too."""
        ...

    def embed(self, texts: Sequence[str], model: str) -> Embedded:
        """The vectors of the texts.

        Raises:
            OpenAIError: there are none; says why, without a text or a key.
        """
        ...


class EngineSource:
    """An engine of the emulator, whose vectors are the same whichever model is named."""

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine

    @property
    def engine(self) -> str:
        return self._engine.name

    @property
    def models(self) -> Sequence[str]:
        return (self._engine.name,)

    def embed(self, texts: Sequence[str], model: str) -> Embedded:  # noqa: ARG002 - any name is accepted
        try:
            vectors = vectors_from(self._engine, texts)
        except RpcError as error:
            raise OpenAIError(500, error.message) from None
        if not all(-_MAX_FLOAT32 <= value <= _MAX_FLOAT32 for vector in vectors for value in vector):
            raise OpenAIError(500, f"the engine {self._engine.name} failed: a value is not a finite float32")
        return Embedded(vectors, self._engine.name)
