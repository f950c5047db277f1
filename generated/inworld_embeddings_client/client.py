# generated from openapi.yaml, do not edit; change it and run: nox -s generate
"""The connection settings and the httpx clients made from them.

One client is safe to share between threads. Close it with `with` / `async with`, or let it live as long as the process.
"""

import ssl
from collections.abc import Mapping
from threading import Lock
from typing import Any, NoReturn, Self

import httpx
from attrs import define, evolve, field

DEFAULT_BASE_URL = "https://api.inworld.ai"
"""The first server named in openapi.yaml."""

DEFAULT_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
"""60 s for each read, write or wait for a free connection, 10 s to connect."""


class _Secret:
    """A token that shows itself only when asked by name, so that no repr, asdict or pickle can carry it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "<hidden>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a token is not pickled or copied")


def _as_secret(token: str | _Secret) -> _Secret:
    """Checked here, because an HTTP library's complaint about a bad header would quote it."""
    if isinstance(token, _Secret):
        return token
    stripped = (token or "").strip()  # None is what a missing variable of the environment gives
    if not (stripped and stripped.isascii() and stripped.isprintable()):
        raise ValueError("the token must be non-empty printable ASCII (it is not shown here)")
    return _Secret(stripped)


def _copied(values: Mapping[str, Any]) -> dict[str, Any]:
    return dict(values)


@define(eq=False)
class Client:
    """The settings of a connection, and the httpx clients made from them on first use.

    The following are accepted as keyword arguments and will be used to construct httpx Clients internally:

        ``base_url``: The base URL for the API, by default the server named in openapi.yaml

        ``cookies``: A dictionary of cookies to be sent with every request

        ``headers``: A dictionary of headers to be sent with every request. It is copied, never written to

        ``timeout``: How long each step of a request may take, by default 60 s and 10 s to connect; None waits for
        ever. API functions will raise httpx.TimeoutException if this is exceeded.

        ``verify_ssl``: Whether or not to verify the SSL certificate of the API server. This should be True in
        production, but can be set to False for testing purposes.

        ``follow_redirects``: Whether or not to follow redirects. Default value is False.

        ``httpx_args``: A dictionary of additional arguments to be passed to the ``httpx.Client`` and
        ``httpx.AsyncClient`` constructor, for example ``transport`` or ``auth``.

    What an API function makes of an answer:

        - one that fits openapi.yaml is parsed, whatever its status: a documented error becomes its error model
          (``Response.parsed``, or the result of ``sync``), it is not raised;
        - one that does not fit (HTML, an empty body, JSON of another shape, an undocumented status) raises
          errors.UnexpectedStatus with its status and body; with ``raise_on_unexpected_status=False`` it is parsed
          as None instead, and ``Response.status_code`` and ``Response.content`` hold what came;
        - ``sync_raw`` and ``asyncio_raw`` return the httpx.Response and judge nothing.

    The ``with_...`` methods return a new client and leave this one, its live httpx clients included, as it was. A client
    set by ``set_httpx_client`` stays with the object it was set on. Clients compare by identity, and cannot be pickled
    or copied: they hold open connections and may hold a key.

    """

    raise_on_unexpected_status: bool = field(default=True, kw_only=True)
    """Whether an answer that does not fit openapi.yaml raises errors.UnexpectedStatus (the default) or parses as None."""
    _base_url: str = field(default=DEFAULT_BASE_URL, alias="base_url")
    _cookies: dict[str, str] = field(factory=dict, kw_only=True, alias="cookies", converter=_copied, repr=False)
    _headers: dict[str, str] = field(factory=dict, kw_only=True, alias="headers", converter=_copied, repr=False)
    _timeout: httpx.Timeout | float | None = field(default=DEFAULT_TIMEOUT, kw_only=True, alias="timeout")
    _verify_ssl: str | bool | ssl.SSLContext = field(default=True, kw_only=True, alias="verify_ssl")
    _follow_redirects: bool = field(default=False, kw_only=True, alias="follow_redirects")
    _httpx_args: dict[str, Any] = field(factory=dict, kw_only=True, alias="httpx_args", converter=_copied, repr=False)
    _client: httpx.Client | None = field(default=None, init=False, repr=False)
    _async_client: httpx.AsyncClient | None = field(default=None, init=False, repr=False)
    _lock: Lock = field(factory=Lock, init=False, repr=False)

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} is not pickled or copied: send its settings and make a new one")

    def with_headers(self, headers: dict[str, str]) -> Self:
        """Get a new client matching this one with additional headers"""
        return evolve(self, headers={**self._headers, **headers})

    def with_cookies(self, cookies: dict[str, str]) -> Self:
        """Get a new client matching this one with additional cookies"""
        return evolve(self, cookies={**self._cookies, **cookies})

    def with_timeout(self, timeout: httpx.Timeout | float | None) -> Self:
        """Get a new client matching this one with a new timeout configuration"""
        return evolve(self, timeout=timeout)

    def _request_headers(self) -> httpx.Headers:
        return httpx.Headers(self._headers)

    def _client_args(self) -> dict[str, Any]:
        return {
            "base_url": self._base_url,
            "cookies": self._cookies,
            "headers": self._request_headers(),
            "timeout": self._timeout,
            "verify": self._verify_ssl,
            "follow_redirects": self._follow_redirects,
        }

    def set_httpx_client(self, client: httpx.Client) -> Self:
        """Manually set the underlying httpx.Client

        **NOTE**: This will override any other settings on the client, including cookies, headers, and timeout.
        """
        self._client = client
        return self

    def get_httpx_client(self) -> httpx.Client:
        """Get the underlying httpx.Client, constructing a new one if not previously set"""
        with self._lock:
            if self._client is None:
                self._client = httpx.Client(**self._client_args(), **self._httpx_args)
            return self._client

    def __enter__(self) -> Self:
        """Enter a context manager for self.client—you cannot enter twice (see httpx docs)"""
        self.get_httpx_client().__enter__()
        return self

    def __exit__(self, *args: Any, **kwargs: Any) -> None:
        """Exit a context manager for internal httpx.Client (see httpx docs)"""
        self.get_httpx_client().__exit__(*args, **kwargs)

    def set_async_httpx_client(self, async_client: httpx.AsyncClient) -> Self:
        """Manually set the underlying httpx.AsyncClient

        **NOTE**: This will override any other settings on the client, including cookies, headers, and timeout.
        """
        self._async_client = async_client
        return self

    def get_async_httpx_client(self) -> httpx.AsyncClient:
        """Get the underlying httpx.AsyncClient, constructing a new one if not previously set"""
        with self._lock:
            if self._async_client is None:
                self._async_client = httpx.AsyncClient(**self._client_args(), **self._httpx_args)
            return self._async_client

    async def __aenter__(self) -> Self:
        """Enter a context manager for underlying httpx.AsyncClient—you cannot enter twice (see httpx docs)"""
        await self.get_async_httpx_client().__aenter__()
        return self

    async def __aexit__(self, *args: Any, **kwargs: Any) -> None:
        """Exit a context manager for underlying httpx.AsyncClient (see httpx docs)"""
        await self.get_async_httpx_client().__aexit__(*args, **kwargs)


