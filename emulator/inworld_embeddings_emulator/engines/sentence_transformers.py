"""The `sentence-transformers` engine: the vectors of a real model, computed on this machine."""

import re
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any, Final

from inworld_embeddings.errors import ConfigurationError

from . import header_name

_HUB_ID: Final = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?\Z", re.ASCII)


class SentenceTransformersEngine:
    """A sentence-transformers model as an engine; one text batch is computed at a time, whichever thread asks.

    A folder is loaded from disk alone, without any look at a hub. Anything else is the id of a model on the hub,
    which the library downloads unless it has it already: only because you named it. Code that comes with a model is
    never run. Texts longer than the model takes are cut off by the model, silently.

    Args:
        model: A folder that holds a sentence-transformers model, or an id such as ``org/model``.
        device: As torch names it; by default the library's choice.

    Raises:
        ConfigurationError: the extra is not installed, or the model cannot be loaded.
    """

    def __init__(self, model: str | Path, *, device: str | None = None) -> None:
        folder = _folder(model)
        name = (folder.resolve().name or "model") if folder else str(model)
        self.name: str = header_name("sentence-transformers", name)
        self._model = _load(str(folder or model), name, device=device, local_files_only=folder is not None)
        self._lock = Lock()  # tokenizers refuse to be used by two threads at once
        self.dimension: int = len(self.embed(["dimension"])[0])

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """The model's vectors. Their last digits may depend on which texts are computed together."""
        with self._lock:
            vectors: list[list[float]] = self._model.encode(list(texts), show_progress_bar=False).tolist()
        return vectors


def _folder(model: str | Path) -> Path | None:
    """The folder that is meant, or None where it is an id."""
    path = Path(model).expanduser()
    if path.is_dir():
        return path
    if isinstance(model, Path) or not _HUB_ID.match(model):
        raise ConfigurationError("The model's folder does not exist, and it is not an id such as org/model.")
    return None


def _load(source: str, name: str, **options: Any) -> Any:
    try:
        made = import_module("sentence_transformers").SentenceTransformer  # heavy: only when asked for
    except ImportError as error:
        raise ConfigurationError("It needs its extra: pip install 'inworld-embeddings[st]'") from error
    try:
        return made(source, **options)
    except Exception as error:
        raise ConfigurationError(
            f"The model {name!r} could not be loaded ({type(error).__name__}). A folder must hold a "
            "sentence-transformers model; an id must be on the hub, and the hub within reach."
        ) from error
