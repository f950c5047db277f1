"""The emulator: a pure function from request to reply. No I/O, no clock, no state but the engine it made."""

import hashlib
from typing import TYPE_CHECKING, NoReturn

from .auth import TEST_KEY, basic_credential, check_authorization
from .message_size import check_size, request_bytes, response_bytes
from .messages import Reply, Request
from .reply_json import embeddings_body
from .request_json import parse
from .rpc_status import JSON_HEADERS, Code, RpcError, error_reply, plain_reply
from .vectors import failure, vectors_from

if TYPE_CHECKING:
    from .engines import Engine

EMBED_PATH = "/ml/v1alpha/embedding:embed"
"""The one path [spec]."""

MAX_BODY_BYTES = 32 * 1024 * 1024
"""Largest request body. Assumed; wide enough that every message gRPC would take fits, even all in escapes."""

BODY_TOO_LARGE = plain_reply(413, "Payload Too Large")
"""What a proxy says of a larger one, without reading it."""


class Emulator:
    """Answers as the embeddings API would, with vectors of a local engine.

    Args:
        engine: Makes the vectors; `embed` is called from several threads at once. By default
            `engines.default_engine`, made on the first request.
        api_key: The one ``key:secret`` it knows; by default the published `TEST_KEY`.

    Raises:
        ConfigurationError: ``api_key`` is not of the form ``key:secret``.
    """

    def __init__(self, engine: "Engine | None" = None, api_key: str = TEST_KEY) -> None:
        self._engine = engine
        self._credential = basic_credential(api_key)

    @property
    def uses_test_key(self) -> bool:
        """Whether its key is the published one."""
        return self._credential == basic_credential(TEST_KEY)

    @property
    def engine(self) -> "Engine":
        """What makes the vectors; the default one is made when it is first needed."""
        if self._engine is None:
            from .engines import default_engine  # noqa: PLC0415 - see above

            self._engine = default_engine()
        return self._engine

    def __reduce__(self) -> NoReturn:
        raise TypeError("an Emulator does not pickle: it knows a key")

    def handle(self, request: Request) -> Reply:
        """The answer to a request, the same every time. Every answer of the API names the engine.

        Raises:
            Exception: only what making the default engine raises.
        """
        if len(request.body) > MAX_BODY_BYTES:
            return BODY_TOO_LARGE
        engine = self.engine
        try:
            reply = Reply(200, JSON_HEADERS, self._embeddings(engine, request))
        except RpcError as error:
            reply = error_reply(error)
        stamp = (("x-inworld-emulator-engine", engine.name), ("x-inworld-request-id", request_id(request)))
        return Reply(reply.status, reply.headers + stamp, b"" if request.method == "HEAD" else reply.body)

    def _embeddings(self, engine: "Engine", request: Request) -> bytes:
        _check_route(request)
        check_authorization(request.headers.get("authorization"), self._credential)
        message = parse(request.body)
        check_size(request_bytes(message))
        check_size(response_bytes(len(message.texts), engine.dimension))
        return _body_from(engine, message.texts)


def _check_route(request: Request) -> None:
    if request.path.partition("?")[0] != EMBED_PATH:
        raise RpcError(Code.NOT_FOUND, "Not Found")
    if request.method != "POST":
        raise RpcError(Code.UNIMPLEMENTED, "Method Not Allowed")


def _body_from(engine: "Engine", texts: tuple[str, ...]) -> bytes:
    vectors = vectors_from(engine, texts)
    try:
        return embeddings_body(vectors)
    except Exception as error:
        raise failure(engine, error) from error


def request_id(request: Request) -> str:
    """32 hex digits from the request itself, so that a repeated request has a repeated answer."""
    digest = hashlib.blake2b(f"{request.method} {request.path}\n".encode(), digest_size=16)
    digest.update(request.body)
    return digest.hexdigest()
