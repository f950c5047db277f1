"""The playground: one page at ``/`` to try texts, vectors and faults in a browser.

A layer around any handler, of plain files and without a build step. `serve` puts it there, a test's `EmulatorServer`
does not. The page asks this server alone: its Content-Security-Policy allows nothing else.
"""

import json
from functools import cache
from importlib.resources import files as package_files
from typing import Final

from inworld_embeddings.errors import ConfigurationError
from inworld_embeddings.models import DEFAULT_MODEL, MODELS

from ..engines import Engine
from ..handle import TEST_KEY
from ..messages import Handler, Reply, Request
from ..openai_face import OpenAIFace

PREFIX: Final = "/_emulator/playground/"
"""Where the page's files are, beside the page itself at ``/``."""

SETTINGS: Final = f"{PREFIX}settings.json"
"""What the page must know of the server it is on."""

_NAMES: Final = ("index.html", "style.css", "api.js", "app.js", "code.js", "request.js", "results.js")
_TYPES: Final = {"html": "text/html", "css": "text/css", "js": "text/javascript", "json": "application/json"}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = (
    ("cache-control", "no-store"),  # a newer version of this package must be seen at once
    ("content-security-policy", _POLICY),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
)


class Playground:
    """Answers GET and HEAD of ``/`` and of the page's files; everything else is the inner handler's.

    Args:
        inner: Answers the API.
        engine: Whose vectors those are, to be named on the page.

    Raises:
        ConfigurationError: a file of the page is missing from this copy of the package.
    """

    def __init__(self, inner: Handler, engine: Engine) -> None:
        self._inner = inner
        model = MODELS[DEFAULT_MODEL]
        settings = {
            "engine": engine.name,
            "dimension": engine.dimension,
            "meaning": getattr(engine, "meaning", ""),
            "key": TEST_KEY if inner.uses_test_key else None,  # another key is the visitor's to know
            "model": {"model": model.name, "serviceProvider": model.service_provider},
            "max_tokens": model.max_tokens,
            "openai": isinstance(inner, OpenAIFace),
        }
        self._files = {**page_files(), SETTINGS: json.dumps(settings).encode()}

    @property
    def uses_test_key(self) -> bool:
        return self._inner.uses_test_key

    def handle(self, request: Request) -> Reply:
        """The reply to a request."""
        path = request.route
        body = self._files.get(path)
        if body is None or request.method not in ("GET", "HEAD"):
            return self._inner.handle(request)
        kind = "html" if path == "/" else path.rpartition(".")[2]
        headers = (("content-type", f"{_TYPES[kind]}; charset=utf-8"), *_HEADERS)
        return Reply(200, headers, body)


@cache
def page_files() -> dict[str, bytes]:
    """Each file by the path it is served at. There is no other way to one, so no path leads out of the folder.

    Raises:
        ConfigurationError: a file is missing from this copy of the package.
    """
    folder = package_files(__name__) / "static"  # works from a zip file and in a frozen program too
    found = {}
    for name in _NAMES:
        try:
            found["/" if name == "index.html" else PREFIX + name] = (folder / name).read_bytes()
        except OSError as error:
            raise ConfigurationError(
                f"The playground's file {name} is missing from {__name__}/static: this copy of the package is not "
                "whole. Install it again, or leave the page out: serve --no-playground."
            ) from error
    return found
