"""The layer that answers for the page and passes everything else on."""

import json
from typing import TYPE_CHECKING

from ..handle import TEST_KEY
from ..messages import Handler, Reply, Request
from .files import SETTINGS, files, headers_of

if TYPE_CHECKING:
    from ..engines import Engine


class Playground:
    """Answers GET and HEAD of ``/`` and of the page's files; everything else is the inner handler's.

    Args:
        inner: Answers the API.
        engine: Whose vectors those are, to be named on the page.
        built_in: Whether that is the engine of which the page can say what it understands.
        chaos: Whether the page may offer faults for the whole server.
    """

    def __init__(
        self, inner: Handler, engine: "Engine", *, built_in: bool = False, chaos: bool = False
    ) -> None:
        self._inner = inner
        self._settings = json.dumps(
            {
                "engine": engine.name,
                "dimension": engine.dimension,
                "builtIn": built_in,
                "chaos": chaos,
                "key": TEST_KEY if inner.uses_test_key else None,  # another key is the visitor's to know
            }
        ).encode()

    @property
    def uses_test_key(self) -> bool:
        """As the handler says."""
        return self._inner.uses_test_key

    def handle(self, request: Request) -> Reply:
        """The answer to a request."""
        path = request.path.partition("?")[0]
        body = self._settings if path == SETTINGS else files().get(path)
        if body is None or request.method not in ("GET", "HEAD"):
            return self._inner.handle(request)
        name = "index.html" if path == "/" else path
        return Reply(200, headers_of(name), b"" if request.method == "HEAD" else body)
