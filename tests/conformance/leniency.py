"""Which bodies the emulator is to read, as a schema: the published one, and what docs/use/local-mode.md adds to it.

Written apart from the emulator's own reader, so that each can be wrong alone. protojson skips unknown fields, takes null
for absent, and enums by name or number; a missing field has its default. What even that does not allow must be a 400.
"""

import json

_PROVIDER = {
    "anyOf": [{"type": ["string", "null"]}, {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}]
}

LENIENT = {
    "type": "object",
    "properties": {
        "inputs": {
            "type": ["array", "null"],
            "items": {"type": "object", "properties": {"text": {"type": ["string", "null"]}}},
        },
        "model": {
            "type": ["object", "null"],
            "properties": {
                "model": {"type": ["string", "null"]},
                "serviceProvider": _PROVIDER,
                "service_provider": _PROVIDER,
            },
            "not": {"type": "object", "required": ["serviceProvider", "service_provider"]},
        },
    },
}

KNOWN = {"inputs", "model", "text", "serviceProvider", "service_provider"}


def first_value(body):
    """The first JSON value of a body, ``{}`` of an empty one.

    Raises:
        ValueError: not UTF-8, not JSON, a lone surrogate, or a known field twice.
    """
    text = body.decode().lstrip(" \t\r\n")
    if not text:
        return {}
    value, _ = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant).raw_decode(text)
    json.dumps(value, ensure_ascii=False).encode()  # UnicodeEncodeError is a ValueError
    return value


def _object(pairs):
    names = [name for name, _ in pairs if name in KNOWN]
    if len(names) != len(set(names)):
        raise ValueError("a field twice")
    return dict(pairs)


def _constant(name):
    raise ValueError(name)
