"""Asks an engine for vectors and checks what it gives: its failures are the server's."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .engines.errors import EngineError
from .rpc_status import Code, RpcError

if TYPE_CHECKING:
    from .engines import Engine


def vectors_from(engine: "Engine", texts: Sequence[str]) -> list[list[float]]:
    """One vector of the engine's dimension for each text.

    Raises:
        RpcError: 500, the engine failed or broke its contract.
    """
    try:
        vectors = engine.embed(texts) if texts else []
        if [len(vector) for vector in vectors] != [engine.dimension] * len(texts):
            raise ValueError("the engine broke its contract on count or dimension")  # noqa: TRY301
    except Exception as error:
        raise failure(engine, error) from error
    return vectors


def failure(engine: "Engine", error: Exception) -> RpcError:
    """What to tell of a failing engine: of most errors only the type, because a message may hold a text."""
    told = str(error) if isinstance(error, EngineError) else type(error).__name__
    return RpcError(Code.INTERNAL, f"the engine {engine.name} failed: {told}")
