"""What is behind `JWTAuth`: the signed request for a token, its response, and the token that a whole process shares.

The request goes through an HTTP client of its own, never through the API's, which may follow redirects. It runs in
a thread of its own: so it blocks no event loop, and a caller who gives up does not end it for the others.
"""

import asyncio
import base64
import contextlib
import hmac
import os
import re
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Final, NamedTuple, TypeAlias, cast
from urllib.parse import urlsplit

import httpx
import msgspec

from . import errors
from ._error_mapping import Response, connection_error, status_error
from ._redaction import Redactor, Secret
from ._settings import is_loopback, user_agent
from .details import http_date, timestamp

UNKNOWN_LIFETIME: Final = 60.0
"""Seconds for which a token is used whose lifetime cannot be told."""
TIMEOUT: Final = httpx.Timeout(20.0, connect=5.0)
"""Seconds for each step of a request."""


def key_and_secret(basic: Secret) -> tuple[Secret, Secret]:
    """The two halves of a checked ``base64("key:secret")`` value.

    Raises:
        ConfigurationError: they cannot be signed with; neither is echoed.
    """
    # Printable ASCII. A space or a comma would end the key in the header.
    pair = re.fullmatch(rb"([!-+\--9;-~]+):([ -~]+)", base64.b64decode(basic.reveal()))
    if pair is None:
        raise errors.ConfigurationError("Key or secret has characters that a signed request cannot hold.")
    return Secret(pair[1].decode()), Secret(pair[2].decode())


def authorization(key: Secret, secret: Secret, now: float, nonce: str) -> Secret:
    """The ``Authorization`` header of a request for a token, by the scheme IW1-HMAC-SHA256 [inworld].

    It holds the key, the time, a nonce of 11 hex characters that is fresh for every request, and the signature of all.
    Every step of the signature feeds the raw bytes of the one before; one published sample has hex in between, and is
    wrong. The host and method in it are always these two, whatever host the request goes to.
    """
    moment = datetime.fromtimestamp(now, UTC).strftime("%Y%m%d%H%M%S")
    signed_names = ("api-engine.inworld.ai", "ai.inworld.engine.WorldEngine/GenerateToken")
    link = b"IW1" + secret.reveal().encode()
    for part in (moment, *signed_names, nonce, "iw1_request"):
        link = hmac.digest(link, part.encode(), "sha256")
    values = f"ApiKey={key.reveal()},DateTime={moment},Nonce={nonce},Signature={link.hex()}"
    return Secret(f"IW1-HMAC-SHA256 {values}")


class _Body(msgspec.Struct, rename="camel"):
    # What may stand in a header: RFC 6750, section 2.1.
    token: Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9._~+/-]{1,16384}={0,2}\Z")]
    type: Annotated[str, msgspec.Meta(pattern=r"\A(?i:bearer)?\Z")] | None = None
    expiration_time: Any = None


def read_token(response: Response, *, now: float, leeway: float) -> tuple[Secret, float]:
    """The token in a response, and the seconds for which to use it: until ``leeway`` seconds before its end.

    Its lifetime is ``expirationTime`` minus the response's own ``Date``, so that our clock does not count. Without
    a ``Date`` our clock has to do. An end that is already past tells nothing: then the lifetime is unknown.

    Raises:
        APIResponseValidationError: no bearer token in it. Nothing of the body is echoed.
    """
    try:
        body = msgspec.json.decode(response.body, type=_Body)
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise errors.APIResponseValidationError(
            f"HTTP {response.status} without a bearer token in it. Check token_url; a login page may be in between."
        ) from None
    ends, server_now = timestamp(body.expiration_time), _server_time(response)
    lifetime = ends.timestamp() - (now if server_now is None else server_now) if ends else 0.0
    if lifetime <= 0:
        return Secret(body.token), UNKNOWN_LIFETIME
    return Secret(body.token), lifetime - min(leeway, lifetime / 2)


def refusal(response: Response, *, now: float, redactor: Redactor) -> errors.APIError:
    """The exception for a response that is not 2xx. What elsewhere is about a text is about the credential here."""
    error, clock = status_error(response, now=now, redactor=redactor), ""
    server_now = _server_time(response)
    if response.status in (400, 401, 403) and server_now is not None:
        skew = round(now - server_now)
        side = "behind" if skew < 0 else "ahead of"
        clock = f" Signatures hold the time: this machine's clock is {abs(skew)} s {side} the server's."
    about_text = isinstance(error, errors.BadRequestError | errors.RequestTooLargeError)
    return (errors.AuthenticationError if about_text else type(error))(f"{error}{clock}", **vars(error))


def _server_time(response: Response) -> float | None:
    """The response's ``Date``, seconds since the epoch."""
    return http_date(response.header("date") or "")


class Token(NamedTuple):
    """What goes after ``Bearer``, and when to renew it, by the wall clock and by the monotonic one."""

    value: Secret
    wall_end: float
    monotonic_end: float


_Outcome: TypeAlias = "Token | errors.InworldEmbeddingsError"


