"""The API's contract: a pure function from request to reply. No I/O, no clock, no state but the engine it made.

Requests are read as grpc-gateway and protojson would read them, with the same things accepted and refused;
docs/use/local-mode.md says of each whether it was read in their sources or concluded. The wording of the messages is our
own, because theirs is deliberately unstable. Ours never echo a value: it may be an input text.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, NoReturn

import msgspec

from inworld_embeddings.errors import ConfigurationError

from .engines import Engine, EngineError, default_engine
from .messages import JSON_HEADERS, Reply, Request, RpcError, plain_reply

EMBED_PATH: Final = "/ml/v1alpha/embedding:embed"
"""The one path [spec]."""

TEST_KEY: Final = "local:local"
"""The published ``key:secret``, which opens emulators and nothing else. The client names it too; a test compares."""

MAX_BODY_BYTES: Final = 32 * 1024 * 1024
"""Largest request body. Assumed; wide enough that every message gRPC would take fits, even all in escapes."""

MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024
"""Largest protobuf message between gateway and service: gRPC's default [source]; that the service keeps it, assumed."""

MAX_VALUES: Final = 1 << 20
"""Most strings, commas and opening brackets in a body: what bounds the memory that reading one takes."""


class Emulator:
    """Replies as the embeddings API would, with vectors of a local engine.

    Args:
        engine: Makes the vectors; `embed` is called from several threads at once. By default
            `engines.default_engine`, made on the first request.
        api_key: The one ``key:secret`` it knows; by default the published `TEST_KEY`.

    Raises:
        ConfigurationError: ``api_key`` is not of the form ``key:secret``, or ``engine`` is a name.
    """

    def __init__(self, engine: Engine | None = None, api_key: str = TEST_KEY) -> None:
        if isinstance(engine, str):
            raise ConfigurationError(f"engine= is an object; engines.named({engine!r}) makes one of a name.")
        self._engine = engine
        self._credential = basic_credential(api_key)

    @property
    def uses_test_key(self) -> bool:
        """Whether its key is the published one."""
        return self._credential == basic_credential(TEST_KEY)

    @property
    def engine(self) -> Engine:
        """What makes the vectors; the default one is made when it is first needed."""
        self._engine = self._engine or default_engine()
        return self._engine

    def __reduce__(self) -> NoReturn:
        raise TypeError("An Emulator does not pickle: it knows a key. Make one in the other process.")

    def handle(self, request: Request) -> Reply:
        """The reply to a request, the same every time. Every reply of the API names the engine.

        Raises:
            ConfigurationError: the default engine cannot be loaded.
        """
        if len(request.body) > MAX_BODY_BYTES:
            return plain_reply(413, "Payload Too Large")  # as a proxy, without reading it
        engine = self.engine
        try:
            reply = Reply(200, JSON_HEADERS, self._embeddings(engine, request))
        except RpcError as error:
            reply = error.reply
        stamp = (("x-inworld-emulator-engine", engine.name), ("x-inworld-request-id", request_id(request)))
        return Reply(reply.status, reply.headers + stamp, reply.body)

    def _embeddings(self, engine: Engine, request: Request) -> bytes:
        if request.route != EMBED_PATH:
            raise RpcError(404, "Not Found")
        if request.method != "POST":
            raise RpcError(501, "Method Not Allowed")
        _check_authorization(request.headers.get("authorization"), self._credential)
        message = parse(request.body)
        check_size(request_bytes(message))
        check_size(response_bytes(len(message.texts), engine.dimension))
        return embeddings_body(vectors_from(engine, message.texts))


def request_id(request: Request) -> str:
    """32 hex digits from the request itself, so that a repeated request has a repeated reply."""
    digest = hashlib.blake2b(f"{request.method} {request.path}\n".encode(), digest_size=16)
    digest.update(request.body)
    return digest.hexdigest()


# Who may ask.

_NO_TOKEN: Final = {  # seen on sibling endpoints [seen]
    "@type": "type.googleapis.com/ai.inworld.common.InworldStatus",
    "errorType": "SESSION_TOKEN_INVALID",
    "reconnectType": "NO_RETRY",
    "reconnectTime": None,
    "maxRetries": 0,
}


