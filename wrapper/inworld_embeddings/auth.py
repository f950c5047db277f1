"""Credentials as ``httpx.Auth`` flows, asked again on every attempt.

They work with this package's clients (``auth=``) and with the generated client (``httpx_args={"auth": …}``).
"""

import asyncio
import contextlib
import inspect
import math
import os
import re
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import Future, wait
from functools import partial
from typing import Any, Final, NamedTuple, NoReturn, Protocol, TypeAlias
from urllib.parse import urlsplit

import httpx

from ._error_mapping import Response, as_httpx, exchange_error
from ._http.connect import in_daemon_thread, tls_context
from ._http.httpx2 import is_httpx2
from ._jwt import authorization, key_and_secret, read_token, refusal
from ._redaction import Redactor, Secret, arguments_hidden
from ._settings import (
    basic_value,
    check_base_url,
    credential_from,
    given_credential,
    is_loopback,
    user_agent,
)
from .errors import APITimeoutError, ConfigurationError, InworldEmbeddingsError
from .options import KeyProvider

TOKEN_URL: Final = "https://api.inworld.ai/auth/v1/tokens/token:generate"  # noqa: S105 - an address
"""Where tokens come from [inworld]."""

_REFUSED: Final = (401, 403)

_Flow = Generator[httpx.Request, httpx.Response, None]
_AsyncFlow = AsyncGenerator[httpx.Request, httpx.Response]


class BasicAuth(httpx.Auth):
    """``Authorization: Basic <base64("key:secret")>``, the scheme of the spec.

    Args:
        api_key: The ready base64 value, as the portal's copy button gives it.
        key: With ``secret``, instead of ``api_key``: the two parts.
        secret: See ``key``.

    Raises:
        ConfigurationError: the value cannot be a credential; it is not echoed.
    """

    @arguments_hidden
    def __init__(
        self, api_key: str | None = None, *, key: str | None = None, secret: str | None = None
    ) -> None:
        value = given_credential(api_key, key, secret)
        if not isinstance(value, Secret):
            raise ConfigurationError("Give api_key, a str, or key= with secret=.")
        self._value = value

    def auth_flow(self, request: httpx.Request) -> _Flow:
        yield _signed(request, "Basic", self._value)


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
            if inspect.iscoroutine(value):
                value.close()
            raise ConfigurationError(
                "This key provider is async, and the HTTP client is not. Use a function, or httpx.AsyncClient."
            )
        yield _signed(request, "Basic", basic_value(value))

    async def async_auth_flow(self, request: httpx.Request) -> _AsyncFlow:
        if inspect.iscoroutinefunction(self._provider):
            value = await self._provider()
        else:
            value = await in_daemon_thread(self._provider)
            value = await value if inspect.isawaitable(value) else value
        yield _signed(request, "Basic", basic_value(value))


class _Token(NamedTuple):
    value: Secret
    # It is old when either clock says so: somebody may set the wall clock, the monotonic one may stop in a sleep.
    wall_end: float
    monotonic_end: float


_Outcome: TypeAlias = _Token | InworldEmbeddingsError


class HTTPClient(Protocol):
    """A ``Client`` of httpx or httpx2."""

    def build_request(
        self, method: str, url: str, /, *, headers: Any = ..., json: Any = ..., timeout: Any = ...
    ) -> Any: ...

    def send(
        self, request: Any, /, *, stream: bool = ..., auth: Any = ..., follow_redirects: Any = ...
    ) -> Any: ...


