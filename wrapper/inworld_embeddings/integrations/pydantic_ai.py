"""Pydantic AI: `InworldEmbeddingModel`, for its `Embedder`. ``pip install inworld-embeddings[pydantic-ai]``."""

from collections.abc import Sequence
from typing import Any

from pydantic_ai.embeddings import EmbeddingModel, EmbeddingResult, EmbeddingSettings
from pydantic_ai.embeddings.result import EmbedInputType
from pydantic_ai.exceptions import ModelAPIError, ModelHTTPError, UserError
from pydantic_ai.models import check_allow_model_requests

from .._redaction import arguments_hidden
from ..errors import APIError, PartialFailureError
from ..models import DEFAULT_MODEL, MODELS
from ..options import KeyProvider
from ._clients import Clients


class InworldEmbeddingModel(EmbeddingModel):
    """Pydantic AI's `EmbeddingModel` over the clients of this package. Queries and documents are embedded alike.

    Args:
        model: Model name, see `models.MODELS`.
        api_key: The portal's base64 value, or a callable. None: ``INWORLD_API_KEY``.
        base_url: Where the API is.
        local: Local mode: no key, no network.
        settings: Defaults of each call. ``extra_body`` counts; ``dimensions`` and ``extra_headers`` are refused.
        **options: See `ClientOptions`.

    Raises:
        ConfigurationError: settings that cannot work.
    """

    @arguments_hidden
    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        api_key: str | KeyProvider | None = None,
        base_url: str | None = None,
        *,
        local: bool = False,
        settings: EmbeddingSettings | None = None,
        **options: Any,
    ) -> None:
        super().__init__(settings=settings)
        self._clients = Clients(model, api_key, base_url, local=local, **options)
        self._base_url = self._clients.address

    @property
    def model_name(self) -> str:
        """The model."""
        return self._clients.model

    @property
    def base_url(self) -> str:
        """Where requests go."""
        return self._base_url

    @property
    def system(self) -> str:
        """The provider."""
        return "inworld"

    async def max_input_tokens(self) -> int | None:
        """What the model reads of a text, if it is known."""
        known = MODELS.get(self.model_name)
        return known.max_tokens if known else None

    async def embed(
        self,
        inputs: str | Sequence[str],
        *,
        input_type: EmbedInputType,
        settings: EmbeddingSettings | None = None,
    ) -> EmbeddingResult:
        """See `EmbeddingModel.embed`.

        Raises:
            ModelHTTPError: an error status; the cause has what succeeded, if some texts failed.
            ModelAPIError: no response, or a wrong one.
            UserError: a setting that the API does not have.
        """
        if not self._clients.local:
            check_allow_model_requests()
        texts, merged = self.prepare_embed(inputs, settings)
        for name in ("dimensions", "extra_headers"):
            if merged.get(name) is not None:
                raise UserError(f"Inworld's embeddings have no setting {name} of a call.")
        extra_body: Any = merged.get("extra_body")  # the client says what it may be
        try:
            result = await self._clients.asynchronous.embed(texts, extra_body=extra_body)
        except (APIError, PartialFailureError) as error:
            status = getattr(error, "status_code", None)
            if status is None:
                raise ModelAPIError(self.model_name, str(error)) from error
            raise ModelHTTPError(status, self.model_name, str(error)) from error
        return EmbeddingResult(
            result.tolist(),
            inputs=texts,
            input_type=input_type,
            model_name=self.model_name,
            provider_name=self.system,
            provider_details={"engine": result.engine} if result.engine else None,
            provider_response_id=next(iter(result.stats.request_ids), None),
        )