def basic_credential(api_key: str) -> bytes:
    """What follows ``Basic`` in the header of someone who holds the key.

    Raises:
        ConfigurationError: not of the form ``key:secret``, or with characters no key has; it is not echoed.
    """
    if not re.fullmatch("[!-9;-~]+:[!-~]+", api_key):
        raise ConfigurationError(
            "The emulator's api_key must have the form key:secret, not yet base64-encoded, in plain ASCII."
        )
    return base64.b64encode(api_key.encode())


def _check_authorization(header: str | None, credential: bytes) -> None:
    """401 without a Basic value, 403 with an unknown one, which is echoed in part as the API does."""
    scheme, _, value = (header or "").partition(" ")
    value = value.strip()
    if scheme.lower() != "basic" or not value:
        raise RpcError(401, "authentication is required", (_NO_TOKEN,))
    if not hmac.compare_digest(value.encode("utf-8", "surrogatepass"), credential):
        raise RpcError(403, f'API key does not exist or was deleted: "{value[:4]}***"')


# The request's body.

PROVIDERS: Final = ("SERVICE_PROVIDER_UNSPECIFIED", "SERVICE_PROVIDER_INWORLD", "SERVICE_PROVIDER_OPENAI")
"""Names by number. The numbers are assumed from the spec's order."""

_MODEL_FIELDS: Final = {"model": "model", "serviceProvider": "provider", "service_provider": "provider"}


@dataclass(frozen=True, slots=True)
class EmbedMessage:
    """The request once it is understood."""

    texts: tuple[str, ...] = field(repr=False)  # a missing one is empty
    model: str  # empty if absent
    provider: int  # its number; 0 if absent or unknown by name


def parse(body: bytes) -> EmbedMessage:
    """The message in a request body.

    Args:
        body: JSON. An empty one is an empty message, and what follows the first value is ignored, as in the gateway.

    Raises:
        RpcError: 400, anything protojson would not read; 429, more than `MAX_VALUES`.
    """
    root = _fields(_first_value(body), {"inputs": "inputs", "model": "model"})
    model = _fields(root.get("model", ()), _MODEL_FIELDS)
    inputs = root.get("inputs", [])
    if type(inputs) is not list:
        raise _refused("invalid value for field inputs: not an array")
    return EmbedMessage(
        texts=tuple(_string(_fields(entry, {"text": "text"}), "text") for entry in inputs),
        model=_string(model, "model"),
        provider=_provider(model.get("provider", 0.0)),
    )


def _fields(value: Any, names: Mapping[str, str]) -> dict[str, Any]:
    """The known fields of an object that are not null. Unknown ones are skipped, known ones may come once."""
    if type(value) is not tuple:
        raise _refused("unexpected token where an object should be")
    found: dict[str, Any] = {}
    for name, item in value:
        if known := names.get(name):
            if known in found:
                raise _refused(f'duplicate field "{name}"')
            found[known] = item
    return {name: item for name, item in found.items() if item is not None}


def _string(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name, "")
    if type(value) is not str:
        raise _refused(f"invalid value for field {name}: not a string")
    return value


def _provider(value: Any) -> int:
    if type(value) is str:
        return PROVIDERS.index(value) if value in PROVIDERS else 0
    if type(value) is float and value.is_integer() and -(2**31) <= value < 2**31:
        return int(value)
    raise _refused("invalid value for field serviceProvider: neither a name nor a number of 32 bits")


def _first_value(body: bytes) -> Any:
    """The first JSON value: objects as tuples of pairs, so that duplicates survive, and every number as a float."""
    check_values(body)
    try:
        text = body.decode().lstrip(" \t\r\n")
        if not text:
            return ()
        value, _ = _DECODER.raw_decode(text)
        if _SURROGATE_ESCAPE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise _refused(f"(line {error.lineno}:{error.colno}): {error.msg}") from None
    except UnicodeDecodeError:
        raise _refused("invalid UTF-8") from None
    except UnicodeEncodeError:
        raise _refused("a lone surrogate in a string") from None
    except RecursionError:
        raise _refused("exceeded max depth") from None
    return value


