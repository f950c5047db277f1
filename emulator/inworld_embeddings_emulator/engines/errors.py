"""What an engine raises when its backend fails. Unlike any other exception's, its message is shown to who asked."""


class EngineError(Exception):
    """The engine could not make the vectors. Its message never holds a text, a key or a part of an answer."""
