"""What ends an exchange, where httpx has no name of its own for it."""

import httpx


class StaleConnectionError(httpx.RemoteProtocolError):
    """A connection that had been used before ended before a byte of this answer came."""


class WrongSchemeError(httpx.RemoteProtocolError):
    """A request in clear was answered in TLS."""


class OversizedHeadError(httpx.RemoteProtocolError):
    """More headers than anyone means."""


class ProxyRefusedError(httpx.ProxyError):
    """The proxy refused the tunnel for a reason that a retry does not change."""
