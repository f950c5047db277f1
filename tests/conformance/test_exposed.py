"""What `serve` exposes: one port, on loopback, and under it these paths."""

import sys
from pathlib import Path

import pytest

from inworld_embeddings_emulator.playground import SETTINGS, page_files

GONE = [
    *("/_emulator/faults", "/_emulator/playground/", "/v1/embeddings", "/openapi.json", "/metrics", "/.env"),
    "/_emulator/playground/../../../../etc/passwd",
    "/_emulator/playground/%2e%2e/%2e%2e/server.py",
]
PATHS = {
    **dict.fromkeys([*page_files(), SETTINGS, "/healthz"], 200),
    "/ml/v1alpha/embedding:embed": 501,  # POST alone
    **dict.fromkeys(GONE, 404),
}


def sockets_of(pid):
    """(kind, address, port, state) of a process's internet sockets, as the kernel has them."""
    links = [entry.readlink().name for entry in Path(f"/proc/{pid}/fd").iterdir() if entry.is_symlink()]
    own = {link.removeprefix("socket:[").rstrip("]") for link in links if link.startswith("socket:")}
    for kind in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/{pid}/net/{kind}").read_text().splitlines()[1:]:
            fields = line.split()
            address, _, port = fields[1].partition(":")
            if fields[9] in own:
                yield kind, address, int(port, 16), fields[3]


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux's kernel")
def test_one_listening_socket_on_loopback(served):
    listening = {entry for entry in sockets_of(served.process.pid) if entry[3] == "0A" or "udp" in entry[0]}
    loopback = bytes.fromhex("7f000001")
    address = int.from_bytes(loopback, sys.byteorder)
    assert listening == {("tcp", f"{address:08X}", served.port, "0A")}


@pytest.mark.parametrize("path", PATHS)
def test_the_paths_and_no_more_and_without_the_key_nothing_is_done(client, path):
    target = {"target": path.encode()}
    assert client.get("/", auth=None, extensions=target).status_code == PATHS[path]
    reply = client.post("/", auth=None, content=b"{}", extensions=target)
    assert reply.status_code == (401 if path.startswith("/ml") else 404)
