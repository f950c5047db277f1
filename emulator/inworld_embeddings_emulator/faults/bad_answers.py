"""The faults that garble a good answer."""

from dataclasses import dataclass
from typing import ClassVar

from .fault import Fault
from .forms import COUNT, setting, whole


@dataclass(frozen=True, slots=True)
class Short(Fault):
    """Too few vectors: the last ones are missing.

    Attributes:
        count: How many are missing.
    """

    kind: ClassVar[str] = "short"
    count: int = setting(COUNT, 1)


@dataclass(frozen=True, slots=True)
class Long(Fault):
    """Too many vectors: the last one comes again.

    Attributes:
        count: How many are too many.
    """

    kind: ClassVar[str] = "long"
    count: int = setting(COUNT, 1)


@dataclass(frozen=True, slots=True)
class Ragged(Fault):
    """The last vector is one number shorter than the others."""

    kind: ClassVar[str] = "ragged"


@dataclass(frozen=True, slots=True)
class Null(Fault):
    """The first number of the last vector is null."""

    kind: ClassVar[str] = "null"


@dataclass(frozen=True, slots=True)
class Nan(Fault):
    """The first number of the last vector is a bare ``NaN``, which JSON does not have."""

    kind: ClassVar[str] = "nan"


@dataclass(frozen=True, slots=True)
class Zero(Fault):
    """All vectors are zero."""

    kind: ClassVar[str] = "zero"


@dataclass(frozen=True, slots=True)
class Swap(Fault):
    """The first and the last vector change places. No single response shows it."""

    kind: ClassVar[str] = "swap"


@dataclass(frozen=True, slots=True)
class Dimension(Fault):
    """All vectors have another dimension: cut off, or filled up with zeros.

    Attributes:
        size: The dimension.
    """

    kind: ClassVar[str] = "dimension"
    size: int = setting(whole(0, 100_000))
