"""What all faults have in common. A fault is data: its first field is what follows its kind's ``=``, the others are parameters."""

from dataclasses import Field, dataclass, fields
from typing import Any, ClassVar

from inworld_embeddings.errors import ConfigurationError

from .forms import FORM


@dataclass(frozen=True, slots=True)
class Fault:
    """What all faults have in common: their settings are checked, whoever makes them.

    Attributes:
        kind: Its name in the grammar.

    Raises:
        ConfigurationError: a setting that cannot be; names it.
    """

    kind: ClassVar[str]

    def __post_init__(self) -> None:
        for item in fields(self):
            value, form = getattr(self, item.name), item.metadata[FORM]
            if not (value is None is item.default or form.accepts(value)):
                raise ConfigurationError(f"{self.kind}: {spelled(item.name)} must be {form.says}.")

    @property
    def label(self) -> str:
        """Its name in counts, logs and the answer's header: ``status=503``. Never a pattern or a message."""
        return self.kind


def spelled(field_name: str) -> str:
    """A field's name as the grammar has it: ``retry_after`` is ``retry-after``."""
    return field_name.replace("_", "-")


def settings(cls: type[Fault]) -> "dict[str, Field[Any]]":
    """A kind's settings in order, by their names in the grammar."""
    return {spelled(item.name): item for item in fields(cls)}
