"""What the engine keeps for one event loop: connections, who may send next, and the work that is going on."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, TypeVar, cast

import httpx

from .._api import Envelope
from .._batching import BatchCap
from .._decoding import Decoder
from .._error_mapping import Response
from .._http import transport_for
from .._http.httpx2 import Httpx2Auth, is_httpx2
from .._redaction import PIECE, Redactor, Secret
from .._retry import HEDGE_CAPACITY, HEDGE_SHARE, Budget, RetryPolicy, Timeouts
from .._settings import Settings
from ..auth import ProviderAuth
from .admission import Admission

if TYPE_CHECKING:
    from ..options import KeyProvider

T = TypeVar("T")


class Session:
    """One event loop's connections to the API.

    Attributes:
        cap: Most texts that the service takes in one request, once it refused more as too large.
        hedges: How many second requests may be sent.
        host: Of the service, with its port where that is not the usual one.
        engine: Which engine the last response was of; None for the service, and before there was one.
        answered: Whether there was one.
        closed: Set by `aclose`; work that ends by it was not cancelled by its caller.
        ending: Runs `aclose`, if another thread asked for it.
    """

    def __init__(self, settings: Settings, policy: RetryPolicy, timeouts: Timeouts) -> None:
        self.settings, self.policy = settings, policy
        self.transport = transport_for(settings, timeouts)
        self.decoder = Decoder()
        self._new_admission = partial(
            Admission, settings.max_concurrency, settings.rate_limit, policy, timeouts
        )
        self.admission, self._seen = self._new_admission(), -inf
        self.cap = BatchCap()
        self.hedges = Budget(HEDGE_CAPACITY, HEDGE_SHARE)
        self.engine: str | None = None
        self.answered = self.closed = False
        self.ending: asyncio.Task[None] | None = None
        self._watch = self._until_the_loop_ends()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._base_url = httpx.URL(settings.base_url)
        self.host = self._base_url.netloc.decode("ascii")
        self._headers = {
            "host": self.host,
            "user-agent": settings.user_agent,
            "accept": "*/*",
            "accept-encoding": settings.compression or "identity",
            **{name: value.reveal() for name, value in settings.extra_headers.items()},
        }
        self._auth: httpx.Auth | None = None
        self._endpoints: dict[str, tuple[httpx.URL, httpx.Headers]] = {}
        credential = settings.credential
        if isinstance(credential, Secret):  # the same for every request: no flow to ask
            self._headers["authorization"] = f"Basic {credential.reveal()}"
        elif is_httpx2(credential, "Auth"):
            self._auth = Httpx2Auth(credential)
        else:
            self._auth = (
                credential
                if isinstance(credential, httpx.Auth)
                else ProviderAuth(cast("KeyProvider", credential))
            )
        # A token that was sent stands for a key that was not, and that the service may echo all the same.
        self._behind: tuple[Secret, ...] = getattr(self._auth, "secrets", ())
        self._behind += tuple(
            value for value in settings.extra_headers.values() if len(value.reveal()) >= PIECE
        )
        self._redactor, self._redacted = Redactor(self._behind), hash("")

    def look_at_the_clock(self) -> None:
        """Forgets when requests may start if the loop's clock went back: somebody had frozen it, in the future."""
        now = self.admission.time()
        if now < self._seen:
            self.admission = self._new_admission()
        self._seen = now

    def request(self, envelope: Envelope, texts: bytes) -> httpx.Request:
        """A request with encoded texts in it, see `Batch.body`."""
        url, headers = self._endpoints.get(envelope.path) or self._endpoint(envelope)
        body = b"".join((envelope.before, texts, envelope.after))
        # With content=, httpx works the headers out once more.
        request = httpx.Request(envelope.method, url, headers=headers, stream=httpx.ByteStream(body))
        request.headers["content-length"] = str(len(body))
        request.read()
        return request

    def _endpoint(self, envelope: Envelope) -> tuple[httpx.URL, httpx.Headers]:
        """What all requests to an endpoint have in common. The path is appended as it is: `embedding:` is no scheme."""
        path = self._base_url.raw_path.rstrip(b"/") + envelope.path.encode("ascii")
        made = self._base_url.copy_with(raw_path=path), httpx.Headers(self._headers | envelope.headers)
        return self._endpoints.setdefault(envelope.path, made)

    async def send(self, request: httpx.Request, cap: int) -> Response:
        """The response to a request of at most ``cap`` bytes, through the auth flow if the credential is one.

        The request holds afterwards the credential it was last sent with, which `redactor` reads.
        """
        if self._auth is None:
            return await self.transport.send(request, cap)
        flow = self._auth.async_auth_flow(request)
        try:
            signed = await anext(flow)
            while True:
                request.headers["authorization"] = signed.headers.get("authorization", "")
                response = await self.transport.send(signed, cap)
                try:
                    signed = await flow.asend(response.as_httpx(signed))
                except StopAsyncIteration:
                    return response
        finally:
            await flow.aclose()

    def redactor(self, request: httpx.Request) -> Redactor:
        """Knows the credential of a request, to keep it out of messages."""
        sent = request.headers.get("authorization", "").rpartition(" ")[2]
        if hash(sent) != self._redacted:  # kept from the last request, if it was sent with the same
            self._redactor = Redactor([Secret(sent), *self._behind] if sent else self._behind)
            self._redacted = hash(sent)
        return self._redactor

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Runs a coroutine as a task that ends with the session."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def end_with_the_loop(self) -> None:
        """Has the session closed when the loop ends its async generators, as `asyncio.run` does at its end."""
        await anext(self._watch)

    async def _until_the_loop_ends(self) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            await self._end()

    async def aclose(self) -> None:
        """Ends the work that is going on, and closes the connections."""
        if not self.closed:
            await self._end()
            await self._watch.aclose()

    async def _end(self) -> None:
        if self.closed:  # the loop and a client that is dropped may both ask for it
            return
        self.closed = True
        tasks = list(self._tasks)
        await asyncio.sleep(0)  # a task that has not begun would be cancelled without a chance to say why
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.transport.aclose()
