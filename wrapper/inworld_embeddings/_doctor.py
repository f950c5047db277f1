"""What a bug report needs: how this client is set up here, and how far it gets. It holds no key and no text of yours.

`setup` sends nothing, `reach` one GET without a key. `live` and `limits` send requests that may cost something; `LIVE`
and `LIMITS` say how many before they are sent.
"""

import asyncio
import importlib.metadata
import os
import platform
import ssl
import statistics
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Final, Literal, NamedTuple
from urllib.parse import urlsplit

import certifi
import httpx

from ._decoding import Parser
from ._error_mapping import Response, exchange_error
from ._http import transport_for
from ._http.connect import proxy_for, tls_context
from ._redaction import Redactor
from ._retry import Timeouts
from ._settings import Settings, resolve
from ._version import about
from .client import EmbeddingClient
from .errors import APIError, ConfigurationError, InworldEmbeddingsError, PartialFailureError, TLSError
from .options import CLIENT, defaults, merged

PACKAGES: Final = (
    "httpx",
    "httpx2",
    "numpy",
    "msgspec",
    "httptools",
    "pysimdjson",
    "pyarrow",
    "click",
    "rich",
    "uvloop",
)
VARIABLES: Final = (
    *("INWORLD_API_KEY", "INWORLD_KEY", "INWORLD_SECRET", "INWORLD_WORKSPACE"),
    *("INWORLD_API_BASE", "INWORLD_EMULATOR_HOST"),
    *("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "SSLKEYLOGFILE"),
)
CLOCK: Final = 60.0
"""Seconds that this machine's clock may differ from the server's before it is worth a word: signatures of tokens depend on it."""
MIB: Final = 2**20
TIMES: Final = 3
COUNTS: Final = (256, 512, 1024, 2048)
SIZES: Final = (2 * MIB, 4 * MIB, 8 * MIB)
IN_A_SIZE: Final = 16
LIVE: Final = f"{TIMES} requests with one text of two words each"
LIMITS: Final = (
    f"at most {len(COUNTS)} requests with {sum(COUNTS)} texts of one word in all, and {len(SIZES)} requests with "
    f"{sum(SIZES) // MIB} MiB of blanks in all, one at a time; each series ends at the first refusal"
)


class Finding(NamedTuple):
    """What was found.

    Attributes:
        subject: Such as "key" or "proxy".
        state: "bad" keeps requests from succeeding, "note" may.
        told: A sentence, with the way out where there is something to do.
    """

    subject: str
    state: Literal["ok", "note", "bad"]
    told: str


def setup(
    settings: Settings | None, key: Finding, environ: Mapping[str, str] = os.environ
) -> Iterator[Finding]:
    """Versions, and what `settings_of` and the environment say: key, address, proxy, certificates. Sends nothing."""
    yield Finding("client", "ok", f"inworld-embeddings {about()}.")
    yield Finding(
        "python",
        "ok",
        f"{platform.python_implementation()} {platform.python_version()}, {platform.platform()}, {ssl.OPENSSL_VERSION}.",
    )
    yield Finding("packages", "ok", ", ".join(_versions()) + ".")
    yield Finding(
        "decoder", "ok", "simdjson." if Parser else "msgspec; simdjson, which is faster, is not installed."
    )
    named = [name for name in VARIABLES if environ.get(name)]
    yield Finding("environment", "ok", f"Set: {', '.join(named) or 'none of the variables that count'}.")
    yield key
    if settings is None:
        return
    yield Finding("address", "ok", f"{settings.base_url}.")
    yield _proxy(settings)
    yield _certificates(environ)


def settings_of(environ: Mapping[str, str] = os.environ) -> tuple[Settings | None, Finding]:
    """The settings of a client that is given nothing but the environment, and what there is to say about its key.

    Without a usable key they have one that is never asked for, so that the rest can be looked at; None if that is wrong too.
    """
    try:
        settings = resolve(merged(defaults(CLIENT), {}, CLIENT), environ)
    except ConfigurationError as error:
        wrong = str(error)
    else:
        return settings, Finding(
            "key", "ok", "It has the shape of a key. Whether the service knows it, --live tells."
        )
    try:
        settings = resolve(merged(defaults(CLIENT), {"api_key": lambda: ""}, CLIENT), environ)
    except ConfigurationError:
        return None, Finding("settings", "bad", wrong)
    return settings, Finding("key", "bad", wrong)


def _versions() -> Iterator[str]:
    for name in PACKAGES:
        try:
            yield f"{name} {importlib.metadata.version(name)}"
        except importlib.metadata.PackageNotFoundError:
            continue


def _proxy(settings: Settings) -> Finding:
    try:
        proxy = proxy_for(settings)
    except ConfigurationError as error:
        return Finding("proxy", "bad", str(error))
    return Finding("proxy", "ok", f"{proxy.scheme}://{proxy.netloc.decode('ascii')}." if proxy else "None.")


def _certificates(environ: Mapping[str, str]) -> Finding:
    file, folder = environ.get("SSL_CERT_FILE"), environ.get("SSL_CERT_DIR")
    place = file or folder or certifi.where()
    try:
        count = tls_context(trust_env=True).cert_store_stats()["x509_ca"]
    except httpx.LocalProtocolError as error:
        return Finding("certificates", "bad", f"{error}: {place}.")
    if file and not count:
        return Finding(
            "certificates", "bad", f"SSL_CERT_FILE ({place}) holds no certificate of an authority."
        )
    of = f"{count} authorities from " if count else "the folder "
    bundle = environ.get("REQUESTS_CA_BUNDLE")
    if bundle and bundle != file:
        told = f"{of}{place}. REQUESTS_CA_BUNDLE is not read here: set SSL_CERT_FILE={bundle} if it is meant."
        return Finding("certificates", "note", told)
    return Finding("certificates", "ok", f"{of}{place}.")


def reach(settings: Settings) -> Iterator[Finding]:
    """How far a request gets: name, connection, TLS, proxy, a response. One GET of the bare address, without a key."""
    host = urlsplit(settings.base_url).hostname or ""
    try:
        response, seconds = asyncio.run(_get(settings))
    except Exception as error:  # noqa: BLE001 - whatever keeps a request from arriving is the finding
        mapped = exchange_error(error, Redactor(()), host)
        subject = "certificates" if isinstance(mapped, TLSError) else "network"
        yield Finding(subject, "bad", str(mapped))
        return
    yield Finding(
        "network", "ok", f"{host} responds, with status {response.status}, after {1000 * seconds:.0f} ms."
    )
    try:
        off = time.time() - parsedate_to_datetime(response.header("date") or "").timestamp()
    except ValueError:
        return
    if abs(off) > CLOCK:
        way = "ahead of" if off > 0 else "behind"
        yield Finding(
            "clock",
            "note",
            f"It is {abs(off):.0f} s {way} the server's: signed tokens will be refused. Set the clock.",
        )
    else:
        yield Finding("clock", "ok", f"Within {CLOCK:.0f} s of the server's.")


async def _get(settings: Settings) -> tuple[Response, float]:
    transport = transport_for(settings, Timeouts())
    request = httpx.Request("GET", settings.base_url + "/", headers={"user-agent": settings.user_agent})
    request.read()
    began = time.perf_counter()
    try:
        async with asyncio.timeout(30):
            response = await transport.send(request, MIB)
        return response, time.perf_counter() - began
    finally:
        await transport.aclose()


def live(client: EmbeddingClient) -> Iterator[Finding]:
    """Whether the service takes the key, and what it returns: dimension, latency, request id. Sends `LIVE`."""
    times, results = [], []
    try:
        for _ in range(TIMES):
            began = time.perf_counter()
            results.append(client.embed(["Hello doctor"]))
            times.append(time.perf_counter() - began)
    except InworldEmbeddingsError as error:
        identity = error.request_id if isinstance(error, APIError) else None
        yield Finding(
            "service",
            "bad",
            f"{type(error).__name__}: {error}" + (f" Request {identity}." if identity else ""),
        )
        return
    result = results[-1]
    by = f"the local engine {result.engine}, not by the service" if result.engine else "the service"
    yield Finding("service", "ok", f"{result.model}: {result.dimension} dimensions, made by {by}.")
    first, later = times[0], statistics.median(times[1:])
    told = f"{1000 * later:.0f} ms for one text; {1000 * first:.0f} ms the first time, with the connection and what it loads."
    yield Finding("latency", "ok", told)
    if result.stats.request_ids:
        yield Finding("request id", "ok", result.stats.request_ids[-1])


def limits(client: EmbeddingClient) -> Iterator[Finding]:
    """How many texts, and how many bytes, the service takes in one request. Sends `LIMITS`."""
    by_count = ((count, ["a"] * count) for count in COUNTS)
    yield _largest(client, "texts in a request", by_count)
    by_size = ((size // MIB, ["a" + " " * (size // IN_A_SIZE)] * IN_A_SIZE) for size in SIZES)
    yield _largest(client, "MiB in a request", by_size)


def _largest(client: EmbeddingClient, what: str, tries: Iterator[tuple[int, list[str]]]) -> Finding:
    taken = 0
    for number, texts in tries:
        try:
            result = client.embed(
                texts, batch_size=len(texts), max_batch_bytes=16 * MIB, warn_long=False, dedupe=False
            )
        except PartialFailureError as error:
            return Finding(
                what, "note", f"{taken} are taken; {number} are refused: {error.failures[0].error}"
            )
        except InworldEmbeddingsError as error:
            return Finding(what, "note", f"{taken} are taken; {number} are refused: {error}")
        if result.stats.requests > 1:  # refused as too large, and cut by the client
            return Finding(what, "ok", f"{taken} are taken, {number} are too many.")
        taken = number
    return Finding(what, "ok", f"{taken} are taken; more was not tried.")