@define(eq=False)
class AuthenticatedClient(Client):
    """A Client which has been authenticated for use on secured endpoints

    ``AuthenticatedClient(token=...)`` sends ``{prefix} {token}`` in the header ``auth_header_name`` of every request.
    The token is in no repr, ``attrs.asdict`` or pickle, and is not written into the ``headers`` you pass.

    The following are accepted as keyword arguments and will be used to construct httpx Clients internally:

        ``base_url``: The base URL for the API, by default the server named in openapi.yaml

        ``cookies``: A dictionary of cookies to be sent with every request

        ``headers``: A dictionary of headers to be sent with every request. It is copied, never written to

        ``timeout``: How long each step of a request may take, by default 60 s and 10 s to connect; None waits for
        ever. API functions will raise httpx.TimeoutException if this is exceeded.

        ``verify_ssl``: Whether or not to verify the SSL certificate of the API server. This should be True in
        production, but can be set to False for testing purposes.

        ``follow_redirects``: Whether or not to follow redirects. Default value is False.

        ``httpx_args``: A dictionary of additional arguments to be passed to the ``httpx.Client`` and
        ``httpx.AsyncClient`` constructor, for example ``transport`` or ``auth``.

    What an API function makes of an answer:

        - one that fits openapi.yaml is parsed, whatever its status: a documented error becomes its error model
          (``Response.parsed``, or the result of ``sync``), it is not raised;
        - one that does not fit (HTML, an empty body, JSON of another shape, an undocumented status) raises
          errors.UnexpectedStatus with its status and body; with ``raise_on_unexpected_status=False`` it is parsed
          as None instead, and ``Response.status_code`` and ``Response.content`` hold what came;
        - ``sync_raw`` and ``asyncio_raw`` return the httpx.Response and judge nothing.

    The ``with_...`` methods return a new client and leave this one, its live httpx clients included, as it was. A client
    set by ``set_httpx_client`` stays with the object it was set on. Clients compare by identity, and cannot be pickled
    or copied: they hold open connections and may hold a key.

    Raises:
        ValueError: The token is empty or not printable ASCII. The message does not show it.
    """

    _token: _Secret = field(kw_only=True, alias="token", converter=_as_secret, repr=False)
    prefix: str = field(default="Basic", kw_only=True)
    """The prefix to use for the Authorization header; an empty one sends the token alone"""
    auth_header_name: str = field(default="Authorization", kw_only=True)
    """The name of the Authorization header"""

    @property
    def token(self) -> str:
        """The token to use for authentication, surrounding white space removed"""
        return self._token.reveal()

    def _request_headers(self) -> httpx.Headers:
        headers = super()._request_headers()
        headers[self.auth_header_name] = f"{self.prefix} {self.token}" if self.prefix else self.token
        return headers
