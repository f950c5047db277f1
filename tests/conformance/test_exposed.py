"""What `serve` exposes: these paths."""

import httpx
import pytest

from inworld_embeddings_emulator.playground import SETTINGS, page_files

GONE = ["/_emulator/faults", "/v1/embeddings", "/.env", "/_emulator/playground/%2e%2e/%2e%2e/server.py"]
PATHS = {
    **dict.fromkeys([*page_files(), SETTINGS, "/healthz"], 200),
    "/ml/v1alpha/embedding:embed": 501,  # POST alone
    **dict.fromkeys(GONE, 404),
}


@pytest.mark.parametrize("path", PATHS)
def test_the_paths_and_no_more_and_without_the_key_nothing_is_done(served, path):
    target = {"target": path.encode()}
    with httpx.Client(base_url=served) as client:
        assert client.get("/", extensions=target).status_code == PATHS[path]
        reply = client.post("/", content=b"{}", extensions=target)
    assert reply.status_code == (401 if path.startswith("/ml") else 404)
