"""The page's files, read once, and the headers they are sent with."""

from functools import cache
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).with_name("static")

PREFIX: Final = "/_emulator/playground/"
"""Where the page's files are, beside the page itself at ``/``."""

SETTINGS: Final = f"{PREFIX}settings.json"
"""What the page must know of the server it is on."""

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_HEADERS: Final = (
    (
        "cache-control",
        "no-store",
    ),  # it is read from the disk beside it, and a newer version must be seen at once
    ("content-security-policy", _POLICY),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
)

_TYPES: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
}


def headers_of(name: str) -> tuple[tuple[str, str], ...]:
    """The headers of a file by its name."""
    return (("content-type", f"{_TYPES[Path(name).suffix]}; charset=utf-8"), *_HEADERS)


@cache
def files() -> dict[str, bytes]:
    """Each file by the path it is served at. There is no other way to one, so no path leads out of the folder."""
    found = {PREFIX + path.name: path.read_bytes() for path in _FOLDER.iterdir() if path.suffix in _TYPES}
    return {"/": found.pop(f"{PREFIX}index.html"), **found}
