"""Any OpenAI-compatible ``/v1/embeddings`` as an engine: ollama, TEI, vLLM, llama.cpp, or a service like them."""

import re
from collections.abc import Sequence
from typing import Final, NoReturn
from urllib.parse import urlsplit

import httpx
import msgspec

from inworld_embeddings.errors import ConfigurationError

from ..http import is_loopback
from . import EngineError, header_name

BATCH: Final = 32
"""Most texts in one request: as many as TEI takes unless it is told otherwise."""


class OpenAICompatibleEngine:
    """Sends the texts to a backend and checks what comes back; thread-safe, connections are kept alive.

    Making one sends one word to the backend, to learn the dimension. Nothing is retried: whoever asks the emulator does
    that. Redirects are not followed.

    Args:
        url: Base URL such as ``http://127.0.0.1:11434/v1``. Without a path, ``/v1`` is meant; ``/embeddings`` at its
            end may stay. On loopback the proxy variables of the environment do not count.
        model: Name the backend knows the model by.
        api_key: Sent as ``Authorization: Bearer``, if given. It needs https, or loopback.
        timeout: Seconds without a sign of life from the backend; connecting gets at most 5 of them.
        transport: Carries the requests instead of the network.

    Raises:
        ConfigurationError: an unusable setting, or a backend that does not respond as one.
    """

    def __init__(
        self,
        url: str,
        model: str,
        api_key: str | None = None,
        *,
        timeout: float = 60.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        if not model.strip():
            raise ConfigurationError("A backend needs the name of a model.")
        if api_key is not None and not re.fullmatch("[!-~]+", api_key):
            raise ConfigurationError("The backend's key is empty, or has a character that no key has.")
        self._url, loopback = _embeddings_url(url, has_key=api_key is not None)
        self._model = model
        self._client = httpx.Client(
            headers={"authorization": f"Bearer {api_key}"} if api_key else None,
            timeout=httpx.Timeout(timeout, connect=min(timeout, 5.0)),
            trust_env=not loopback,
            transport=transport,
        )
        self.name: str = header_name("openai-compatible", model)
        try:
            self.dimension: int = len(self._ask(["dimension"])[0])
        except EngineError as error:
            self.close()
            raise ConfigurationError(
                f"No usable embeddings from the model {model!r} at {self._url}: {error}. "
                "Is the server running, the URL its /v1, and the model loaded?"
            ) from None

    def __reduce__(self) -> NoReturn:
        raise TypeError("This engine does not pickle: it may hold a key. Make one in the other process.")

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """The backend's vectors, in the order of the texts.

        Raises:
            EngineError: the backend did not give a vector for each text.
        """
        pieces = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
        return [vector for piece in pieces for vector in self._ask(piece)]

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def _ask(self, texts: Sequence[str]) -> list[list[float]]:
        message = {"model": self._model, "input": list(texts), "encoding_format": "float"}
        try:
            response = self._client.post(self._url, json=message)
        except (httpx.HTTPError, RuntimeError) as error:  # RuntimeError: the client is closed
            raise EngineError(f"the backend did not respond: {type(error).__name__}") from None
        if response.status_code != 200:
            raise EngineError(f"the backend responded with status {response.status_code}")
        return vectors_of(response.content, len(texts))


def _embeddings_url(url: str, *, has_key: bool) -> tuple[str, bool]:
    """Where to send to, and whether that is on this machine. The URL is not echoed: it may hold a password."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port or an address that is none
        parts, usable = urlsplit(""), False
    if not usable or not url.isascii() or not url.isprintable() or set(url) & set(" \\?#@"):
        raise ConfigurationError(
            "The backend's URL must be plain, such as http://127.0.0.1:11434/v1, without user, query or fragment."
        )
    loopback = is_loopback(parts.hostname or "")
    if has_key and parts.scheme == "http" and not loopback:
        raise ConfigurationError("The backend's URL would send its key in clear: use https://.")
    base = url.rstrip("/").removesuffix("/embeddings")
    return f"{base}/embeddings" if urlsplit(base).path else f"{base}/v1/embeddings", loopback


class _Row(msgspec.Struct):
    embedding: list[float]
    index: int | None = None


class _Rows(msgspec.Struct):
    data: list[_Row]


def vectors_of(body: bytes, count: int) -> list[list[float]]:
    """The vectors in a response to so many texts, in the order of the texts.

    Rows are put in order by ``index``; where no row has one, their own order counts. Whether their dimension is the
    engine's and their numbers are finite is checked with every engine's.

    Raises:
        EngineError: anything else than a vector for each text.
    """
    try:
        rows = msgspec.json.decode(body, type=_Rows).data
    except msgspec.ValidationError:
        raise EngineError("the backend's response is not a list of embeddings") from None
    except msgspec.DecodeError:
        raise EngineError("the backend's response is not JSON") from None
    if len(rows) != count:
        raise EngineError(f"the backend gave {len(rows)} embeddings for {count} texts")
    if any(row.index is not None for row in rows):
        placed = {row.index: row for row in rows}
        if set(placed) != set(range(count)):
            raise EngineError("the indexes in the backend's response are not those of the texts")
        rows = [placed[index] for index in range(count)]
    if not all(row.embedding for row in rows):
        raise EngineError("an embedding in the backend's response is empty")
    return [row.embedding for row in rows]