def check_values(body: bytes) -> None:
    """Lets a body pass whose JSON values fit into memory: a list costs 30 times the two characters it is written in.

    Raises:
        RpcError: 429, more than `MAX_VALUES`.
    """
    if sum(map(body.count, (b",", b"[", b"{", b'"'))) <= MAX_VALUES:  # the usual case, quickly
        return
    if next(islice(_TOKEN.finditer(body), MAX_VALUES, None), None):
        raise RpcError(429, f"the body holds more than {MAX_VALUES} JSON values")


def _no_constant(name: str) -> NoReturn:
    raise _refused(f"unexpected token {name}")


_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[,\[{]', re.DOTALL)  # a string, be it open, or a sign
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_DECODER = json.JSONDecoder(
    object_pairs_hook=tuple, parse_int=float, parse_float=float, parse_constant=_no_constant
)


def _refused(message: str) -> RpcError:
    return RpcError(400, f"proto: {message}")


# Sizes in protobuf bytes. That the tags of the fields are single bytes is assumed.


def request_bytes(message: EmbedMessage) -> int:
    """Size of the request message."""
    inputs = sum(_delimited(_string_field(text)) for text in message.texts)
    provider = 1 + _varint(message.provider) if message.provider else 0
    model = _string_field(message.model) + provider
    return inputs + (_delimited(model) if model else 0)


def response_bytes(count: int, dimension: int) -> int:
    """Size of the response message: each vector is a message of packed 32-bit floats."""
    return count * _delimited(_delimited(4 * dimension))


def check_size(size: int, limit: int = MAX_MESSAGE_BYTES) -> None:
    """Lets messages within the limit pass.

    Raises:
        RpcError: 429, for good: a message this large will never pass, so waiting does not help.
    """
    if size > limit:
        message = f"grpc: received message larger than max ({size} vs. {limit})"
        raise RpcError(429, message)


def _string_field(text: str) -> int:
    return _delimited(len(text) if text.isascii() else len(text.encode())) if text else 0


def _delimited(length: int) -> int:
    return 1 + _varint(length) + length


def _varint(number: int) -> int:
    return max(1, (number.bit_length() + 6) // 7) if number >= 0 else 10


# The vectors.

_MAX_FLOAT32: Final = 3.4028234663852886e38


def vectors_from(engine: Engine, texts: Sequence[str]) -> list[list[float]]:
    """One vector of the engine's dimension for each text, its numbers as finite as the API's 32-bit ones.

    Raises:
        RpcError: 500, with the message of an `EngineError`. Of others it names the type: their message may hold a text.
    """
    try:
        vectors = [[*map(float, vector)] for vector in engine.embed(texts)] if texts else []  # also of arrays
        _check_vectors(vectors, [engine.dimension] * len(texts))
    except Exception as error:
        told = str(error) if isinstance(error, EngineError) else type(error).__name__
        raise RpcError(500, f"the engine {engine.name} failed: {told}") from error
    return vectors


def _check_vectors(vectors: Sequence[Sequence[float]], dimensions: list[int]) -> None:
    if [len(vector) for vector in vectors] != dimensions:
        raise EngineError("its vectors are too few, too many or of another dimension")
    if not all(-_MAX_FLOAT32 <= value <= _MAX_FLOAT32 for vector in vectors for value in vector):
        raise EngineError("a number in its vectors is not a finite float32")


VECTOR_START: Final = b'{"values":'
"""How a vector begins in a reply."""

_encode = msgspec.json.Encoder().encode


def embeddings_body(vectors: Sequence[Sequence[float]]) -> bytes:
    """``{"embeddings":[{"values":[…]},…]}``, each number in its shortest form, whole ones without a point."""
    body = _encode({"embeddings": [{"values": vector} for vector in vectors]})
    return body.replace(b".0,", b",").replace(b".0]", b"]")
