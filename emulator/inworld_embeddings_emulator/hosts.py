"""Which machines and pages may reach the emulator: where it may listen, and which ``Host`` it answers to.

A web page can make its own name resolve to 127.0.0.1 and then talk to servers there (DNS rebinding). Its requests
still carry the page's name as ``Host``, so a server that answers to its own names only is out of reach.
"""

import re
from collections.abc import Collection

from inworld_embeddings._settings import address_of, is_loopback
from inworld_embeddings.errors import ConfigurationError

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:@/\s]+)(:[0-9]{1,5})?\Z")


def check_bind(host: str, *, uses_test_key: bool) -> None:
    """Lets a server listen on loopback, or elsewhere with a key of its own.

    Raises:
        ConfigurationError: the published test key would open a server that other machines reach.
    """
    if uses_test_key and not is_loopback(host):
        raise ConfigurationError(
            f"The emulator listens on {host!r} only with an api_key of its own: anyone knows the test key."
        )


def answers_to(header: str, bound: str, allowed: Collection[str] = ()) -> bool:
    """Whether a ``Host`` header names this server: loopback, the address it is bound to, or a name it was given.

    Bound to every address (``0.0.0.0`` or ``::``), it answers to any address but to no further name. Ports are not
    compared, so that a forwarded port works.
    """
    match = _HOST.match(header.strip())
    if not match:
        return False
    name = match[1].strip("[]").lower()
    if is_loopback(name) or name in {bound.lower(), *(host.lower() for host in allowed)}:
        return True
    bound_address = address_of(bound or "0.0.0.0")  # noqa: S104 - what an empty host binds to
    return bound_address is not None and bound_address.is_unspecified and address_of(name) is not None
