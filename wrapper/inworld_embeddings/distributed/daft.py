"""A provider for Daft's ``embed_text``. Needs the extra ``daft``. Tried with Daft 0.7, on its native runner."""

import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

from daft import DataType
from daft.ai.protocols import TextEmbedder, TextEmbedderDescriptor
from daft.ai.provider import Provider
from daft.ai.typing import EmbeddingDimensions, UDFOptions

from ..client import EmbeddingClient
from ..errors import ConfigurationError
from ..models import MODELS
from ..options import ClientOptions

if TYPE_CHECKING:
    from ..result import Vectors

__all__ = ["InworldProvider"]

BATCH = 1024
"""Texts of a call; the client makes requests of its own ``batch_size`` of them, side by side."""


class InworldProvider(Provider):
    """For ``embed_text(column, provider=InworldProvider())``.

    A null has no vector. A text that fails ends the query, as Daft has it; with ``on_error="ignore"`` it has none either, and
    the others of its batch have theirs.

    Args:
        **options: Any of `ClientOptions` but a key: plans hold none, and workers read it from their environment or from
            a key provider.

    Raises:
        TypeError: options that do not pickle.
        ConfigurationError: an option out of range.
    """

    def __init__(self, **options: Unpack[ClientOptions]) -> None:
        self._options = options

    @property
    def name(self) -> str:
        """Inworld's."""
        return "inworld"

    def get_text_embedder(
        self, model: str | None = None, dimensions: int | None = None, **options: Any
    ) -> "InworldDescriptor":
        """What Daft asks for.

        Args:
            model: As for `EmbeddingClient`.
            dimensions: Numbers of each vector. None: what the model is known to make.
            **options: Daft's ``batch_size`` (1024) and ``on_error``; the client retries by itself.

        Raises:
            ConfigurationError: the dimension of the model is not known.
        """
        given = self._options | ({"model": model} if model is not None else {})
        with EmbeddingClient(**given) as client:  # type: ignore[arg-type]
            name, pickled = client._options["model"], pickle.dumps(client)  # noqa: SLF001 - a part of the same package
        known = MODELS.get(name)
        if dimensions is None and known is None:
            raise ConfigurationError(f"How long are the vectors of {name!r}? Give dimensions= to embed_text.")
        size = dimensions if dimensions is not None else known.dimension  # type: ignore[union-attr]
        return InworldDescriptor(pickled, name, size, {"batch_size": BATCH, "on_error": "raise", **options})


@dataclass
class InworldDescriptor(TextEmbedderDescriptor):
    """What Daft sends to where texts are embedded. There is no key in it."""

    client: bytes
    model: str
    size: int
    options: dict[str, Any]

    def get_provider(self) -> str:
        """As `InworldProvider` has it."""
        return "inworld"

    def get_model(self) -> str:
        """Its name."""
        return self.model

    def get_options(self) -> dict[str, Any]:
        """Daft's own."""
        return self.options

    def get_dimensions(self) -> EmbeddingDimensions:
        """Of each vector."""
        return EmbeddingDimensions(size=self.size, dtype=DataType.float32())

    def get_udf_options(self) -> UDFOptions:
        """Without retries: the client has its own."""
        return UDFOptions(
            max_retries=0, on_error=self.options["on_error"], batch_size=self.options["batch_size"]
        )

    def instantiate(self) -> TextEmbedder:
        """Where texts are embedded."""
        return _Embedder(self)


class _Embedder:
    def __init__(self, descriptor: InworldDescriptor) -> None:
        self._client: EmbeddingClient = pickle.loads(descriptor.client)  # noqa: S301 - our own
        self._size, self._on_error = descriptor.size, descriptor.options["on_error"]

    def embed_text(self, text: list[str | None]) -> "list[Vectors | None]":
        """The vectors of a batch."""
        places = [at for at, one in enumerate(text) if one is not None]
        result = self._client.embed(
            [str(text[at]) for at in places], on_error="raise" if self._on_error == "raise" else "return"
        )
        if places and result.dimension != self._size:
            raise ConfigurationError(
                f"The vectors have {result.dimension} numbers, not {self._size}: give dimensions={result.dimension}."
            )
        failed = {failure.index for failure in result.failures}
        found: list[Vectors | None] = [None] * len(text)
        for number, at in enumerate(places):
            if number not in failed:
                found[at] = result.vectors[number]
        return found
