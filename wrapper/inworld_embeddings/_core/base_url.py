"""Decides whether a base URL may be given the key.

Catalogue rows A10 to A12: https only except on loopback, nothing but scheme, host, port and path in it, and an
address that came from the environment must be one we know.
"""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from ..errors import ConfigurationError

KNOWN_HOSTS = frozenset({"api.inworld.ai"})

_HOST = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_-]{1,63})*\.?\Z")

_PLACE = re.compile(r"(\[[^\[\]]*\]|[^\[\]]*)(:\d*)?\Z")
"""Host and port. urlsplit drops what stands around brackets without a word: x[::1]y:1."""


def check_base_url(url: str, *, source: str, explicit: bool, allow_insecure: bool = False) -> str:
    """The URL without a trailing slash, if the key may be sent there.

    Args:
        url: What was configured.
        source: Its name in messages: ``base_url`` or an environment variable.
        explicit: Whether it was passed by the program (any host) or found in the environment (known hosts).
        allow_insecure: Permit http:// beyond loopback.

    Raises:
        ConfigurationError: anything else. The URL itself is not echoed: it may hold a password.
    """
    parts = _split(url, source)
    host = parts.hostname or ""
    loopback = is_loopback(host)
    if parts.scheme == "http" and not loopback and not allow_insecure:
        raise ConfigurationError(
            f"{source} is http://, which would send the key in clear. Use https://, or allow_insecure=True."
        )
    if not explicit and not loopback and host not in KNOWN_HOSTS:
        raise ConfigurationError(
            f"{source} names a host that is not {', '.join(sorted(KNOWN_HOSTS))} or loopback. "
            "If you trust it with your key, pass it as base_url=."
        )
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host name or address never leaves this machine."""
    if host.rstrip(".").lower() == "localhost" or host.lower().rstrip(".").endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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
    if port == 0 or not _is_host(parts.hostname) or not _PLACE.match(parts.netloc):
        raise ConfigurationError(f"{source} has no valid host, or port 0.")
    return parts


def _is_host(host: str | None) -> bool:
    if not host:
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return bool(_HOST.match(host))
    return True
