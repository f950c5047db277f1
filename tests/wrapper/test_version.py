"""`about()` says which versions are at work."""

import hashlib
import json
from pathlib import Path

import inworld_embeddings
from inworld_embeddings import About, about

ROOT = Path(__file__).resolve().parents[2]


def test_it_is_this_version_this_spec_and_this_generator():
    origin = json.loads((ROOT / "generated/inworld_embeddings_client/provenance.json").read_text("utf-8"))
    generator = f"openapi-python-client {origin['tools']['openapi-python-client']}"
    spec = hashlib.sha256((ROOT / "openapi.yaml").read_bytes()).hexdigest()
    assert about() == About(inworld_embeddings.__version__, spec, generator, vendored=False)
