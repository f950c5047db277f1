"""The face: a layer that answers ``/v1/*`` as OpenAI's API does and passes everything else on."""

from typing import TYPE_CHECKING, Final, NoReturn, Self
from urllib.parse import unquote

from ..auth import TEST_KEY, basic_credential
from ..handle import Emulator, request_id
from ..messages import Handler, Reply, Request
from ..rpc_status import JSON_HEADERS
from .auth import check_bearer
from .errors import OpenAIError, error_reply
from .reply_json import embeddings_body, model_body, models_body
from .request_json import parse
from .source import EngineSource, Source

if TYPE_CHECKING:
    from ..engines import Engine

PREFIX: Final = "/v1"
MAX_BODY_BYTES: Final = 16 * 1024 * 1024
"""Largest request body. Below the server's own limit, so that its refusal is in OpenAI's words."""

_EMBEDDINGS: Final = f"{PREFIX}/embeddings"
_MODELS: Final = f"{PREFIX}/models"


class OpenAIFace:
    """Answers ``/v1/embeddings``, ``/v1/models`` and ``/v1/models/{id}`` for clients of OpenAI's API.

    Args:
        inner: Answers whatever is not under ``/v1``, such as an `Emulator`.
        source: Makes the vectors: `EngineSource` of an engine, or `gateway.Upstream` for the real API.
        api_key: The one ``key:secret`` it knows; clients may send it as it is or in base64.

    Raises:
        ConfigurationError: ``api_key`` is not of the form ``key:secret``.
    """

    def __init__(self, inner: Handler, source: Source, api_key: str = TEST_KEY) -> None:
        self._inner, self._source = inner, source
        self._credential = basic_credential(api_key)

    @classmethod
    def local(cls, engine: "Engine | None" = None, api_key: str = TEST_KEY) -> Self:
        """The face in front of an emulator and its engine, by default the built-in one."""
        emulator = Emulator(engine, api_key)
        return cls(emulator, EngineSource(emulator.engine), api_key)

    def __reduce__(self) -> NoReturn:
        raise TypeError("an OpenAIFace does not pickle: it knows a key")

    @property
    def uses_test_key(self) -> bool:
        """Whether it, or what is inside, answers to the published test key."""
        return self._inner.uses_test_key or self._knows_test_key

    @property
    def _knows_test_key(self) -> bool:
        return self._credential == basic_credential(TEST_KEY)

    def handle(self, request: Request) -> Reply:
        """The answer to a request."""
        path = request.path.partition("?")[0]
        if path != PREFIX and not path.startswith(f"{PREFIX}/"):
            return self._inner.handle(request)
        engine = self._source.engine
        try:
            reply, engine = self._answer(request, path)
        except OpenAIError as error:
            reply = error_reply(error)
        stamp = (("x-request-id", request_id(request)),)
        named = (("x-inworld-emulator-engine", engine),) if engine else ()
        body = b"" if request.method == "HEAD" else reply.body
        return Reply(reply.status, reply.headers + named + stamp, body)

    def _answer(self, request: Request, path: str) -> tuple[Reply, str | None]:
        """The answer that goes well, and the engine whose it is."""
        _check_route(request.method, path)
        check_bearer(
            request.headers.get("authorization"), self._credential, uses_test_key=self._knows_test_key
        )
        if path == _EMBEDDINGS:
            return self._embeddings(request.body)
        return Reply(200, JSON_HEADERS, self._models(path)), self._source.engine

    def _models(self, path: str) -> bytes:
        models = self._source.models
        if path == _MODELS:
            return models_body(models)
        name = unquote(path.removeprefix(f"{_MODELS}/"))
        if name not in models:
            raise OpenAIError(
                404, "There is no such model in the list.", param="model", code="model_not_found"
            )
        return model_body(name)

    def _embeddings(self, body: bytes) -> tuple[Reply, str | None]:
        if len(body) > MAX_BODY_BYTES:
            raise OpenAIError(413, f"The body is over {MAX_BODY_BYTES} bytes: send fewer inputs at once.")
        asked = parse(body)
        made = self._source.embed(asked.texts, asked.model)
        dimension = len(made.vectors[0])
        if asked.dimensions not in (None, dimension):
            message = (
                f"These vectors have {dimension} dimensions and are not shortened: leave 'dimensions' out."
            )
            raise OpenAIError(400, message, param="dimensions")
        answer = embeddings_body(made.vectors, asked.texts, asked.model, base64=asked.base64)
        return Reply(200, JSON_HEADERS, answer), made.engine


def _check_route(method: str, path: str) -> None:
    if path not in (_EMBEDDINGS, _MODELS) and not path.startswith(f"{_MODELS}/"):
        raise OpenAIError(404, "There is nothing at this path under /v1.", code="unknown_url")
    allowed = "POST" if path == _EMBEDDINGS else "GET, HEAD"
    if method not in allowed.split(", "):
        raise OpenAIError(405, "This method is not allowed here.", code="method_not_supported", allow=allowed)
