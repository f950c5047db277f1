# generated from openapi.yaml, do not edit; change it and run: nox -s generate
"""Contains some shared types for properties"""

from collections.abc import Mapping, MutableMapping
from typing import IO, Any, BinaryIO, Final, Generic, Literal, TypeVar

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


def list_or_empty(value: Any) -> list[Any]:
    """Return a JSON array as it is, and null as an empty list, which is what it means in protobuf's JSON.

    Raises:
        TypeError: It is neither.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        raise TypeError(f"expected a JSON array, got {type(value).__name__}")
    return value


def fields_of(value: Any) -> dict[str, Any]:
    """Return a copy of a JSON object's fields.

    Raises:
        TypeError: It is no object. `dict()` alone would take an empty list or string for one.
    """
    if not isinstance(value, Mapping):
        raise TypeError(f"expected a JSON object, got {type(value).__name__}")
    return dict(value)


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


__all__ = ["UNSET", "File", "FileTypes", "RequestFiles", "Response", "Unset", "fields_of", "list_or_empty"]
