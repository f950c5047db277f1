"""Where a client sends, as whom, and through what: arguments beat the environment, the environment beats defaults.

Also how a client's settings travel to another process, which they do without a key.
"""

import base64
import binascii
import ipaddress
import os
import re
import sys
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any, NamedTuple, TypeAlias, cast
from urllib.parse import SplitResult, urlsplit

from ._redaction import Secret
from ._version import VENDORED, __version__
from .errors import ConfigurationError
from .options import AsyncHTTPClient, AsyncTransport, AuthFlow, KeyProvider, Verify

Credential: TypeAlias = "Secret | KeyProvider | AuthFlow"

DEFAULT_BASE_URL = "https://api.inworld.ai"
"""The spec's server [spec]; a test keeps the two equal."""

LOCAL_URL = "http://emulator.localhost"
"""Base URL of local mode. Nothing is ever sent there: the transport is in-process."""

TEST_KEY = "local:local"
"""The published test credential, ``key:secret``. It opens emulators and nothing else."""


class Settings(NamedTuple):
    """What all calls of a client share, resolved and checked. See `ClientOptions` for what is not explained here.

    Attributes:
        base_url: Origin and base path that requests go to.
        credential: Goes with each of them.
        user_agent: The whole header.
        verify: A path is a str.
        extra_headers: Names in lower case.
    """

    base_url: str
    credential: Credential
    user_agent: str
    verify: Verify
    extra_headers: Mapping[str, Secret]
    max_concurrency: int
    rate_limit: float | None
    transport: AsyncTransport | None
    http_client: AsyncHTTPClient | None
    proxy: str | None
    trust_env: bool
    compression: str | None


