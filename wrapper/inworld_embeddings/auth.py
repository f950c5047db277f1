"""Credentials as ``httpx.Auth`` flows, asked again on every attempt.

They work with this package's clients (``auth=``) and with the generated client (``httpx_args={"auth": …}``).
"""

import asyncio
import inspect
from collections.abc import AsyncGenerator, Generator

import httpx

from ._core.credentials import basic_value, join_key_and_secret
from ._core.secret import Secret
from .configuration import Credential, KeyProvider
from .errors import ConfigurationError

_Flow = Generator[httpx.Request, httpx.Response, None]
_AsyncFlow = AsyncGenerator[httpx.Request, httpx.Response]


class _SecretAuth(httpx.Auth):
    """Puts a checked value into the header."""

    def __init__(self, value: Secret) -> None:
        self._value = value

    def auth_flow(self, request: httpx.Request) -> _Flow:
        yield _signed(request, self._value)


class BasicAuth(_SecretAuth):
    """``Authorization: Basic <base64("key:secret")>``, the scheme of the spec.

    Args:
        api_key: The ready base64 value, as the portal's copy button gives it.
        key: With ``secret``, instead of ``api_key``: the two parts.
        secret: See ``key``.

    Raises:
        ConfigurationError: the value cannot be a credential; it is not echoed.
    """

    def __init__(
        self, api_key: str | None = None, *, key: str | None = None, secret: str | None = None
    ) -> None:
        if (api_key is None) == (key is None) or (key is None) != (secret is None):
            raise ConfigurationError("Give api_key, or key= with secret=.")
        pair = (key or "", secret or "")
        super().__init__(basic_value(api_key) if api_key is not None else join_key_and_secret(*pair))


class ProviderAuth(httpx.Auth):
    """Asks a callable for the base64 value on every attempt, so that keys can rotate while a program runs.

    Args:
        provider: Returns the value, or an awaitable of it. An ordinary function runs in a worker thread when it is
            asked from an event loop, so it may block.

    Raises:
        ConfigurationError: on a request, when what the provider returns cannot be a credential.
    """

    def __init__(self, provider: KeyProvider) -> None:
        self._provider = provider

    def sync_auth_flow(self, request: httpx.Request) -> _Flow:
        value = self._provider()
        if inspect.isawaitable(value):
            _close(value)
            raise ConfigurationError("An async key provider needs an async client.")
        yield _signed(request, basic_value(value))

    async def async_auth_flow(self, request: httpx.Request) -> _AsyncFlow:
        if inspect.iscoroutinefunction(self._provider):
            value = await self._provider()
        else:
            value = await asyncio.to_thread(self._provider)
            value = await value if inspect.isawaitable(value) else value
        yield _signed(request, basic_value(value))


def as_auth(credential: Credential) -> httpx.Auth:
    """The flow for any kind of credential."""
    if isinstance(credential, httpx.Auth):
        return credential
    return _SecretAuth(credential) if isinstance(credential, Secret) else ProviderAuth(credential)


def _signed(request: httpx.Request, value: Secret) -> httpx.Request:
    request.headers["Authorization"] = f"Basic {value.reveal()}"
    return request


def _close(awaitable: object) -> None:
    if inspect.iscoroutine(awaitable):
        awaitable.close()