class JWTAuth(httpx.Auth):
    """``Authorization: Bearer <token>``, with tokens made from key and secret at Inworld's token endpoint.

    The first request fetches a token; all threads, event loops and forked children of the process use it until
    shortly before its end. When the API answers 401 or 403, one new token is fetched and the request sent once more;
    a second refusal stands. For async use it needs asyncio. docs/use/signed-tokens.md says more.

    Args:
        api_key: The portal's base64 value; key and secret are inside. Default: ``INWORLD_API_KEY``.
        key: With ``secret``, instead of ``api_key``. Default: ``INWORLD_KEY``.
        secret: See ``key``. Default: ``INWORLD_SECRET``.
        workspace: Id of the workspace that tokens open. Default: ``INWORLD_WORKSPACE``.
        token_url: Where tokens come from: https, or http on loopback.
        leeway: Seconds before its end at which a token is renewed. Of a short life, half at most is given up.
        http_client: A ``Client`` of httpx or httpx2, which carries the requests for tokens (proxy, certificates); not
            closed here. Default: a client of its own, which heeds ``HTTPS_PROXY`` and ``SSL_CERT_FILE``, except on loopback.
        clock: Wall clock, seconds since the epoch.
        monotonic: A clock that nobody sets, seconds.

    Raises:
        ConfigurationError: settings that cannot work. Nothing of a credential is echoed.
        AuthenticationError: on a request: no token is given for this credential.
        PermissionDeniedError: on a request: nor may it have one; see the message on this machine's clock.
        APIError: on a request, as for any other: the endpoint was not reached, or its response holds no token.
    """

    _patience = 30.0
    """Seconds after which a request for a token is given up: a server may feed it a byte at a time for ever."""

    @arguments_hidden
    def __init__(
        self,
        api_key: str | None = None,
        *,
        key: str | None = None,
        secret: str | None = None,
        workspace: str | None = None,
        token_url: str = TOKEN_URL,
        leeway: float = 60.0,
        http_client: HTTPClient | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = check_base_url(token_url, source="token_url", looked_up=True)
        if not (math.isfinite(leeway) and leeway >= 0):
            raise ConfigurationError(f"leeway must be a number of seconds, 0 or more; it is {leeway}.")
        if not (
            http_client is None or isinstance(http_client, httpx.Client) or is_httpx2(http_client, "Client")
        ):
            raise ConfigurationError(
                "http_client must be a Client of httpx or httpx2, not an asynchronous one."
            )
        basic = given_credential(api_key, key, secret) or credential_from(os.environ)
        if not isinstance(basic, Secret):
            raise ConfigurationError(f"api_key must be a str, not {type(api_key).__name__}.")
        self._key, self._secret = key_and_secret(basic)
        self.secrets = (self._key, self._secret, basic)
        self._workspace = _workspace(workspace)
        self._leeway, self._http_client, self._clock, self._monotonic = leeway, http_client, clock, monotonic
        self._token: _Token | None = None
        self._pid, self._lock = os.getpid(), threading.Lock()
        self._request: Future[_Outcome] | None = None

    secrets: tuple[Secret, ...]
    """Key, secret and their base64 value, which a service may echo although only a token was sent. They are redacted."""

    def sync_auth_flow(self, request: httpx.Request) -> _Flow:
        request.read()  # it may have to be sent twice
        token = self._get()
        response = yield _signed(request, "Bearer", token)
        if response.status_code in _REFUSED:
            yield _signed(request, "Bearer", self._get(refused=token))

    async def async_auth_flow(self, request: httpx.Request) -> _AsyncFlow:
        await request.aread()
        token = await self._aget()
        response = yield _signed(request, "Bearer", token)
        if response.status_code in _REFUSED:
            yield _signed(request, "Bearer", await self._aget(refused=token))

    def __repr__(self) -> str:
        return f"JWTAuth(token_url={self._url!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A JWTAuth does not pickle: it holds a key. Make one in the other process.")

    def _get(self, refused: Secret | None = None) -> Secret:
        """A token, other than the refused one. Blocks while it is fetched."""
        found = self._token_or_request(refused)
        if isinstance(found, Future):
            wait([found], self._patience)
        return self._result(found)

    async def _aget(self, refused: Secret | None = None) -> Secret:
        """As `_get`, without blocking the event loop."""
        found = self._token_or_request(refused)
        if isinstance(found, Future):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.wrap_future(found), self._patience)
        return self._result(found)

    def _token_or_request(self, refused: Secret | None) -> Secret | Future[_Outcome]:
        """A fresh token, or the request for one: however many wait for it, one is sent.

        It runs in a thread of its own: so it blocks no event loop, and a caller who gives up does not end it for the
        others.
        """
        if self._pid != os.getpid():  # in a forked child: who asked, or held the lock, stayed with the parent
            self._lock, self._request, self._pid = threading.Lock(), None, os.getpid()
        with self._lock:
            token = self._token
            is_fresh = token and self._clock() < token.wall_end and self._monotonic() < token.monotonic_end
            if token and is_fresh and token.value is not refused:
                return token.value
            if self._request is None:
                self._request = Future()
                self._request.set_running_or_notify_cancel()  # from here on nobody's cancellation reaches it
                thread = threading.Thread(
                    target=self._run, args=(self._request,), name="inworld-token", daemon=True
                )
                thread.start()
            return self._request

    def _result(self, found: Secret | Future[_Outcome]) -> Secret:
        if isinstance(found, Secret):
            return found
        if not found.done():
            self._end(found)
            raise APITimeoutError(f"No token from {self._url}: no response within {self._patience:g} s.")
        outcome = found.result()
        if isinstance(outcome, _Token):
            return outcome.value
        raise type(outcome)(str(outcome), **vars(outcome))  # each waiter its own: they add to it

    def _end(self, request: Future[_Outcome], token: _Token | None = None) -> None:
        """From here on, whoever finds no token asks anew."""
        with self._lock:
            if self._request is request:
                self._request, self._token = None, token or self._token

    def _run(self, request: Future[_Outcome]) -> None:
        outcome: _Outcome
        try:
            outcome = self._fetch()
        except InworldEmbeddingsError as error:
            # Anew, without traceback: that leads to the request, and its key. What the API's errors share with
            # these speaks of the client's address.
            message = str(error).replace("base_url", "token_url")
            outcome = type(error)(f"No token from {self._url}: {message}", **vars(error))
        except BaseException as error:  # noqa: BLE001 - whatever it is, whoever waits must hear of it
            kind = type(error).__name__
            outcome = ConfigurationError(f"No token from {self._url}: the HTTP client raised {kind}.")
        self._end(request, outcome if isinstance(outcome, _Token) else None)
        request.set_result(outcome)

    def _fetch(self) -> _Token:
        wall, monotonic = self._clock(), self._monotonic()
        signed = authorization(self._key, self._secret, wall, os.urandom(6).hex()[:11])
        redactor = Redactor([self._key, self._secret, signed.reveal().rpartition("=")[2]])
        try:
            response = self._send(signed)
        except Exception as error:
            if not isinstance(as_httpx(error), httpx.HTTPError | httpx.InvalidURL):
                raise
            raise exchange_error(error, redactor) from None
        if response.status >= 300:
            raise refusal(response, now=self._clock(), redactor=redactor)
        value, use_for = read_token(response, now=self._clock(), leeway=self._leeway)
        return _Token(value, wall + use_for, monotonic + use_for)

    def _send(self, signed: Secret) -> Response:
        """The response to a signed request, never sent by the API's HTTP client: that may follow redirects."""
        # On loopback no proxy of the environment: it would see the request in clear.
        trust_env, given = not is_loopback(urlsplit(self._url).hostname or ""), self._http_client
        own = partial(httpx.Client, trust_env=trust_env, verify=tls_context(trust_env=True))
        own_or_given = own() if given is None else contextlib.nullcontext(given)
        headers = {
            "authorization": signed.reveal(),
            "accept-encoding": "identity",
            "user-agent": user_agent(None),
        }
        body = {"key": self._key.reveal(), "resources": [f"workspaces/{self._workspace}"]}
        timeout = 5.0, 20.0, 20.0, 20.0  # seconds to connect, and for each other step
        content = b""
        with own_or_given as client:
            request = client.build_request("POST", self._url, headers=headers, json=body, timeout=timeout)
            response = client.send(request, stream=True, auth=None, follow_redirects=False)
            with contextlib.closing(response):
                for chunk in response.iter_bytes():
                    content += chunk
                    if len(content) >= 64 * 1024:  # far more than a token
                        break
        return Response(response.status_code, response.headers.raw, content)


def _signed(request: httpx.Request, scheme: str, value: Secret) -> httpx.Request:
    request.headers["Authorization"] = f"{scheme} {value.reveal()}"
    return request


def _workspace(given: str | None) -> str:
    found = os.environ.get("INWORLD_WORKSPACE") if given is None else given
    if not found:
        raise ConfigurationError("No workspace. Pass workspace=, its id, or set INWORLD_WORKSPACE.")
    name = found.removeprefix("workspaces/")
    if not re.fullmatch(r"[!-.0-~]+", name):
        raise ConfigurationError("workspace must be the bare id: printable ASCII, no spaces or slashes.")
    return name
