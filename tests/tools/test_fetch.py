"""Fetching a page: one host, https or loopback, and bounds on everything. The servers here are on loopback."""

import contextlib
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import sync_spec
from _fetch import fetch
from _page import PageError

PAGE = b"# A page\n"


@pytest.fixture
def serve():
    """Serve answers made by a function of the handler; returns the server's address."""
    servers = []

    def start(answer):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                with contextlib.suppress(OSError):
                    answer(self)

            def log_message(self, *arguments):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def reply(body=PAGE, status=200, kind="text/markdown", **headers):
    def answer(handler):
        handler.send_response(status)
        sent = {"Content-Type": kind, "Content-Length": str(len(body))} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        for name, value in sent.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def test_a_page_is_fetched(serve):
    assert fetch(f"{serve(reply())}/page.md?x=1") == PAGE


def test_a_redirect_on_the_same_host_is_followed(serve):
    def answer(handler):
        if handler.path == "/old.md":
            reply(b"", 301, Location="/new.md")(handler)
        else:
            reply(handler.path.encode())(handler)

    assert fetch(f"{serve(answer)}/old.md") == b"/new.md"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (reply(kind="text/html"), "text/html"),
        (reply(kind="application/xhtml+xml"), "html"),
        (reply(status=404), "HTTP 404"),
        (reply(status=500), "HTTP 500"),
        (reply(status=204), "HTTP 204"),
        (reply(b"", 302, Location="https://login.example.com/"), "redirected away"),
        (reply(b"", 302, Location="//login.example.com/"), "redirected away"),
        (reply(b"", 302, Location="http://127.0.0.1:9/"), "redirected away"),
        (reply(b"", 302, Location="file:///etc/hostname"), "redirected away"),
        (reply(b"", 307, Location="/again"), "redirects"),
        (reply(b"", 302), "redirects"),
        (reply(Content_Length="99999999"), "page was cut off|no answer"),
        (reply(Content_Encoding="gzip"), "compressed"),
        (reply(b"x" * 5000), "over 1000 bytes"),
    ],
)
def test_what_is_no_page_is_refused(serve, answer, said):
    with pytest.raises(PageError, match=said):
        fetch(f"{serve(answer)}/page.md", limit=1000, timeout=5)


@pytest.mark.parametrize(
    "url",
    [
        "http://docs.example.com/page.md",
        "ftp://docs.example.com/page.md",
        "file:///etc/hostname",
        "https://user:secret@docs.example.com/page.md",
        "https:///page.md",
        "https://docs.example.com:99999/page.md",
        "https://docs.example.com/a b",
        "https://docs.example.com/a\r\nHost: b",
        "http://127.0.0.1.example.com/",
    ],
)
def test_other_addresses_are_never_asked(url):
    with pytest.raises(PageError, match="address"):
        fetch(url)


def drip(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    while True:
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.01)


def drip_headers(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.01)


def endless(handler):
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(PAGE)


def chunked(handler):
    handler.protocol_version = "HTTP/1.1"
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(PAGE), PAGE))


def test_an_answer_must_say_where_it_ends(serve):
    with pytest.raises(PageError, match="where it ends"):
        fetch(f"{serve(endless)}/page.md")
    assert fetch(f"{serve(chunked)}/page.md") == PAGE


def silent(handler):
    time.sleep(2)


@pytest.mark.parametrize("answer", [drip, drip_headers, silent])
def test_a_page_that_never_ends_is_given_up(serve, answer):
    with pytest.raises(PageError, match="in time"):
        fetch(f"{serve(answer)}/page.md", timeout=0.3)


def test_nobody_there_is_an_error():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(PageError, match="no answer"):
        fetch(f"http://127.0.0.1:{port}/page.md")


def test_sync_takes_an_address(serve, page, root, tmp_path):
    out = tmp_path / "out.yaml"
    assert sync_spec.main([f"{serve(reply(page.read_bytes()))}/page.md", "--out", str(out)]) == 0
    assert out.read_bytes() == (root / "openapi.yaml").read_bytes()


def test_sync_names_the_address_it_refuses(serve, tmp_path, capsys):
    url = f"{serve(reply(b'<html>', kind='text/html'))}/page.md"
    assert sync_spec.main([url, "--out", str(tmp_path / "out.yaml")]) == 2
    assert url in capsys.readouterr().err
