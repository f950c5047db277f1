"""What the hand-written layer relies on in openapi.yaml, field by field, with the files of ours that name it."""

from dataclasses import dataclass

SEAM, ENCODE, DECODE = "_api.py", "_batching.py", "_decoding.py"
CONTRACT = "inworld_embeddings_emulator/handle.py"
FORGES, PAGE = (
    "inworld_embeddings_emulator/faults/kinds.py",
    "inworld_embeddings_emulator/playground/static/api.js",
)
ATTEMPT = "_engine/attempt.py"
RELIED = "tools/_relied.py"
ERRORS = ("_error_mapping.py", "inworld_embeddings_emulator/messages.py")
AUTH = ("auth.py", CONTRACT, "templates/client.py.jinja")


@dataclass(frozen=True, slots=True)
class Field:
    """A field that is sent or read.

    Attributes:
        path: Where it is.
        type: The type it has.
        files: Ours, that name it.
        required: Whether an answer must have it.
        limits: Of a field that is sent, the spec's limits that are checked before sending.
    """

    path: str
    type: str
    files: tuple[str, ...]
    required: bool = False
    limits: tuple[str, ...] = ()


SENT = (
    Field("inputs", "array", (SEAM, ENCODE, CONTRACT, PAGE)),
    Field("inputs.[].text", "string", (ENCODE, CONTRACT, PAGE)),
    Field("model", "object", (SEAM, CONTRACT, PAGE)),
    Field("model.model", "string", (SEAM, CONTRACT, PAGE)),
    Field("model.serviceProvider", "string", (SEAM, CONTRACT, PAGE)),
)
"""Everything a request holds; a test holds it against what the wrapper sends."""

READ = (
    Field("embeddings", "array", (DECODE, CONTRACT, FORGES, PAGE)),
    Field("embeddings.[].values", "array", (DECODE, CONTRACT, FORGES, PAGE), required=True),
    Field("embeddings.[].values.[]", "number", (DECODE, CONTRACT, FORGES, PAGE)),
)
"""Everything that is read of a good answer; a test holds it against what the emulator answers."""

ERROR = (
    Field("code", "integer", ERRORS),
    Field("message", "string", ERRORS),
    Field("details", "array", ERRORS),
)
"""Everything that is read of an error's answer."""


@dataclass(frozen=True, slots=True)
class Breach:
    """Something the spec no longer says.

    Attributes:
        place: What it is about, such as ``request inputs.[].text``.
        text: What the spec says instead.
        files: Our files that have to change, below wrapper/inworld_embeddings/ or emulator/ unless they name another folder.
    """

    place: str
    text: str
    files: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.place}: {self.text}\n  to change: {', '.join(map(full_name, self.files))}"


def full_name(file: str) -> str:
    """Return a file's path in the project."""
    if file.startswith(("templates/", "tools/", "tests/", "generator-config")):
        return file
    return (
        f"emulator/{file}"
        if file.startswith("inworld_embeddings_emulator/")
        else f"wrapper/inworld_embeddings/{file}"
    )
