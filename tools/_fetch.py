"""Fetch a documentation page: https only, from the one host that was named, bounded in bytes and time.

Plain http is allowed on loopback alone, where tests serve pages.
"""

import contextlib
import socket
import ssl
import threading
import time
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import SplitResult, urljoin, urlsplit

from _document import MAX_BYTES
from _page import PageError

REDIRECTS = 5
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_LATE = "no whole answer in time"
_REDIRECT = frozenset({301, 302, 303, 307, 308})


def is_url(page: str) -> bool:
    """Whether a page is named by an address, not a file."""
    return "://" in page


def fetch(url: str, *, timeout: float = 30.0, limit: int = MAX_BYTES) -> bytes:
    """Return the body of a page.

    Args:
        url: Its address, https.
        timeout: Seconds for all of it, redirects included.
        limit: Most bytes of the body.

    Raises:
        PageError: Another answer than 200, HTML, a redirect to another host, too much, too slow, or no answer.
    """
    deadline = time.monotonic() + timeout
    for _ in range(REDIRECTS + 1):
        target = _checked(url)
        answer = _get(target, deadline, limit)
        if isinstance(answer, bytes):
            return answer
        url = urljoin(url, answer)
        if _origin(urlsplit(url)) != _origin(target):
            raise PageError(f"redirected away from {target.netloc}, most likely to a login page")
    raise PageError(f"over {REDIRECTS} redirects")


def _checked(url: str) -> SplitResult:
    try:
        target = urlsplit(url)
        _ = target.port
    except ValueError:
        raise PageError("not an address") from None
    if target.scheme != "https" and not (target.scheme == "http" and target.hostname in _LOOPBACK):
        raise PageError("only https addresses are fetched")
    if target.username or target.password or not target.hostname:
        raise PageError("an address with a host and without a name or password is needed")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise PageError("an address with characters that belong percent-encoded")
    return target


def _origin(target: SplitResult) -> tuple[str, str | None, int | None]:
    return target.scheme, target.hostname, target.port or {"https": 443, "http": 80}.get(target.scheme)


def _get(target: SplitResult, deadline: float, limit: int) -> bytes | str:
    """The body of a page, or where it redirects to."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise PageError(_LATE)
    kind = HTTPSConnection if target.scheme == "https" else HTTPConnection
    connection = kind(target.hostname or "", target.port, timeout=left)
    held: list[socket.socket] = []
    watch = threading.Timer(left, _cut, [connection, held])
    watch.daemon = True
    watch.start()
    try:
        return _ask(connection, held, target, limit)
    except (OSError, HTTPException, ssl.SSLError, PageError) as error:
        if time.monotonic() >= deadline:  # whatever it looks like
            raise PageError(_LATE) from None
        if isinstance(error, PageError):
            raise
        raise PageError(f"no answer: {type(error).__name__}: {error}") from None
    finally:
        watch.cancel()
        connection.close()


def _ask(
    connection: HTTPConnection, held: list[socket.socket], target: SplitResult, limit: int
) -> bytes | str:
    connection.connect()
    held.append(connection.sock)
    path = f"{target.path or '/'}{'?' + target.query if target.query else ''}"
    connection.request(
        "GET", path, headers={"Accept": "text/markdown, text/plain, application/yaml, */*;q=0.1"}
    )
    return _read(connection.getresponse(), limit)


def _cut(connection: HTTPConnection, held: list[socket.socket]) -> None:
    """Ends a connection that drips: the timeout of a socket begins anew with every byte.

    A connection forgets its socket while an answer that ends with it is read, so that is held beside it.
    """
    for sock in held or [connection.sock]:
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def _read(answer: HTTPResponse, limit: int) -> bytes | str:
    if answer.status in _REDIRECT:
        return answer.headers.get("Location") or ""
    if answer.status != 200:
        raise PageError(f"HTTP {answer.status}")
    kind = answer.headers.get_content_type()
    if "html" in kind:
        raise PageError(
            f"it is {kind} (a login or error page?), not Markdown; most docs sites add .md to an address"
        )
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise PageError("it is compressed, which was not asked for")
    if answer.length is None and not answer.chunked:
        raise PageError("an answer that does not say where it ends")
    body = answer.read(limit + 1)
    if len(body) > limit:
        raise PageError(f"over {limit} bytes: not a documentation page")
    if answer.length:  # what is missing of the announced length
        raise PageError("the page was cut off")
    return body
