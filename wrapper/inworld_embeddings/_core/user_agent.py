"""The User-Agent header."""

from .._version import VENDORED, __version__
from ..errors import ConfigurationError


def user_agent_header(prefix: object) -> str:
    """This package's name and version, after the caller's own; a copy inside another package says so.

    Raises:
        ConfigurationError: a prefix that cannot stand in a header.
    """
    own = f"inworld-embeddings/{__version__}{' (vendored)' if VENDORED else ''}"
    if prefix is None:
        return own
    if not isinstance(prefix, str) or not prefix.strip() or not prefix.isascii() or not prefix.isprintable():
        raise ConfigurationError("user_agent must be printable ASCII, such as 'my-app/1.0'.")
    return f"{prefix.strip()} {own}"
