"""pyreqwest (Rust), with what it does beside carrying switched off."""

import os
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pyreqwest.client
import pyreqwest.exceptions
import pyreqwest.proxy

from inworld_embeddings._error_mapping import OversizedHeadError, ProxyRefusedError
from inworld_embeddings._retry import Timeouts

from .base import Body, Candidate


class PyreqwestTransport(Candidate):
    """pyreqwest (Rust), with what it does beside carrying switched off."""

    def open(self, context: ssl.SSLContext, connect_timeout: float) -> Any:  # noqa: ARG002 - it has a TLS of its own
        builder = (
            pyreqwest.client.ClientBuilder()
            .http1_only()
            .follow_redirects(enable=False)
            .referer(enable=False)
            .no_proxy()
        )
        builder = builder.gzip(enable=False).brotli(enable=False).zstd(enable=False).deflate(enable=False)
        builder = builder.connect_timeout(timedelta(seconds=connect_timeout)).min_tls_version("TLSv1.2")
        builder = builder.pool_idle_timeout(timedelta(seconds=Timeouts().keepalive))
        builder = builder.tcp_keepalive(timedelta(seconds=15)).tcp_keepalive_interval(timedelta(seconds=5))
        builder = builder.tcp_keepalive_retries(3).tcp_user_timeout(timedelta(seconds=30))
        if self._proxy:
            builder = builder.proxy(pyreqwest.proxy.ProxyBuilder.https(self._proxy))
        if self._trust_env and (path := os.environ.get("SSL_CERT_FILE")):
            builder = builder.add_root_certificate_pem(Path(path).read_bytes())
        return builder.build()

    async def shut(self, client: Any) -> None:
        await client.close()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        sending = self.client_for(request).request(request.method, str(request.url))
        sending = sending.headers(request.headers.multi_items()).body_bytes(request.content)
        sending = sending.build_streamed()
        try:
            response = await sending.__aenter__()
        except pyreqwest.exceptions.PyreqwestError as error:
            self.raised(error, _pyreqwest_translated(error))
        self._spoke_http = True

        async def chunks() -> AsyncIterator[bytes]:
            while (chunk := await response.body_reader.read()) is not None:
                yield bytes(chunk)

        return httpx.Response(
            response.status,
            headers=list(response.headers.items()),
            stream=Body(chunks(), _pyreqwest_translated, lambda: sending.__aexit__(None, None, None)),
        )


def _pyreqwest_translated(error: Exception) -> Exception | None:
    details = getattr(error, "details", None) or {}
    text = ": ".join([error.args[0], *(cause["message"] for cause in details.get("causes") or ())])
    if "certificate" in text or "received fatal alert" in text or "corrupt message" in text:
        made = httpx.ConnectError(text)
        made.__cause__ = ssl.SSLError(text)
        return made
    if "message head is too large" in text:
        return OversizedHeadError(text)
    if "proxy authorization required" in text:
        return ProxyRefusedError(text)
    match error:
        case pyreqwest.exceptions.ConnectTimeoutError():
            return httpx.ConnectTimeout(text)
        case pyreqwest.exceptions.RequestTimeoutError():
            return httpx.ReadTimeout(text)
        case pyreqwest.exceptions.ConnectError():
            return httpx.ConnectError(text)
        case pyreqwest.exceptions.PyreqwestError():
            return httpx.ReadError(text)
    return None