def resolve(options: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """The settings of a client from its complete, checked options and the environment.

    Raises:
        ConfigurationError: contradicting, missing or malformed settings. No key is echoed.
    """
    base_url, credential = _target(options, environ)
    return Settings(
        base_url,
        credential,
        user_agent(options["user_agent"]),
        _verify(options),
        {name.lower(): Secret(value) for name, value in (options["extra_headers"] or {}).items()},
        **{name: options[name] for name in Settings._fields[5:]},
    )


def _verify(options: Mapping[str, Any]) -> Verify:
    """The certificates to trust; a path as a str."""
    verify = options["verify"]
    if verify is True:
        return True
    if options["transport"] is not None or options["http_client"] is not None:
        raise ConfigurationError(
            "verify= is about the client's own connections. Those of transport= and http_client= have their own."
        )
    if verify is False and not options["allow_insecure"]:
        raise ConfigurationError(
            "verify=False would give the key to whoever answers. Name the certificate to trust, such as "
            "verify='ca.pem', or pass allow_insecure=True."
        )
    if not isinstance(verify, str | os.PathLike):
        return cast("Verify", verify)
    path = os.fspath(verify)
    if not os.access(path, os.F_OK):
        raise ConfigurationError(f"verify={path!r}: there is no such file or folder.")
    return path


def _target(options: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[str, Credential]:
    """The base URL and the credential that goes with it.

    An emulator named by ``INWORLD_EMULATOR_HOST`` is only ever given the published test key, so that a program
    with a real key can be pointed at it unchanged.
    """
    given = given_credential(options["api_key"], options["key"], options["secret"], options["auth"])
    insecure = options["allow_insecure"]
    if options["base_url"] is not None:
        others = options["transport"] is not None or options["http_client"] is not None
        address = check_base_url(
            options["base_url"], source="base_url", allow_insecure=insecure, looked_up=others
        )
    elif emulator := environ.get("INWORLD_EMULATOR_HOST"):
        return _emulator_url(emulator), emulator_credential()
    elif base := environ.get("INWORLD_API_BASE"):
        address = check_base_url(base, source="INWORLD_API_BASE", allow_insecure=insecure)
        if not is_loopback(host := urlsplit(base).hostname or "") and host != _API_HOST:
            raise ConfigurationError(
                f"INWORLD_API_BASE names a host that is not {_API_HOST} or loopback. "
                "If you trust it with your key, pass it as base_url=."
            )
    else:
        address = DEFAULT_BASE_URL
    return address, given or credential_from(environ)


# Credentials. The portal gives base64("key:secret"), which goes into ``Authorization: Basic …`` as it is [inworld].

_WAYS = "Copy the value of the portal's Basic (Base64) button, or pass key= and secret=."


def emulator_credential() -> Secret:
    """The emulator's published test key."""
    key, secret = TEST_KEY.split(":")
    return join_key_and_secret(key, secret)


def given_credential(
    api_key: str | KeyProvider | None, key: str | None, secret: str | None, auth: AuthFlow | None = None
) -> "Credential | None":
    """The credential that the arguments hold, if they hold one.

    Raises:
        ConfigurationError: more than one way is used, or what is given cannot be a credential.
    """
    ways = [api_key is not None, key is not None or secret is not None, auth is not None]
    if sum(ways) > 1:
        raise ConfigurationError("Give one of api_key=, key= with secret=, or auth=, not several.")
    if auth is not None:
        if not hasattr(auth, "auth_flow"):
            raise ConfigurationError(f"auth must be an Auth of httpx or httpx2, not {type(auth).__name__}.")
        return auth
    if api_key is not None:
        return api_key if callable(api_key) else basic_value(api_key)
    return None if key is None and secret is None else join_key_and_secret(key, secret)


def credential_from(environ: Mapping[str, str]) -> Secret:
    """The credential that the environment names.

    Raises:
        ConfigurationError: there is none, or it cannot be one.
    """
    if api_key := environ.get("INWORLD_API_KEY"):
        return basic_value(api_key, "INWORLD_API_KEY")
    key, secret = environ.get("INWORLD_KEY") or None, environ.get("INWORLD_SECRET") or None
    if key is None and secret is None:
        raise ConfigurationError(
            "No API key. Three ways out: set INWORLD_API_KEY (the portal's Base64 value) or pass api_key=; "
            "without key or network, use EmbeddingClient.local() (on the command line: --local); "
            "or run `inworld-embeddings serve` and set INWORLD_EMULATOR_HOST to its host:port."
        )
    return join_key_and_secret(key, secret, ("INWORLD_KEY", "INWORLD_SECRET"))


def basic_value(api_key: str, name: str = "api_key") -> Secret:
    """The ready base64 value, checked; messages call it by the name.

    Raises:
        ConfigurationError: whitespace, control characters, another alphabet, or no ``key:secret`` inside.
    """
    _check_plain(name, api_key)
    if api_key.lower().startswith(("basic ", "bearer ")):
        raise ConfigurationError(f"{name} is the bare value, without 'Basic ' or 'Bearer ' before it.")
    if ":" in api_key:
        raise ConfigurationError(f"{name} looks like key:secret, not its base64 value. {_WAYS}")
    try:
        key, _, secret = base64.b64decode(api_key, validate=True).partition(b":")
    except binascii.Error:
        raise ConfigurationError(
            f"{name} is not base64: a part may be missing, or there are other characters in it. {_WAYS}"
        ) from None
    if not (key and secret):
        raise ConfigurationError(f"{name} is base64, but not of key:secret. {_WAYS}")
    return Secret(api_key)


def join_key_and_secret(
    key: str | None, secret: str | None, names: tuple[str, str] = ("key", "secret")
) -> Secret:
    """``base64("key:secret")`` of a pair, checked; messages call the two by the names.

    Raises:
        ConfigurationError: a part is missing or empty, whitespace, control characters, or a colon in the key.
    """
    if key is None or secret is None:
        present, missing = names if secret is None else reversed(names)
        raise ConfigurationError(f"{present} is set without {missing}: a credential is the pair.")
    _check_plain(names[0], key)
    _check_plain(names[1], secret)
    if ":" in key:
        raise ConfigurationError(
            f"{names[0]} contains a colon: what is before it is the key, what is after it the secret."
        )
    return Secret(base64.b64encode(f"{key}:{secret}".encode()).decode())


def _check_plain(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise ConfigurationError(f"{name} must be a str, not {type(value).__name__}.")
    if not value:
        raise ConfigurationError(f"{name} is empty.")
    if value != value.strip():
        raise ConfigurationError(f"{name} starts or ends with whitespace or a newline: strip it.")
    if not value.isascii() or not value.isprintable():
        raise ConfigurationError(f"{name} contains a control or non-ASCII character.")


# Addresses. Catalogue rows A10 to A12: https only except on loopback, nothing but scheme, host, port and path, and an
# address from the environment must be one we know.

_API_HOST = "api.inworld.ai"
_HOST = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_-]{1,63})*\.?\Z")
_PLACE = re.compile(r"(\[[^\[\]]*\]|[^\[\]]*)(:\d*)?\Z")
"""Host and port. urlsplit drops what stands around brackets without a word: x[::1]y:1."""


def check_base_url(url: str, *, source: str, allow_insecure: bool = False, looked_up: bool = False) -> str:
    """The URL without a trailing slash, if the key may be sent there.

    Args:
        url: What was configured.
        source: Its name in messages: ``base_url`` or an environment variable.
        allow_insecure: Permit http:// beyond loopback.
        looked_up: Whether somebody else opens the connection, and may look up a name below localhost, which can be anywhere.

    Raises:
        ConfigurationError: anything else. The URL itself is not echoed: it may hold a password.
    """
    parts = _split(url, source)
    loopback = is_loopback(parts.hostname or "", with_names_below=not looked_up)
    if parts.scheme == "http" and not loopback and not allow_insecure:
        raise ConfigurationError(
            f"{source} is http://, which would send the key in clear. Use https://, or allow_insecure=True."
        )
    return url.rstrip("/")


def is_loopback(host: str, *, with_names_below: bool = True) -> bool:
    """Whether a host name or address never leaves this machine; names below localhost do not if nobody looks them up."""
    name, address = host.rstrip(".").lower(), address_of(host)
    if address is not None:
        return address.is_loopback
    return name == "localhost" or (with_names_below and name.endswith(".localhost"))


def address_of(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The IP address that a host is written as; None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _split(url: object, source: str) -> SplitResult:
    if not isinstance(url, str) or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise ConfigurationError(f"{source} must be a plain ASCII URL such as https://api.inworld.ai.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ConfigurationError(f"{source} has a port or address that is not valid.") from None
    if parts.scheme not in ("https", "http"):
        raise ConfigurationError(f"{source} must start with https:// (or http:// on loopback).")
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError(
            f"{source} must not hold a user name or password: use api_key=, or key= and secret=."
        )
    if "?" in url or "#" in url:
        raise ConfigurationError(f"{source} must not hold a query or a fragment.")
    host = parts.hostname or ""
    if port == 0 or not (address_of(host) or _HOST.match(host)) or not _PLACE.match(parts.netloc):
        raise ConfigurationError(f"{source} has no valid host, or port 0.")
    return parts


def _emulator_url(host: str) -> str:
    url = host if "://" in host else f"http://{host}"
    url = check_base_url(url, source="INWORLD_EMULATOR_HOST", allow_insecure=True)
    if not is_loopback(urlsplit(url).hostname or ""):
        raise ConfigurationError(
            "INWORLD_EMULATOR_HOST must be on loopback, such as 127.0.0.1:8080. "
            "For an emulator elsewhere pass base_url= and its own api_key=."
        )
    return url


def user_agent(prefix: str | None) -> str:
    """This package's name and version, after the caller's own; a copy inside another package says so."""
    own = f"inworld-embeddings/{__version__}{' (vendored)' if VENDORED else ''}"
    return f"{prefix.strip()} {own}" if prefix else own


# Pickles: how to make a client again in another process. A copy within the process keeps its credential.

_STAYS = {
    "transport": "its transport= belongs to this process",
    "http_client": "its http_client= belongs to this process",
    "auth": "its auth= may hold a key",
    "extra_headers": "its extra_headers= may hold a key",
}


def travelling(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The keywords a client was made with, keys left out, if all of them may travel.

    Raises:
        TypeError: one that cannot travel and that nothing replaces; names it.
    """
    stays = [why for name, why in _STAYS.items() if given.get(name) is not None]
    provider = given.get("api_key")
    if provider is not None and not _is_importable(provider):
        stays.append(
            "its key provider may hold a key; a function that can be imported from a module travels by name"
        )
    if "@" in (given.get("proxy") or ""):
        stays.append("its proxy= holds a password")
    if not isinstance(given.get("verify", True), bool | str | os.PathLike):
        stays.append("its verify= belongs to this process; a path travels")
    if stays:
        raise TypeError(f"This client does not pickle: {stays[0]}. Make one in the other process instead.")
    return given


def _is_importable(provider: object) -> bool:
    """Whether every pickler writes it as a name. Some write what is of ``__main__``, or nested, with all it holds."""
    if not isinstance(provider, FunctionType) or provider.__module__ == "__main__":
        return False
    found: Any = sys.modules.get(provider.__module__)
    for name in provider.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is provider


def fingerprint(credential: Credential) -> bytes | None:
    """What tells a key from another without giving it away; None for what is no key."""
    if not isinstance(credential, Secret):
        return None
    import hashlib  # noqa: PLC0415 - loads OpenSSL

    return hashlib.sha256(b"inworld-embeddings " + credential.reveal().encode()).digest()[:8]


def made_again(maker: Callable[..., Any], given: Mapping[str, Any], owner: bytes | None = None) -> Any:
    """A client from what travelled: what makes one, its keywords, and the fingerprint of a key it was given as one.

    Raises:
        ConfigurationError: the settings do not work here; above all, there is no key, or another one.
    """
    try:
        made = maker(**given)
    except ConfigurationError as error:
        raise ConfigurationError(f"A client's key does not travel in a pickle. Here: {error}") from None
    if owner is not None and fingerprint(made._settings.credential) != owner:  # noqa: SLF001 - a client's
        raise ConfigurationError(
            "A client's key does not travel in a pickle, and the environment here holds another key than the one this "
            "client was made with. Set INWORLD_API_KEY to that one, pass a key provider that can be imported, or make "
            "the client here."
        )
    return made
