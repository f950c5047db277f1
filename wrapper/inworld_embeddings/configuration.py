"""Where to send and as whom: arguments beat the environment, the environment beats the defaults."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

from ._core.base_url import check_base_url, is_loopback
from ._core.credentials import TEST_KEY, basic_value, join_key_and_secret
from ._core.secret import Secret
from .errors import ConfigurationError

if TYPE_CHECKING:
    import httpx

_T = TypeVar("_T")

KeyProvider: TypeAlias = Callable[[], str | Awaitable[str]]
Credential: TypeAlias = "Secret | KeyProvider | httpx.Auth"

DEFAULT_BASE_URL = "https://api.inworld.ai"
"""The spec's server [spec]; a test keeps the two equal."""

_NO_KEY = (
    "No API key. Three ways out: set INWORLD_API_KEY (the portal's Base64 value) or pass api_key=; "
    "without key or network, use EmbeddingClient.local() (on the command line: --local); "
    "or run `inworld-embeddings serve` and set INWORLD_EMULATOR_HOST to its host:port."
)

LOCAL_URL = "http://emulator.localhost"
"""Base URL of local mode. Nothing is ever sent there: the in-process transport answers."""


class Carrier(NamedTuple):
    """What carries the bytes, as the user chose it. See `BaseClient` for each."""

    transport: "httpx.AsyncBaseTransport | None" = None
    http_client: "httpx.AsyncClient | None" = None
    proxy: str | None = None
    trust_env: bool = True
    compression: str | None = None


class Limits(NamedTuple):
    """What all calls of a client share. See `BaseClient`."""

    max_concurrency: int
    rate_limit: float | None = None


class Target(NamedTuple):
    """A resolved address and the credential that goes with it."""

    base_url: str
    credential: Credential


def checked_compression(value: object) -> str | None:
    """How answers may be compressed, if at all.

    Raises:
        ConfigurationError: neither "gzip" nor None.
    """
    if value not in ("gzip", None):
        raise ConfigurationError('compression must be "gzip" or None.')
    return None if value is None else str(value)


def resolve(
    environ: Mapping[str, str],
    *,
    api_key: str | KeyProvider | None = None,
    key: str | None = None,
    secret: str | None = None,
    auth: "httpx.Auth | None" = None,
    base_url: str | None = None,
    allow_insecure: bool = False,
) -> Target:
    """The target of a client.

    An emulator named by ``INWORLD_EMULATOR_HOST`` is only ever given the published test key, so that a program
    with a real key can be pointed at it unchanged.

    Raises:
        ConfigurationError: contradicting, missing or malformed settings.
    """
    given = _given_credential(api_key, key, secret, auth)
    if base_url is not None:
        address = check_base_url(base_url, source="base_url", explicit=True, allow_insecure=allow_insecure)
    elif emulator := environ.get("INWORLD_EMULATOR_HOST"):
        return Target(_emulator_url(emulator), emulator_credential())
    elif base := environ.get("INWORLD_API_BASE"):
        address = check_base_url(
            base, source="INWORLD_API_BASE", explicit=False, allow_insecure=allow_insecure
        )
    else:
        address = DEFAULT_BASE_URL
    return Target(address, given or _credential_from(environ))


def emulator_credential() -> Secret:
    """The emulator's published test key."""
    key, _, secret = TEST_KEY.partition(":")
    return join_key_and_secret(key, secret)


def _given_credential(
    api_key: str | KeyProvider | None, key: str | None, secret: str | None, auth: "httpx.Auth | None"
) -> "Credential | None":
    ways = [api_key is not None, key is not None or secret is not None, auth is not None]
    if sum(ways) > 1:
        raise ConfigurationError("Give one of api_key=, key= with secret=, or auth=, not several.")
    if auth is not None:
        if not hasattr(auth, "auth_flow"):
            raise ConfigurationError(f"auth must be an httpx.Auth, not {type(auth).__name__}.")
        return auth
    if api_key is not None:
        return api_key if callable(api_key) else basic_value(api_key)
    return _pair(key, secret, "key=", "secret=")


def _credential_from(environ: Mapping[str, str]) -> Credential:
    if api_key := environ.get("INWORLD_API_KEY"):
        return _named(lambda: basic_value(api_key), "INWORLD_API_KEY")
    key, secret = environ.get("INWORLD_KEY") or None, environ.get("INWORLD_SECRET") or None
    pair = _named(lambda: _pair(key, secret, "INWORLD_KEY", "INWORLD_SECRET"), "INWORLD_KEY, INWORLD_SECRET")
    if pair is None:
        raise ConfigurationError(_NO_KEY)
    return pair


def _pair(key: str | None, secret: str | None, key_name: str, secret_name: str) -> Secret | None:
    if key is None and secret is None:
        return None
    if key is None or secret is None:
        missing, present = (key_name, secret_name) if key is None else (secret_name, key_name)
        raise ConfigurationError(f"{present} is set without {missing}: a credential is the pair.")
    return join_key_and_secret(key, secret)


def _named(check: Callable[[], _T], source: str) -> _T:
    """Runs a check whose messages speak of arguments, for a value from the environment."""
    try:
        return check()
    except ConfigurationError as error:
        raise ConfigurationError(f"{source}: {error}") from None


def _emulator_url(host: str) -> str:
    url = host if "://" in host else f"http://{host}"
    url = check_base_url(url, source="INWORLD_EMULATOR_HOST", explicit=True, allow_insecure=True)
    from urllib.parse import urlsplit  # noqa: PLC0415 - only here

    if not is_loopback(urlsplit(url).hostname or ""):
        raise ConfigurationError(
            "INWORLD_EMULATOR_HOST must be on loopback, such as 127.0.0.1:8080. "
            "For an emulator elsewhere pass base_url= and its own api_key=."
        )
    return url
