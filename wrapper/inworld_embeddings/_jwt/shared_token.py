"""The current token, shared by all threads and event loops of a process: who needs one waits for the same request.

A request runs in a thread of its own, so it belongs to no event loop and no caller: a caller who gives up does not
end it for the others.
"""

import asyncio
import os
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeAlias

from .._core.secret import Secret
from .._core.token_answer import Token
from ..errors import APITimeoutError, InworldEmbeddingsError

PATIENCE = 30.0
"""Seconds after which a request for a token is given up: a server may feed it a byte at a time for ever."""

Clock: TypeAlias = Callable[[], float]
_Outcome: TypeAlias = "Secret | InworldEmbeddingsError"


class SharedToken:
    """Hands out the current token; asks for another when there is none, it is old, or it was refused.

    A token's age is the greater of what the monotonic clock and the wall clock say: the first is right when somebody
    sets the second, the second is right after the machine slept.

    Args:
        url: The token endpoint, for messages.
        mint: Makes a token; may block and raise `InworldEmbeddingsError`.
        clock: Wall clock, seconds since the epoch.
        monotonic: Seconds since some moment.
        patience: Seconds to wait for ``mint``.
    """

    def __init__(
        self,
        url: str,
        mint: Callable[[], Token],
        clock: Clock,
        monotonic: Clock,
        *,
        patience: float = PATIENCE,
    ) -> None:
        self._url, self._mint = url, mint
        self._clock, self._monotonic, self._patience = clock, monotonic, patience
        self._token: Token | None = None
        self._asked = (0.0, 0.0)
        self._lock = threading.Lock()
        self._request: Future[_Outcome] | None = None
        _all.add(self)

    def get(self, refused: Secret | None = None) -> Secret:
        """A token, other than the refused one. Blocks while it is fetched.

        Raises:
            InworldEmbeddingsError: there is none to be had.
        """
        found = self._current_or_request(refused)
        if isinstance(found, Secret):
            return found
        try:
            outcome = found.result(self._patience)
        except TimeoutError:
            raise self._too_slow(found) from None
        return _unwrapped(outcome)

    async def aget(self, refused: Secret | None = None) -> Secret:
        """As `get`, without blocking the event loop."""
        found = self._current_or_request(refused)
        if isinstance(found, Secret):
            return found
        try:
            async with asyncio.timeout(self._patience):
                outcome = await asyncio.wrap_future(found)
        except TimeoutError:
            raise self._too_slow(found) from None
        return _unwrapped(outcome)

    def after_fork(self) -> None:
        """In a child: the thread that asked stayed with the parent, and so did whoever held the lock."""
        self._lock, self._request = threading.Lock(), None

    def _current_or_request(self, refused: Secret | None) -> "Secret | Future[_Outcome]":
        with self._lock:
            token = self._token
            if token is not None and token.value is not refused and self._age() < token.use_for:
                return token.value
            if self._request is None:
                self._request = self._start()
            return self._request

    def _age(self) -> float:
        wall, steady = self._asked
        return max(self._clock() - wall, self._monotonic() - steady)

    def _start(self) -> "Future[_Outcome]":
        request: Future[_Outcome] = Future()
        request.set_running_or_notify_cancel()  # from here on nobody's cancellation reaches it
        work = threading.Thread(target=self._run, args=(request,), name="inworld-token", daemon=True)
        work.start()
        return request

    def _run(self, request: "Future[_Outcome]") -> None:
        asked = self._clock(), self._monotonic()
        token: Token | None = None
        outcome: _Outcome
        try:
            token = self._mint()
            outcome = token.value
        except InworldEmbeddingsError as error:
            outcome = error
        except BaseException as error:  # noqa: BLE001 - whoever waits must hear of it
            outcome = InworldEmbeddingsError(f"No token from {self._url}: {type(error).__name__}.")
        with self._lock:
            if self._request is request:
                self._request = None
                if token is not None:
                    self._token, self._asked = token, asked
        request.set_result(outcome)

    def _too_slow(self, request: "Future[_Outcome]") -> APITimeoutError:
        with self._lock:
            if self._request is request:
                self._request = None  # the next one who needs a token asks anew
        return APITimeoutError(f"No token from {self._url}: no answer within {self._patience:g} s.")


_all: "weakref.WeakSet[SharedToken]" = weakref.WeakSet()


def _after_fork() -> None:
    for shared in _all:
        shared.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _unwrapped(outcome: "_Outcome") -> Secret:
    if isinstance(outcome, InworldEmbeddingsError):
        # Each waiter its own: they add to it. Without traceback and context: those lead to the request, and its key.
        raise type(outcome)(str(outcome), **vars(outcome))
    return outcome
