"""``/v1/embeddings`` as OpenAI's clients speak it, in front of a local engine or of the real API.

`OpenAIFace` is a layer around the emulator: it serves ``/v1`` and passes everything else on. It gets its vectors from a
`Source`. See docs/use/openai.md.
"""

import base64
import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from struct import pack
from typing import Any, Final, NoReturn, Protocol, Self
from urllib.parse import unquote

import msgspec

from .engines import Engine
from .handle import TEST_KEY, Emulator, basic_credential, check_values, request_id, vectors_from
from .messages import JSON_HEADERS, Handler, Reply, Request, RpcError

__all__ = ["EngineSource", "OpenAIError", "OpenAIFace", "Source"]

MAX_BODY_BYTES: Final = 16 * 1024 * 1024
"""Largest request body. Below the server's own limit, so that its refusal is in OpenAI's words."""

MOST_INPUTS: Final = 2048
"""As OpenAI has it."""

EMBEDDINGS: Final = "/v1/embeddings"
_MODELS: Final = "/v1/models"


class OpenAIError(Exception):
    """Ends a request with an error, of which `reply` tells in OpenAI's form. The message holds no text and no key."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        super().__init__(message)
        self.status, self.param = status, param
        kind = "server_error" if status >= 500 else "invalid_request_error"
        kind, code = ("rate_limit_error", "rate_limit_exceeded") if status == 429 else (kind, code)
        told = {"error": {"message": message, "type": kind, "param": param, "code": code}}
        body = json.dumps(told, separators=(",", ":")).encode()
        self.reply = Reply(status, (*JSON_HEADERS, *headers), body)


class Source(Protocol):
    """Makes the vectors behind ``/v1/embeddings``. Called from several threads at once.

    Attributes:
        engine: Name of the emulator's engine behind it, for replies without vectors; None if there is none.
        models: Names for ``/v1/models``; others are accepted too.
    """

    @property
    def engine(self) -> str | None: ...
    @property
    def models(self) -> Sequence[str]: ...

    def embed(self, texts: Sequence[str], model: str) -> tuple[Sequence[Sequence[float]], str | None]:
        """A vector of finite float32 values for each text, and the emulator's engine that made them, if one did.

        Raises:
            OpenAIError: there are none; says why, without a text or a key.
        """
        ...


class EngineSource:
    """An engine of the emulator, whose vectors are the same whichever model is named."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.engine: str = engine.name
        self.models: Sequence[str] = (engine.name,)

    def embed(self, texts: Sequence[str], model: str) -> tuple[Sequence[Sequence[float]], str]:  # noqa: ARG002 - any
        """The engine's vectors, and its name."""
        try:
            return vectors_from(self._engine, texts), self.engine
        except RpcError as error:
            raise OpenAIError(500, str(error)) from None