@dataclass(eq=False)
class SharedToken:
    """The current token; asks for another when there is none, it is old, or it was refused.

    All threads, event loops and forked children of a process use it. However many need a new one, one request is sent,
    and what comes of it, token or error, is for all of them. A token is old when the monotonic or the wall clock says
    so: the first is right when somebody sets the second, the second is right after the machine slept.

    What is not said here is as for `JWTAuth`.

    Attributes:
        http_client: None stands for a client for every request.
        patience: Seconds after which a request is given up: a server may feed it a byte at a time for ever.
    """

    url: str
    key: Secret
    secret: Secret
    workspace: str
    leeway: float
    http_client: httpx.Client | None
    clock: Callable[[], float]
    monotonic: Callable[[], float]
    patience: float = 30.0
    token: Token | None = field(default=None, init=False)
    request: "Future[_Outcome] | None" = field(default=None, init=False)
    lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __post_init__(self) -> None:
        _all.add(self)

    def get(self, refused: Secret | None = None) -> Secret:
        """A token, other than the refused one. Blocks while it is fetched.

        Raises:
            InworldEmbeddingsError: there is none to be had; the message names the endpoint.
        """
        found = self._token_or_request(refused)
        if isinstance(found, Secret):
            return found
        wait([found], self.patience)
        return self._result(found)

    async def aget(self, refused: Secret | None = None) -> Secret:
        """As `get`, without blocking the event loop."""
        found = self._token_or_request(refused)
        if isinstance(found, Secret):
            return found
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.patience):
                await asyncio.wrap_future(found)
        return self._result(found)

    def _token_or_request(self, refused: Secret | None) -> "Secret | Future[_Outcome]":
        with self.lock:
            token = self.token
            is_fresh = token and self.clock() < token.wall_end and self.monotonic() < token.monotonic_end
            if token and is_fresh and token.value is not refused:
                return token.value
            if self.request is None:
                request: Future[_Outcome] = Future()
                request.set_running_or_notify_cancel()  # from here on nobody's cancellation reaches it
                threading.Thread(target=self._run, args=(request,), name="inworld-token", daemon=True).start()
                self.request = request
            return self.request

    def _result(self, request: "Future[_Outcome]") -> Secret:
        if not request.done():
            self._end(request, None)
            raise errors.APITimeoutError(f"No token from {self.url}: no response within {self.patience:g} s.")
        outcome = request.result()
        if isinstance(outcome, Token):
            return outcome.value
        raise type(outcome)(str(outcome), **vars(outcome))  # each waiter its own: they add to it

    def _end(self, request: "Future[_Outcome]", token: Token | None) -> None:
        """From here on, whoever finds no token asks anew."""
        with self.lock:
            if self.request is request:
                self.request, self.token = None, token or self.token

    def _run(self, request: "Future[_Outcome]") -> None:
        outcome: _Outcome
        try:
            outcome = self._fetch()
        except errors.InworldEmbeddingsError as error:
            # Anew, without traceback: that leads to the request, and its key. What the API's errors share with
            # these speaks of the client's address.
            message = str(error).replace("base_url", "token_url")
            outcome = type(error)(f"No token from {self.url}: {message}", **vars(error))
        except BaseException as error:  # noqa: BLE001 - whatever it is, whoever waits must hear of it
            kind = type(error).__name__
            outcome = errors.ConfigurationError(f"No token from {self.url}: the HTTP client raised {kind}.")
        self._end(request, outcome if isinstance(outcome, Token) else None)
        request.set_result(outcome)

    def _fetch(self) -> Token:
        wall, monotonic = self.clock(), self.monotonic()
        signed = authorization(self.key, self.secret, wall, os.urandom(6).hex()[:11])
        redactor = Redactor([self.key, self.secret, signed.reveal().rpartition("=")[2]])
        try:
            response = self._send(signed)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise connection_error(error, redactor) from None
        if response.status >= 300:
            raise refusal(response, now=self.clock(), redactor=redactor)
        value, use_for = read_token(response, now=self.clock(), leeway=self.leeway)
        return Token(value, wall + use_for, monotonic + use_for)

    def _send(self, signed: Secret) -> Response:
        # On loopback no proxy of the environment: it would see the request in clear.
        trust_env, given = not is_loopback(urlsplit(self.url).hostname or ""), self.http_client
        own_or_given = httpx.Client(trust_env=trust_env) if given is None else contextlib.nullcontext(given)
        headers = {"accept-encoding": "identity", "user-agent": user_agent(None)}
        headers["authorization"] = signed.reveal()
        body = {"key": self.key.reveal(), "resources": [f"workspaces/{self.workspace}"]}
        with (
            own_or_given as client,
            client.stream(
                "POST",
                self.url,
                headers=headers,
                json=body,
                timeout=TIMEOUT,
                auth=None,
                follow_redirects=False,
            ) as response,
        ):
            content = b""
            # iter_raw refuses a body that is there already.
            for chunk in cast("httpx.SyncByteStream", response.stream):
                content += chunk
                if len(content) >= 64 * 1024:  # far more than a token
                    break
        return Response(response.status_code, response.headers.raw, content)


_all: "weakref.WeakSet[SharedToken]" = weakref.WeakSet()


def _after_fork() -> None:
    """In a child: the thread that asked stayed with the parent, and so did whoever held the lock."""
    for shared in _all:
        shared.lock, shared.request = threading.Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
