"""The transports that could carry the bytes, how to make one of each, and why each fails the rows that it fails."""

from typing import Final

import httpx
from adapters.with_aiohttp import AiohttpTransport
from adapters.with_httpx import Httpx2Transport, HttpxTransport
from adapters.with_own import OwnTransport
from adapters.with_pyreqwest import PyreqwestTransport
from adapters.with_urllib3 import Urllib3Transport

CANDIDATES: Final[dict[str, type[httpx.AsyncBaseTransport]]] = {
    "own": OwnTransport,
    "httpx": HttpxTransport,
    "httpx2": Httpx2Transport,
    "aiohttp": AiohttpTransport,
    "urllib3": Urllib3Transport,
    "pyreqwest": PyreqwestTransport,
}

_STRAY = "takes bytes that follow a response for the next response: a caller gets the vector of somebody else's text"
_HIDES_TLS = "does not tell that the response was TLS, so what cannot work is tried three times"
_UNREAD = "sends all of the body before it reads, so a refusal of a large request comes as a timeout"
_GOES_ON = "goes on with a request whose caller has given up: the connection stays until the server ends it"

EXPLAINED: Final[dict[str, dict[str, str]]] = {
    "httpx": {
        "A07": _HIDES_TLS,
        "B09": _STRAY,
        "B17": _UNREAD,
        "F04": "keeps connections of cancelled requests as busy for ever",
    },
    "httpx2": {"A07": _HIDES_TLS, "B09": _STRAY, "B17": _UNREAD},
    "aiohttp": {
        "B12": "waits until the deadline for the end of a trailer line that has none",
    },
    "urllib3": {
        "B04": "takes a head that breaks off for a whole one",
        "B06": "takes a chunk size of forty digits, and waits for that much",
        "B07": "takes a Content-Length that is no number for none",
        "B09": "uses a connection again that brought too much; what its reader had buffered is thrown away, so no response "
        "is wrong",
        "B11": "takes a line without a colon for the end of the head",
        "B12": "reads trailers without end, and refuses a response with over 100 headers",
        "B13": "takes 102 and 103 for the response itself",
        "B17": _UNREAD,
    },
    "pyreqwest": {
        "A05": "trusts what SSL_CERT_FILE names, whatever it is told",
        "A07": _HIDES_TLS,
        "B01": "does not tell that the connection had been used before, so its end costs a retry",
        "B12": "refuses a response with over 100 headers, and does not tell trailers without end from a loss, so they are tried again",
        "B13": _GOES_ON,
        "B14": _GOES_ON,
        "B15": _GOES_ON,
        "B16": _GOES_ON,
        "C13": "loses the status when the body breaks off at once; without its read-ahead it keeps it, for some ten times "
        "the CPU in small chunks",
        "F04": _GOES_ON,
    },
}
"""Why a row fails, by candidate and row. `transports.py` holds it against what it finds, in both directions."""
