"""What the adapters share.

Each takes what our own transport takes (``proxy=``, ``trust_env=``), gives its library the same TLS settings and keep-alive,
and translates the library's errors into httpx's and into the few of ours that httpx has no name for. All stream their
bodies, so that whoever reads decides when it is enough.
"""

import asyncio
import contextlib
import re
import select
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any, NoReturn

import httpx

from inworld_embeddings._error_mapping import StaleConnectionError, WrongSchemeError
from inworld_embeddings._http.connect import tls_context


class Candidate(httpx.AsyncBaseTransport):
    """A library's client, made for the first request, as only that says whether TLS is needed.

    Args:
        proxy: URL of an HTTP proxy for https origins.
        trust_env: Whether ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` count.

    Attributes:
        in_use: How many connections carry an exchange; None where the library does not tell.
    """

    in_use: int | None = None

    def __init__(self, *, proxy: str | None = None, trust_env: bool = True) -> None:
        self._proxy, self._trust_env = proxy, trust_env
        self._opened: Any = None
        self._spoke_http = False

    def client_for(self, request: httpx.Request) -> Any:
        """The library's client."""
        if self._opened is None:
            secure = request.url.scheme == "https"
            context = (
                tls_context(trust_env=self._trust_env) if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            )
            self._opened = self.open(context, request.extensions.get("timeout", {}).get("connect") or 5.0)
        return self._opened

    def open(self, context: ssl.SSLContext, connect_timeout: float) -> Any:
        """Makes the library's client."""
        raise NotImplementedError

    async def shut(self, client: Any) -> None:
        """Closes a client of the library."""
        await client.aclose()

    def raised(self, error: Exception, translated: Exception | None) -> NoReturn:
        """Raises what an error of the library is in httpx's words, or else the error itself."""
        if isinstance(translated, StaleConnectionError):
            self.drop_idle()  # what ended this connection will have ended those that are older
        if isinstance(translated, WrongSchemeError) and self._spoke_http:
            translated = httpx.RemoteProtocolError(str(translated))
        if translated is None:
            raise error
        raise translated from (origin(error, ssl.SSLError) or translated.__cause__ or error)

    def drop_idle(self) -> None:
        """Has the next request use a new connection. What goes on over the old ones may go on."""
        self._opened = None

    async def aclose(self) -> None:
        if self._opened is not None:
            await self.shut(self._opened)


class Body(httpx.AsyncByteStream):
    """A body whose library's errors are translated, and which ends as the library wants it."""

    def __init__(
        self,
        chunks: AsyncIterator[bytes],
        translated: Callable[[Exception], Exception | None],
        close: Callable[[], Any],
    ) -> None:
        self._chunks, self._translated, self._close = chunks, translated, close

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._chunks:
                yield chunk
        except Exception as error:
            if translated := self._translated(error):
                raise translated from error
            raise

    async def aclose(self) -> None:
        closing = self._close()
        if closing is not None:
            await closing


def origin(error: BaseException, kind: type[BaseException]) -> Any:
    """The exception of a kind that an error came from, whether the library says so (``from``) or not."""
    seen: BaseException | None = error
    while seen is not None and (not isinstance(seen, kind) or isinstance(seen, ssl.SSLWantReadError)):
        seen = seen.__cause__ or seen.__context__
    return seen


def is_tls_alert(error: Exception) -> bool:
    """Whether a parser complains about the bytes that a TLS server says to a request in clear."""
    return re.search(r"\\x15\\+x03", str(error)) is not None


def readable(transport: Any) -> bool:
    """Whether something has arrived that the event loop has not read yet."""
    poll = select.poll()
    poll.register(transport.get_extra_info("socket"), select.POLLIN)
    return bool(poll.poll(0))


class Exchange:
    """What became of one request, as far as the library tells, and a connect timeout that covers a proxy's answer."""

    def __init__(self, request: httpx.Request) -> None:
        self.connect_timeout: float | None = request.extensions.get("timeout", {}).get("connect")
        self.connected = self.answered = False
        self._timeout = asyncio.timeout(None)

    def connecting(self) -> None:
        """A new connection is being made."""
        self.connected = True
        if self.connect_timeout is not None:
            self._timeout.reschedule(asyncio.get_running_loop().time() + self.connect_timeout)

    def sending(self) -> None:
        """There is a connection."""
        self._timeout.reschedule(None)

    @contextlib.asynccontextmanager
    async def bounded(self) -> AsyncIterator[None]:
        """Ends what takes longer to connect."""
        try:
            async with self._timeout:
                yield
        except TimeoutError as error:
            raise httpx.ConnectTimeout(f"no connection within {self.connect_timeout} s") from error

    @property
    def stale(self) -> bool:
        """Whether an end now is that of a connection used before which brought nothing."""
        return not (self.connected or self.answered)