class OpenAIFace:
    """Serves ``/v1/embeddings``, ``/v1/models`` and ``/v1/models/{id}`` to clients of OpenAI's API.

    Args:
        inner: Handles whatever is not under ``/v1``, such as an `Emulator`.
        source: Makes the vectors: `EngineSource` of an engine, or `gateway.Upstream` for the real API.
        api_key: The one ``key:secret`` it knows; clients may send it as it is or in base64.

    Raises:
        ConfigurationError: ``api_key`` is not of the form ``key:secret``.
    """

    def __init__(self, inner: Handler, source: Source, api_key: str = TEST_KEY) -> None:
        self._inner, self._source = inner, source
        self._credential = basic_credential(api_key)
        self._knows_test_key = self._credential == basic_credential(TEST_KEY)

    @classmethod
    def local(cls, engine: Engine | None = None, api_key: str = TEST_KEY) -> Self:
        """The face in front of an emulator and its engine, by default the built-in one."""
        emulator = Emulator(engine, api_key)
        return cls(emulator, EngineSource(emulator.engine), api_key)

    def __reduce__(self) -> NoReturn:
        raise TypeError("An OpenAIFace does not pickle: it knows a key. Make one in the other process.")

    @property
    def uses_test_key(self) -> bool:
        """Whether it, or what is inside, takes the published test key."""
        return self._inner.uses_test_key or self._knows_test_key

    def handle(self, request: Request) -> Reply:
        """The reply to a request."""
        if request.route not in ("/v1", "/embeddings") and not request.route.startswith("/v1/"):
            return self._inner.handle(request)
        engine = self._source.engine
        try:
            body, engine = self._body(request)
            reply = Reply(200, JSON_HEADERS, body)
        except OpenAIError as error:
            reply = error.reply
        named = [("x-inworld-emulator-engine", engine)] if engine else []
        stamp = (*named, ("x-request-id", request_id(request)))
        return Reply(reply.status, reply.headers + stamp, reply.body)

    def _body(self, request: Request) -> tuple[bytes, str | None]:
        """The body of a good reply, and the engine whose it is."""
        route = request.route
        if route not in (EMBEDDINGS, _MODELS) and not route.startswith(f"{_MODELS}/"):
            raise OpenAIError(404, "There is nothing here. A base URL ends in /v1.", code="unknown_url")
        allow = "POST" if route == EMBEDDINGS else "GET, HEAD"
        if request.method not in allow.split(", "):
            message, code = "This method is not allowed here.", "method_not_supported"
            raise OpenAIError(405, message, code=code, headers=[("allow", allow)])
        self._check_bearer(request.headers.get("authorization"))
        if route == EMBEDDINGS:
            return self._embeddings(request.body)
        if route == _MODELS:
            listed = {"object": "list", "data": [_model(name) for name in self._source.models]}
            return msgspec.json.encode(listed), self._source.engine
        name = unquote(route.removeprefix(f"{_MODELS}/"))
        if name not in self._source.models:
            raise OpenAIError(404, "There is no such model.", param="model", code="model_not_found")
        return msgspec.json.encode(_model(name)), self._source.engine

    def _check_bearer(self, header: str | None) -> None:
        """Lets the holder of the key pass, who may send ``key:secret`` or its base64 value. Echoes nothing."""
        scheme, _, value = (header or "").partition(" ")
        given = value.strip().encode("utf-8", "surrogatepass")
        hint = f" It is the published test key: OPENAI_API_KEY={TEST_KEY}." if self._knows_test_key else ""
        if scheme.lower() != "bearer" or not given:
            raise OpenAIError(401, f"No API key: send it as 'Authorization: Bearer KEY'.{hint}")
        as_base64 = hmac.compare_digest(given, self._credential)
        if not (as_base64 | hmac.compare_digest(base64.b64encode(given), self._credential)):
            raise OpenAIError(401, f"Incorrect API key.{hint}", code="invalid_api_key")

    def _embeddings(self, body: bytes) -> tuple[bytes, str | None]:
        asked = parse(body)
        vectors, engine = self._source.embed(asked.texts, asked.model)
        dimension = len(vectors[0])
        if asked.dimensions not in (None, dimension):
            message = f"These vectors have {dimension} dimensions and are not shortened: leave the field out."
            raise OpenAIError(400, message, param="dimensions")
        rows = [packed(vector) for vector in vectors] if asked.base64 else vectors
        data = [{"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(rows)]
        # An estimate, not a count: a token for every 4 bytes of UTF-8 or part of them.
        tokens = sum(-(-len(text.encode()) // 4) for text in asked.texts)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        told = {"object": "list", "data": data, "model": asked.model, "usage": usage}
        return msgspec.json.encode(told), engine


def packed(vector: Sequence[float]) -> str:
    """A vector in base64."""
    return base64.b64encode(pack(f"<{len(vector)}f", *vector)).decode()


def _model(name: str) -> dict[str, str | int]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "inworld-embeddings"}


# The body of ``POST /v1/embeddings``: what OpenAI would refuse is refused, and no value is echoed.


@dataclass(frozen=True, slots=True)
class EmbeddingsRequest:
    """The request once it is understood."""

    texts: tuple[str, ...] = field(repr=False)  # none of them empty
    model: str
    base64: bool  # vectors as base64 of little-endian float32 values
    dimensions: int | None


def parse(body: bytes) -> EmbeddingsRequest:
    """The request in a body. Unknown fields are ignored, ``user`` among them.

    Raises:
        OpenAIError: 400, anything that is not such a request; 413, too large.
    """
    fields = _object(body)
    model, encoding = fields.get("model"), fields.get("encoding_format")
    if type(model) is not str or not model.strip() or not model.isprintable():
        raise OpenAIError(400, "'model' must be the name of a model.", param="model")
    texts = _texts(fields.get("input"))
    if encoding not in (None, "float", "base64"):
        raise OpenAIError(400, "'encoding_format' must be 'float' or 'base64'.", param="encoding_format")
    dimensions = fields.get("dimensions")
    if dimensions is not None and (type(dimensions) is not int or dimensions < 1):
        raise OpenAIError(400, "'dimensions' must be a whole number of 1 or more.", param="dimensions")
    return EmbeddingsRequest(texts, model, encoding == "base64", dimensions)


def _object(body: bytes) -> dict[str, Any]:
    if len(body) > MAX_BODY_BYTES:
        raise OpenAIError(413, f"The body is over {MAX_BODY_BYTES} bytes: send fewer inputs at once.")
    try:
        check_values(body)
        fields = msgspec.json.decode(body)
    except RpcError as error:
        raise OpenAIError(413, f"Too large: {error}.") from None
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise OpenAIError(400, "The body could not be parsed as JSON.") from None
    if type(fields) is not dict:
        raise OpenAIError(400, "The body must be a JSON object.")
    return fields


def _texts(value: Any) -> tuple[str, ...]:
    texts = [value] if type(value) is str else value
    if type(texts) is not list or not texts:
        raise _bad_input("'input' must be a string or a list of strings, and not empty.")
    if all(type(text) in (int, list) for text in texts):
        raise _bad_input(
            "Token arrays are not understood here: send strings. "
            "LangChain's OpenAIEmbeddings does with check_embedding_ctx_length=False."
        )
    if len(texts) > MOST_INPUTS:
        raise _bad_input(f"'input' may hold {MOST_INPUTS} strings at most, not {len(texts)}.")
    for index, text in enumerate(texts):
        if type(text) is not str or not text:
            raise _bad_input(f"'input[{index}]' must be a string that is not empty.")
    return tuple(texts)


def _bad_input(message: str) -> OpenAIError:
    return OpenAIError(400, message, param="input")
