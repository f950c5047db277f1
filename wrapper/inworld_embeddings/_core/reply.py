"""What came back from one attempt, as plain data: bytes and headers, no HTTP library."""

from dataclasses import dataclass, field

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete HTTP answer.

    Attributes:
        status: HTTP status.
        headers: (name, value) pairs, names in lower case, repeated ones kept.
        body: The body, decompressed.
    """

    status: int
    headers: Headers = field(repr=False)
    body: bytes | bytearray = field(repr=False)

    def header(self, name: str) -> str | None:
        """The first value of a header."""
        return next((value for key, value in self.headers if key == name), None)
