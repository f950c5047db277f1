# generated from openapi.yaml, do not edit; change it and run: nox -s generate
"""Contains some shared types for properties"""

import datetime
import re
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from enum import Enum
from types import NoneType, UnionType
from typing import IO, Any, BinaryIO, Final, Generic, Literal, TypeVar, Union, get_args, get_origin
from uuid import UUID

from attrs import define


class Unset:
    """The type of UNSET, which marks a field that is left out. There is one, whatever copies or pickles it."""

    __slots__ = ()
    _the_one: "Unset | None" = None

    def __new__(cls) -> "Unset":
        if cls._the_one is None:
            cls._the_one = super().__new__(cls)
        return cls._the_one

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"

    def __reduce__(self) -> str:
        """By name, so that copy, deepcopy and pickle all find the same object."""
        return "UNSET"


UNSET: Final[Unset] = Unset()


def fields_of(value: Any) -> dict[str, Any]:
    """Return a copy of a JSON object's fields.

    Raises:
        TypeError: It is no object. `dict()` alone would take an empty list or string for one.
    """
    if not isinstance(value, Mapping):
        raise TypeError(f"expected a JSON object, got {type(value).__name__}")
    return dict(value)


def read(kind: Any, value: Any, name: str) -> Any:
    """Return a JSON value as the type that openapi.yaml gives it.

    protobuf's JSON has ways of its own: null stands for an empty list and for what is left out, whole numbers may be
    strings, and so are NaN, Infinity and -Infinity.

    Args:
        kind: The type: a model, an enum, ``list[float]``, ``str | Unset`` …
        value: What `json.loads` made of it, or UNSET if it is left out.
        name: Of the field, for the message.

    Raises:
        KeyError: A model lacks a field that is required.
        TypeError: It is of another type, or no value of it.
    """
    try:
        return _read(kind, value)
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(f"{name}: {error}") from None


def _read(kind: Any, value: Any) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if origin is list:
        return _read_list(inner[0], value)
    if origin in (Union, UnionType):
        return _read_one_of(inner, value)
    if origin is Literal:
        fits = any(value == one and type(value) is type(one) for one in inner)
    elif hasattr(kind, "from_dict"):
        return kind.from_dict(value)
    elif kind in _READERS:
        return _READERS[kind](value)
    elif issubclass(kind, Enum):
        return kind(_read(str if issubclass(kind, str) else int, value))
    else:
        fits = type(value) is kind
    if not fits:
        raise _wrong(kind, value)
    return value


def _wrong(kind: Any, value: Any) -> TypeError:
    return TypeError(f"expected {getattr(kind, '__name__', kind)}, got {type(value).__name__}")


def _read_list(kind: Any, value: Any) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise _wrong(list, value)
    if set(map(type, value)) <= {kind}:  # many numbers, as a rule
        return value
    return [read(kind, one, f"[{index}]") for index, one in enumerate(value)]


def _read_one_of(kinds: tuple[Any, ...], value: Any) -> Any:
    if value is UNSET and Unset in kinds:
        return value
    real = [kind for kind in kinds if kind not in (Unset, NoneType)]
    if value is None:
        if NoneType in kinds:
            return value
        if Unset in kinds and not any(get_origin(kind) is list for kind in real):
            return UNSET
    if len(real) == 1:
        return _read(real[0], value)
    fitting = []
    for kind in [kind for kind in real if kind is type(value)] or real:
        with suppress(TypeError, ValueError, KeyError, OverflowError):
            fitting.append(_read(kind, value))
            if _is_known(fitting[-1]):
                return fitting[-1]
    return fitting[0] if fitting else _read(real[-1], value)


def _is_known(made: Any) -> bool:
    """Whether it is, or has a field of, no enum value that this client does not know: it may be another model's."""
    values = [getattr(made, field.name) for field in getattr(made, "__attrs_attrs__", ())] or [made]
    return not any(isinstance(value, Enum) and value.name == "<unknown>" for value in values)


def _read_int(value: Any) -> int:
    if isinstance(value, str) and re.fullmatch("-?[0-9]+", value) or isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise _wrong(int, value)


def _read_float(value: Any) -> float:
    if value in ("NaN", "Infinity", "-Infinity") or isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise _wrong(float, value)


def _from_string(parse: Callable[[str], Any]) -> Callable[[Any], Any]:
    def parsed(value: Any) -> Any:
        if not isinstance(value, str):
            raise _wrong(str, value)
        return parse(value)

    return parsed


_READERS: Final[Mapping[Any, Callable[[Any], Any]]] = {
    int: _read_int,
    float: _read_float,
    datetime.datetime: _from_string(datetime.datetime.fromisoformat),
    datetime.date: _from_string(datetime.date.fromisoformat),
    UUID: _from_string(UUID),
}
_PLAIN: Final = {str, int, float, bool, NoneType}


def to_json(value: Any) -> Any:
    """Return what `json.dumps` makes the value's JSON of: the opposite of `read`."""
    if isinstance(value, dict):
        return {name: to_json(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return value if set(map(type, value)) <= _PLAIN else [to_json(inner) for inner in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    return value.to_dict() if hasattr(value, "to_dict") else value


# The types that `httpx.Client(files=)` can accept, copied from that library.
FileContent = IO[bytes] | bytes | str
FileTypes = (
    # (filename, file (or bytes), content_type)
    tuple[str | None, FileContent, str | None]
    # (filename, file (or bytes), content_type, headers)
    | tuple[str | None, FileContent, str | None, Mapping[str, str]]
)
RequestFiles = list[tuple[str, FileTypes]]


@define
class File:
    """Contains information for file uploads"""

    payload: BinaryIO
    file_name: str | None = None
    mime_type: str | None = None

    def to_tuple(self) -> FileTypes:
        """Return a tuple representation that httpx will accept for multipart/form-data"""
        return self.file_name, self.payload, self.mime_type


T = TypeVar("T")


@define
class Response(Generic[T]):
    """A response from an endpoint. `status_code` is a plain int: proxies send numbers http.HTTPStatus does not know"""

    status_code: int
    content: bytes
    headers: MutableMapping[str, str]
    parsed: T | None


__all__ = ["UNSET", "File", "FileTypes", "RequestFiles", "Response", "Unset", "fields_of", "read", "to_json"]
