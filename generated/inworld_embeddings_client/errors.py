# generated from openapi.yaml, do not edit; change it and run: nox -s generate
"""Contains shared errors types that can be raised from API functions"""

from typing import Any

_EXCERPT = 500  # characters of the body in the message; `content` has all of it

NOT_AS_DOCUMENTED = (AttributeError, KeyError, RecursionError, TypeError, ValueError)
"""What reading a body raises when it is not JSON, or not of the documented shape."""


class UnexpectedStatus(Exception):
    """An answer that does not fit openapi.yaml: an undocumented status, or a body that is not the documented model.

    Attributes:
        status_code: The HTTP status, a plain int. It is 200 when only the body was wrong.
        content: The whole body. The message shows at most 500 characters of it, control characters escaped.
    """

    def __init__(self, status_code: int, content: bytes) -> None:
        self.status_code = int(status_code)
        self.content = content
        super().__init__(f"Unexpected response, status {self.status_code}, {len(content)} bytes: {_excerpt(content)}")

    def __reduce__(self) -> tuple[type["UnexpectedStatus"], tuple[int, bytes]]:
        return type(self), (self.status_code, self.content)


def _excerpt(content: bytes) -> str:
    text = content[: 4 * _EXCERPT].decode(errors="replace")
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return escaped if len(escaped) <= _EXCERPT else f"{escaped[: _EXCERPT - 1]}…"


def require_object(body: Any, *fields: str) -> dict[str, Any]:
    """Return `body` if it is a JSON object with one of `fields` at least; `{}` is no answer, and no error either.

    Raises:
        ValueError: It is not.
    """
    if not isinstance(body, dict) or (fields and body.keys().isdisjoint(fields)):
        raise ValueError(f"expected a JSON object with one of {fields}")
    return body


__all__ = ["NOT_AS_DOCUMENTED", "UnexpectedStatus", "require_object"]
