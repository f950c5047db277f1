"""``/v1/embeddings`` as OpenAI's clients speak it, in front of a local engine or of the real API.

`OpenAIFace` is a layer around the emulator: it answers under ``/v1`` and passes everything else on. It gets its
vectors from a `Source`. See docs/openai.md.
"""

from .errors import OpenAIError
from .face import OpenAIFace
from .source import Embedded, EngineSource, Source

__all__ = ["Embedded", "EngineSource", "OpenAIError", "OpenAIFace", "Source"]
