"""A layer of faults around a handler, itself a handler: the emulator stays a pure function, and carriers need know one.

As long as nobody asks for faults, nothing of them is loaded but this.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from inworld_embeddings.errors import ConfigurationError

from ..handle import EMBED_PATH
from ..messages import Code, Handler, Reply, Request, RpcError, error_reply
from .names import ADMIN_PATH, HEADER

if TYPE_CHECKING:
    from .script import Scripted
    from .state import Faults, Hit


class FaultLayer:
    """Lets faults happen to the requests of another handler.

    The script applies to POST requests. One that names faults of its own in `HEADER`, and has the right key, gets those
    instead, and leaves the script where it was.

    Args:
        handler: Gives the real answers.
        faults: The script: any `Scripted`, or `Faults` to change it later. By default nothing goes wrong.
        chaos: Whether `ADMIN_PATH` changes the script, for whoever has the key.
        wall: Wall clock, seconds since the epoch, for dates in answers.

    Raises:
        ConfigurationError: a script that cannot be.
    """

    def __init__(
        self,
        handler: Handler,
        faults: "Faults | Scripted | None" = None,
        *,
        chaos: bool = False,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._handler = handler
        self._chaos = chaos
        self._wall = wall
        self._lock = threading.Lock()
        self._faults = None if faults is None else _faults_of(faults)

    @property
    def uses_test_key(self) -> bool:
        """As the handler says."""
        return self._handler.uses_test_key

    @property
    def faults(self) -> "Faults":
        """The script at work: to change, and to count."""
        with self._lock:
            if self._faults is None:
                self._faults = _faults_of("ok")
            return self._faults

    def handle(self, request: Request) -> Reply:
        """The handler's answer, or what the faults make of it."""
        if self._chaos and request.path.partition("?")[0] == ADMIN_PATH:
            return self._administered(request)
        asked = request.headers.get(HEADER)
        if asked is None:
            return self._scripted(request)
        headers = {name: text for name, text in request.headers.items() if name != HEADER}
        return self._as_asked(replace(request, headers=headers), asked)

    def _scripted(self, request: Request) -> Reply:
        if self._faults is None:
            return self._handler.handle(request)
        return self._answered(request, self._faults.next() if request.method == "POST" else [])

    def _as_asked(self, request: Request, text: str) -> Reply:
        """The answer to a request that names faults of its own. Without the right key, it does not."""
        if request.method != "POST" or self._probe(request).status not in (200, 400):
            return self._answered(request, [])
        from .single import single_step  # noqa: PLC0415 - see the module's docstring

        try:
            step = single_step(text, patterns=self._chaos)
        except ConfigurationError as error:
            return error_reply(RpcError(Code.INVALID_ARGUMENT, f"{HEADER}: {error}"))
        return self._answered(request, self.faults.once(step))

    def _answered(self, request: Request, hits: "list[Hit]") -> Reply:
        from .apply import apply  # noqa: PLC0415 - see the module's docstring

        reply, labels = apply(hits, request, self._handler.handle, self._wall)
        self.faults.noted(request, reply, labels)
        return reply

    def _administered(self, request: Request) -> Reply:
        from . import admin  # noqa: PLC0415 - see the module's docstring

        if refused := admin.foreign(request.headers):
            return refused
        key = {name: text for name, text in request.headers.items() if name == "authorization"}
        probe = self._probe(Request("POST", EMBED_PATH, key, b""))
        return admin.administer(self.faults, request) if probe.status == 200 else probe

    def _probe(self, request: Request) -> Reply:
        """What the handler says when asked in the same way, but for nothing: 200 or 400 if the key is right."""
        return self._handler.handle(replace(request, body=b""))


def layered(
    handler: Handler, faults: "Faults | Scripted | None" = None, *, chaos: bool = False
) -> FaultLayer:
    """The handler in a layer of faults; one that is in one already stays as it is, unless there is something to add."""
    if isinstance(handler, FaultLayer) and faults is None and not chaos:
        return handler
    return FaultLayer(handler, faults, chaos=chaos)


def _faults_of(given: "Faults | Scripted") -> "Faults":
    from .state import Faults  # noqa: PLC0415 - see the module's docstring

    return given if isinstance(given, Faults) else Faults(given)
