"""One connection to the server: reads requests, asks the handler, writes answers, one after the other."""

import contextlib
import os
import socket
import struct
import time
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

from .handle import BODY_TOO_LARGE, MAX_BODY_BYTES
from .hosts import answers_to
from .http_body import RefusedError, body_length, check_headers, read_body
from .messages import At, Carriage, Reply, Request, joined_headers
from .reply_json import VECTOR_START
from .rpc_status import plain_reply

if TYPE_CHECKING:
    from .listener import Listener

_MAX_REQUEST_LINE = 65536
_LINGER_SECONDS = 2.0
_VECTORS = (VECTOR_START, b'{"object":"embedding"')
"""How a vector begins in the API's answers, and in those of the OpenAI-compatible face."""
_RESET = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
"""``SO_LINGER``: on, for no time at all."""


class Connection(BaseHTTPRequestHandler):
    """HTTP/1.1 with keep-alive. The base class parses the head; what a request means is the handler's business."""

    protocol_version = "HTTP/1.1"
    timeout = 60.0  # seconds without a byte, idle connections included
    disable_nagle_algorithm = True
    server: "Listener"  # pyright: ignore[reportIncompatibleVariableOverride] - only a Listener makes connections

    def handle_one_request(self) -> None:
        """Reads and answers one request, whatever its method."""
        self.close_connection = True
        self.command = self.requestline = ""
        try:
            self.raw_requestline = self.rfile.readline(_MAX_REQUEST_LINE + 1)
        except (TimeoutError, ConnectionError):
            return
        if not self.raw_requestline:
            return
        self._refused = False
        with self.server.exchange():
            self._exchange(time.perf_counter())
        if self._refused:
            self._linger()

    def _exchange(self, started: float) -> None:
        if len(self.raw_requestline) > _MAX_REQUEST_LINE:
            self.send_error(414)
            return
        if not self.parse_request():
            return
        try:
            reply = self.server.handler.handle(self._request())
        except RefusedError as refused:
            self._refuse(
                BODY_TOO_LARGE if refused.status == 413 else plain_reply(refused.status, refused.text)
            )
            return
        time.sleep(reply.carriage.delay)
        self._send(reply)
        self._log(reply, (time.perf_counter() - started) * 1000)
        self._break_off(reply.carriage)

    def _request(self) -> Request:
        check_headers(self.headers)
        hosts = self.headers.get_all("host", [])
        if len(hosts) != 1:
            raise RefusedError(400, "one Host header is needed")
        if not answers_to(hosts[0], self.server.bound_host, self.server.allowed_hosts):
            raise RefusedError(403, "this emulator does not answer to that Host")
        length = body_length(self.headers, MAX_BODY_BYTES)
        if self.headers.get("expect", "").lower() == "100-continue" and length != 0:
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = read_body(self.rfile, length, MAX_BODY_BYTES)
        path = self.requestline.split()[1]  # as sent: self.path has lost doubled slashes
        return Request(self.command, path, joined_headers(self.headers.items()), body)

    def handle_expect_100(self) -> bool:
        """Leaves the interim answer to the moment the body is really wanted."""
        return True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Answers what the base class could not parse."""
        self._refuse(plain_reply(code, self.responses.get(code, ("malformed request",))[0]))

    def _refuse(self, reply: Reply) -> None:
        """Answers without having read the whole request, so nothing more can be read after it."""
        self.close_connection = self._refused = True
        self._send(reply)
        self._log(reply, 0.0)

    def _linger(self) -> None:
        """Lets the client finish sending: closing on unread bytes would reset the answer away."""
        end = time.monotonic() + _LINGER_SECONDS
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(_LINGER_SECONDS)
            while self.connection.recv(65536) and time.monotonic() < end:
                pass

    def _send(self, reply: Reply) -> None:
        reason = self.responses.get(reply.status, ("Unknown",))[0]
        self.close_connection = self.close_connection or self.server.stopping
        framing = [("content-length", str(len(reply.body))), ("date", self.date_time_string())]
        if self.close_connection:
            framing.append(("connection", "close"))
        head = [
            f"HTTP/1.1 {reply.status} {reason}",
            *(f"{name}: {text}" for name, text in (*reply.headers, *framing)),
        ]
        self.wfile.write(_part("\r\n".join([*head, "", ""]).encode("latin-1"), reply))

    def _break_off(self, carriage: Carriage) -> None:
        """Closes a connection on which an answer was not to arrive as a whole."""
        if not carriage.drop and carriage.cut is None:
            return
        self.close_connection = True
        if carriage.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.rfile.close()  # while it is open, so is the socket
            self.connection.close()

    def _log(self, reply: Reply, milliseconds: float) -> None:
        """One line for each answer. It never holds a body, a header or a query."""
        vectors = sum(map(reply.body.count, _VECTORS)) if reply.status == 200 else 0
        path = (self.requestline.split() or ["-", "-"])[1:2]
        target = ascii(path[0].partition("?")[0])[1:-1][:200] if path else "-"
        method = ascii(self.command or "-")[1:-1][:20]
        answer = (
            "dropped" if reply.carriage.drop else f"{reply.status} {len(reply.body)} bytes {vectors} vectors"
        )
        broken = f", cut after {reply.carriage.cut} bytes" if reply.carriage.cut is not None else ""
        self.server.log(f"{method} {target} {answer} {milliseconds:.1f} ms{broken}")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Silences the base class: `_log` says what there is to say."""


def _part(head: bytes, reply: Reply) -> bytes:
    """What is sent of an answer."""
    match reply.carriage.drop:
        case At.BEFORE:
            return b""
        case At.HEAD:
            return head[: len(head) // 2]
    return head + reply.body[: reply.carriage.cut]
