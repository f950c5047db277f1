"""What a request asks for, as far as it can be read: its texts and its model. Both faces of the emulator are known."""

import json
from typing import Any

from ..handle import EmbedMessage, parse
from ..messages import Request, RpcError

OPENAI_PATH = "/v1/embeddings"


def asked(request: Request) -> EmbedMessage:
    """The request's texts and model; empty ones where it cannot be read."""
    try:
        if request.path.partition("?")[0] == OPENAI_PATH:
            return _openai(json.loads(request.body))
        return parse(request.body)
    except (RpcError, ValueError, RecursionError):
        return EmbedMessage((), "", 0)


def _openai(body: Any) -> EmbedMessage:
    fields = body if isinstance(body, dict) else {}
    given = fields.get("input", [])
    texts = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    return EmbedMessage(
        tuple(text for text in texts if isinstance(text, str)), str(fields.get("model", "")), 0
    )
