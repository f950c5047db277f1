"""Names of engines, fit for a header: what a folder or a model is called, and never where it lies."""

from pathlib import Path
from urllib.parse import quote

_PLAIN = "/:@+ ,=()[]"


def header_name(kind: str, name: str) -> str:
    """``kind:name`` in printable ASCII; whatever else is in the name is percent-encoded.

    >>> header_name("openai-compatible", "bge-m3:567m")
    'openai-compatible:bge-m3:567m'
    """
    return f"{kind}:{quote(name.strip(), safe=_PLAIN)}"


def folder_name(folder: Path) -> str:
    """The folder's own name, whichever way its path was spelled."""
    return folder.resolve().name or "model"
