"""Reads the request body as grpc-gateway and protojson would, with the same things accepted and refused.

docs/emulator.md says of each whether it was read in their sources or concluded. The wording of the messages is our
own: theirs is deliberately unstable. Ours never echo a value, because a value may be an input text.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from .rpc_status import Code, RpcError

PROVIDERS = ("SERVICE_PROVIDER_UNSPECIFIED", "SERVICE_PROVIDER_INWORLD", "SERVICE_PROVIDER_OPENAI")
"""Names by number. The numbers are assumed from the spec's order."""

_INT32 = 2**31


@dataclass(frozen=True, slots=True)
class EmbedMessage:
    """The request once it is understood.

    Attributes:
        texts: The inputs in order; a missing text is empty.
        model: Name of the model, empty if absent.
        provider: Number of the service provider, 0 if absent or unknown by name.
    """

    texts: tuple[str, ...] = field(repr=False)
    model: str
    provider: int


def parse(body: bytes) -> EmbedMessage:
    """The message in a request body.

    Args:
        body: JSON. An empty one is an empty message, and what follows the first value is ignored, as in the gateway.

    Raises:
        RpcError: 400, anything protojson would not read.
    """
    root = _fields(_first_value(body), {"inputs": "inputs", "model": "model"})
    model = _fields(root.get("model", ()), _MODEL_FIELDS)
    inputs = root.get("inputs", [])
    if type(inputs) is not list:
        raise _refused(f"unexpected token {_kind(inputs)} for field inputs")
    return EmbedMessage(
        texts=tuple(_string(_fields(entry, {"text": "text"}), "text") for entry in inputs),
        model=_string(model, "model"),
        provider=_provider(model.get("serviceProvider", 0.0)),
    )


_MODEL_FIELDS = {
    "model": "model",
    "serviceProvider": "serviceProvider",
    "service_provider": "serviceProvider",
}


def _fields(value: Any, names: Mapping[str, str]) -> dict[str, Any]:
    """The known fields of an object that are not null. Unknown ones are skipped, known ones may come once."""
    if type(value) is not tuple:
        raise _refused(f"unexpected token {_kind(value)} where an object should be")
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
        raise _refused(f"invalid value for string field {name}: {_kind(value)}")
    return value


def _provider(value: Any) -> int:
    if type(value) is str:
        return PROVIDERS.index(value) if value in PROVIDERS else 0
    if type(value) is float and value.is_integer() and -_INT32 <= value < _INT32:
        return int(value)
    raise _refused(f"invalid value for enum field serviceProvider: {_kind(value)}")


_KINDS = {tuple: "object", list: "array", str: "string", float: "number", bool: "bool", type(None): "null"}


def _kind(value: Any) -> str:
    return _KINDS[type(value)]


def _first_value(body: bytes) -> Any:
    """The first JSON value: objects as tuples of pairs, so that duplicates survive, and every number as a float."""
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


def _no_constant(name: str) -> NoReturn:
    raise _refused(f"unexpected token {name}")


_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_DECODER = json.JSONDecoder(
    object_pairs_hook=tuple, parse_int=float, parse_float=float, parse_constant=_no_constant
)


def _refused(message: str) -> RpcError:
    return RpcError(Code.INVALID_ARGUMENT, f"proto: {message}")
