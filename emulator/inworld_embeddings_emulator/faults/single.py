"""What a request may ask for itself in its header: one step, and nothing that would reach beyond that request."""

from inworld_embeddings.errors import ConfigurationError

from .grammar import parse
from .kinds import Poison, Quota
from .script import Step


def single_step(text: str, *, patterns: bool) -> Step:
    """The one step of a header.

    Args:
        text: The header.
        patterns: Whether regular expressions are welcome: an evil one holds up every thread of the process.

    Raises:
        ConfigurationError: it cannot be read, or belongs to the whole server.
    """
    script = parse(text)
    step = script.steps[0]
    if len(script.steps) > 1 or script.repeat or step.times is not None or step.seconds is not None:
        raise ConfigurationError(
            "one request has one step: sequences, 'x', 'for' and 'repeat' are for scripts"
        )
    faults = [part.fault for part in step.parts]
    if any(isinstance(fault, Quota) for fault in faults):
        raise ConfigurationError("a quota counts many requests: it is for scripts")
    if not patterns and any(isinstance(fault, Poison) for fault in faults):
        raise ConfigurationError("poison is for scripts, unless the emulator was started with chaos")
    return step
