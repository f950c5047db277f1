"""Say where in a spec something stands, in words instead of a JSON pointer. Pure."""

import json
from typing import Any

_SKIPPED = frozenset({"$ref", "schema", "properties", "content"})
_NAMED = {"requestBody": "request", "responses": "answer", "parameters": "parameter", "items": "[]"}


def place(pointer: str) -> str:
    """Return `POST /path request inputs[].text` for the pointer of a field, the pointer itself for other places."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    match parts:
        case ["paths", path, method, *rest]:
            return f"{method.upper()} {path} {_inside(rest)}".strip()
        case ["paths", path]:
            return path
        case ["components", "schemas", name, *rest]:
            return f"schema {name} {_inside(rest)}".strip()
        case _:
            return pointer


def _inside(parts: list[str]) -> str:
    words: list[str] = []
    dotted = False
    for part in parts:
        if part in _SKIPPED:
            dotted = dotted or part == "properties"
        elif part == "items" and words:
            words[-1] += "[]"
        elif dotted and words and part not in _NAMED:
            words[-1] += f".{part}"
        else:
            words.append(_NAMED.get(part, part))
            continue
    return " ".join(words)


def short(value: Any, length: int = 60) -> str:
    """Return a value in a few characters."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[: length - 1]}…"
