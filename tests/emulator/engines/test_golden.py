"""The engine's vectors are pinned to the bit.

Run as a program, this file writes golden.json anew. Vectors that changed need a new engine name: stored vectors
carry it, and two spaces must never be mixed.
"""

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

from inworld_embeddings_emulator.engines import default_engine, local, table

GOLDEN = Path(__file__).with_name("golden.json")


def fingerprint(vector: list[float]) -> str:
    return hashlib.sha256(struct.pack(f"<{len(vector)}d", *vector)).hexdigest()


def found(texts: list[str]) -> dict[str, Any]:
    return {
        "engine": local.NAME,
        "table_sha256": hashlib.sha256(table.FILE.read_bytes()).hexdigest(),
        "vectors": [
            {
                "text": text,
                "sha256": fingerprint(vector),
                "meaning": vector[:3],
                "spelling": max(vector[256:]),
            }
            for text, vector in zip(texts, default_engine().embed(texts), strict=True)
        ],
    }


def test_vectors_and_table_are_the_pinned_ones():
    pinned = json.loads(GOLDEN.read_text())
    assert found([entry["text"] for entry in pinned["vectors"]]) == pinned


if __name__ == "__main__":
    golden = json.loads(GOLDEN.read_text())
    GOLDEN.write_text(json.dumps(found([entry["text"] for entry in golden["vectors"]]), indent=2) + "\n")
