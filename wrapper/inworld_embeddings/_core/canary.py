"""Canaries: known texts that travel with a batch, to show that an answer belongs to its request, in order.

The API's answers hold neither index nor id (api facts), so vectors of another request (catalogue D16), or in another
order (D15), look right. A canary's vector is known beforehand; where it is missing from its place, nothing else in
that answer can be trusted.
"""

from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..errors import APIResponseValidationError
from .backoff import Random
from .batches import Batch
from .encode import encode_inputs, encoded_size

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..result import Vectors

_NOUNS = (
    "academy balloon banquet bicycle blanket cabbage caravan ceiling chimney circuit climate compass concert cottage "
    "crystal curtain defense dentist dolphin eclipse emerald factory fiction fortune furnace gallery garment giraffe "
    "glacier gravity harvest history husband justice kitchen lantern leather library lobster machine measles mineral "
    "monsoon mustard network notepad octopus orchard painter penguin plastic pottery pyramid railway science "
    "soldier stadium statute texture tobacco tornado vaccine volcano whisker"
)

WORDS: Final = tuple(_NOUNS.split())
"""Unrelated nouns, so that any model tells them apart, and all of one length, so that each costs the same."""

COST: Final = encoded_size(WORDS[0]) + 1
"""Bytes that a canary adds to a request body, its comma included."""

TOLERANCE: Final = 0.05
"""Largest distance, relative to the known vector's length, at which a canary still counts as itself. Services are
not deterministic to the bit: the same text in another batch meets other padding and other sums. In half precision
that moves a vector by about 1e-3 to 1e-2; two of these words lie 0.2 apart at the very least, see `Flock`."""

APART: Final = 4 * TOLERANCE
"""Two canaries both off by the tolerance are still closer to themselves than to each other."""

DOUBTFUL: Final = 3
"""After this many wrong answers in a row and no right one, what was learned may be what is wrong."""


class Flock:
    """The canaries of one model, with their vectors, and which of them are out.

    Args:
        vectors: Of `WORDS`, shape (64, dim).

    Raises:
        APIResponseValidationError: two of them are too much alike to tell answers apart by them.
    """

    def __init__(self, vectors: "Vectors") -> None:
        self._vectors = vectors.astype("float64")  # squares of large float32 numbers overflow
        _check_distinct(self._vectors)
        self._waiting = deque(range(len(WORDS)))
        self._out: Counter[int] = Counter()
        self._misses = 0

    @property
    def doubtful(self) -> bool:
        """Whether to learn anew: only wrong answers lately."""
        return self._misses >= DOUBTFUL

    def take(self) -> int:
        """The canary that has been back for the longest: a late answer to its last request is the least likely.

        With more than 64 requests in flight, one that is out already goes out once more.
        """
        number = self._waiting.popleft() if self._waiting else min(self._out, key=lambda one: self._out[one])
        self._out[number] += 1
        return number

    def give_back(self, number: int) -> None:
        """Its request has ended."""
        self._out[number] -= 1
        if not self._out[number]:
            del self._out[number]
            self._waiting.append(number)

    def check(self, number: int, vector: "Vectors") -> None:
        """Compares what came in a canary's place with its known vector, shape (dim,).

        Raises:
            APIResponseValidationError: it is another one's.
        """
        if _is_near(vector, self._vectors[number]):
            self._misses = 0
            return
        self._misses += 1
        raise APIResponseValidationError(
            "The known text that went with the batch came back with another vector: the answer belongs to another "
            "request, or its vectors are not in the order of the texts."
        )


@dataclass(frozen=True, slots=True)
class Laden(Batch):
    """A batch with a canary among its texts.

    Attributes:
        flock: Where the canary is from.
        number: Which one it is.
        position: Its place in ``texts``.
    """

    flock: Flock
    number: int
    position: int

    def checked(self, vectors: "Vectors") -> "Vectors":
        """The vectors of the batch itself, shape (n, dim), out of an answer of n + 1.

        Raises:
            APIResponseValidationError: the canary is not in its place.
        """
        import numpy as np  # noqa: PLC0415 - loaded with the first answer

        self.flock.check(self.number, vectors[self.position])
        return np.delete(vectors, self.position, axis=0)


def laden(batch: Batch, flock: Flock, number: int, random: Random) -> Laden:
    """A batch with a canary at a place of its own.

    A place at random finds any mix-up sooner or later; the exact middle, which would not notice a reversed answer, is
    never taken.
    """
    position = int(random() * (len(batch) + 1))
    position = len(batch) if 2 * position == len(batch) else position
    texts = (*batch.texts[:position], WORDS[number], *batch.texts[position:])
    indexes = (*batch.indexes[:position], -1, *batch.indexes[position:])
    return Laden(indexes, texts, encode_inputs(texts), flock, number, position)


def _is_near(vector: "Vectors", known: "NDArray[np.float64]") -> bool:
    import numpy as np  # noqa: PLC0415 - as above

    if vector.shape != known.shape:
        return False
    return bool(np.linalg.norm(vector - known) <= TOLERANCE * np.linalg.norm(known))


def _check_distinct(vectors: "NDArray[np.float64]") -> None:
    import numpy as np  # noqa: PLC0415 - as above

    for number, vector in enumerate(vectors):
        apart = np.linalg.norm(vectors - vector, axis=1)
        apart[number] = np.inf
        if not apart.min() > APART * np.linalg.norm(vector):
            raise APIResponseValidationError(
                "canary=True cannot work here: the service gives known, different texts vectors that are all but "
                "equal, so they tell nothing.",
                retryable=False,
            )
