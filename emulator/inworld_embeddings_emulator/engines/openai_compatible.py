"""Any OpenAI-compatible ``/v1/embeddings`` as an engine: ollama, TEI, vLLM, llama.cpp, or a service like them."""

from collections.abc import Sequence
from typing import Final, NoReturn
from urllib.parse import urlsplit

import httpx

from inworld_embeddings._redaction import Secret
from inworld_embeddings._settings import check_base_url, is_loopback
from inworld_embeddings.errors import ConfigurationError

from .errors import EngineError
from .names import header_name
from .openai_answer import vectors_of

BATCH: Final = 32
"""Most texts in one request: as many as TEI takes unless it is told otherwise."""

_PROBE: Final = "dimension"


class OpenAICompatibleEngine:
    """Sends the texts to a backend and checks what comes back; thread-safe, connections are kept alive.

    Unless ``dimension`` is given, making one sends one word to the backend, to learn it. Nothing is retried: whoever
    asks the emulator does that. Redirects are not followed.

    Args:
        url: Base URL such as ``http://127.0.0.1:11434/v1``. Without a path, ``/v1`` is meant; ``/embeddings`` at its
            end may stay. On loopback the proxy variables of the environment do not count.
        model: Name the backend knows the model by.
        api_key: Sent as ``Authorization: Bearer``, if given. It needs https, or loopback.
        dimension: Length of the vectors, if it is known already. It is checked, not sent.
        timeout: Seconds without a sign of life from the backend; connecting gets at most 5 of them.
        batch_size: Most texts in one request.
        transport: Carries the requests instead of the network.

    Raises:
        ConfigurationError: an unusable setting, or a backend that does not answer as one.
    """

    def __init__(
        self,
        url: str,
        model: str,
        api_key: str | None = None,
        dimension: int | None = None,
        *,
        timeout: float = 60.0,
        batch_size: int = BATCH,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        if not model.strip() or batch_size < 1:
            raise ConfigurationError("A backend needs the name of a model, and a batch_size of 1 or more.")
        self._url = _embeddings_url(url, has_key=api_key is not None)
        self._model, self._key = model, _checked_key(api_key)
        self._batch_size = batch_size
        self._client = httpx.Client(
            timeout=httpx.Timeout(timeout, connect=min(timeout, 5.0)),
            trust_env=not is_loopback(urlsplit(self._url).hostname or ""),
            transport=transport,
        )
        self.name: str = header_name("openai-compatible", model)
        self.dimension: int = self._probed() if dimension is None else dimension

    def __reduce__(self) -> NoReturn:
        raise TypeError("an engine with a backend does not pickle: it may hold a key")

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """The backend's vectors, in the order of the texts.

        Raises:
            EngineError: the backend did not give one finite vector of `dimension` floats for each text.
        """
        starts = range(0, len(texts), self._batch_size)
        pieces = [texts[start : start + self._batch_size] for start in starts]
        return [vector for piece in pieces for vector in self._ask(piece, self.dimension)]

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def _probed(self) -> int:
        try:
            return len(self._ask([_PROBE], None)[0])
        except EngineError as error:
            self.close()
            raise ConfigurationError(
                f"No usable embeddings from the model {self._model!r} at {self._url}: {error}. "
                "Is the server running, the URL its /v1, and the model loaded?"
            ) from None

    def _ask(self, texts: Sequence[str], dimension: int | None) -> list[list[float]]:
        message = {"model": self._model, "input": list(texts), "encoding_format": "float"}
        headers = {"authorization": f"Bearer {self._key.reveal()}"} if self._key else {}
        try:
            reply = self._client.post(self._url, json=message, headers=headers)
        except (httpx.HTTPError, RuntimeError) as error:  # RuntimeError: the client is closed
            raise EngineError(f"the backend did not answer: {type(error).__name__}") from None
        if reply.status_code != 200:
            raise EngineError(f"the backend answered with status {reply.status_code}")
        return vectors_of(reply.content, len(texts), dimension)


def _embeddings_url(url: str, *, has_key: bool) -> str:
    base = check_base_url(url, source="The backend's URL", explicit=True, allow_insecure=not has_key)
    base = base.removesuffix("/embeddings")
    return f"{base}/embeddings" if urlsplit(base).path else f"{base}/v1/embeddings"


def _checked_key(api_key: str | None) -> Secret | None:
    if api_key is None:
        return None
    if not api_key or not api_key.isascii() or not api_key.isprintable() or " " in api_key:
        raise ConfigurationError("The backend's key is empty, or has a character that no key has.")
    return Secret(api_key)
