"""What ends a row: a vector, or a reason why there is none.

What the service cannot do at all (an outage, a key, a quota) ends no row: the job waits for it, and then pauses.
"""

from collections import Counter
from typing import TYPE_CHECKING, Final, TypeAlias

from .._retry import Kind, kind_of
from ..errors import APIError, InworldEmbeddingsError, JobError, RequestTooLargeError
from .filling import Part, Run, cut, texts_of
from .progress import Progress
from .rows import Refusal
from .service import Service

if TYPE_CHECKING:
    from ..result import EmbeddingResult

ROUNDS: Final = 3
"""A text that fails so often, while the fixed text is answered each time after it, is refused."""
SHORT: Final = 1000
"""Characters of a text that is surely not refused for its length."""


class Embedding:
    """Embeds rows into their places.

    Args:
        service: Makes the vectors.
        progress: Counts the rows that have ended.
        stops: Whether a refused row ends the job.

    Attributes:
        any_vector: Whether the service has ever embedded a row of this job.
    """

    def __init__(self, service: Service, progress: Progress, *, stops: bool) -> None:
        self._service, self._progress, self._stops = service, progress, stops
        self.any_vector = False

    def count_refused(self, part: Part, at: int) -> None:
        """Counts a row of a part that was refused; raises if that ends the job."""
        why = part.refused[at]
        if self._stops:
            raise JobError(f"Row {part.first + at} was refused: {why.code}: {why.message}")
        self._progress.rows += 1
        self._progress.refused += 1

    async def to_the_end(self, runs: list[Run]) -> None:
        """Embeds rows until each has ended.

        What fails while the service answers the fixed text is tried once more, then alone, so that a text which the
        service cannot take holds up no other.
        """
        for _ in range(2):
            runs, _ = await self._attempt(runs)
        for at in range(sum(len(run.texts) for run in runs)):
            await self._alone(cut(runs, at, at + 1))

    async def _alone(self, text: list[Run]) -> None:
        left, error = text, None
        for _ in range(ROUNDS):
            left, error = await self._attempt(left)
        if left and error is not None:
            left[0].part.refuse(left[0].at, _refusal(error))
            self.count_refused(left[0].part, left[0].at)

    async def _attempt(self, runs: list[Run]) -> tuple[list[Run], InworldEmbeddingsError | None]:
        """Embeds rows; returns those that have not ended, and why, once the service answers again."""
        trouble: InworldEmbeddingsError | None = None
        while runs and trouble is None:
            texts = texts_of(runs)
            runs, trouble = self._ended(runs, await self._service.embed(texts))
            if runs and trouble is None:  # many were refused alike
                await self._service.returned()
                if len(texts_of(runs)) == len(texts):
                    return runs, None
        if trouble is not None:
            await self._service.recovered(trouble)
        return runs, trouble

    def _ended(
        self, runs: list[Run], result: "EmbeddingResult"
    ) -> tuple[list[Run], InworldEmbeddingsError | None]:
        """Takes what a call gives; returns the rows that have not ended, and why the service could not do them."""
        self._place(runs, result)
        refused, failed = refusals(result)
        for at, why in refused.items():
            (run,) = cut(runs, at, at + 1)
            run.part.refuse(run.at, why)
            self.count_refused(run.part, run.at)
        left = [run for start, stop, _ in failed for run in cut(runs, start, stop)]
        trouble = next((error for *_, error in failed if not _is_about_texts(error)), None)
        if left and refused and trouble is None and not self.any_vector:
            texts = texts_of(runs)
            if len({texts[at] for at in refused if len(texts[at]) <= SHORT}) >= ROUNDS:
                why = next(iter(refused.values()))
                raise JobError(
                    f"The service refuses every text, the first {len(refused)} of them: {why.code}: {why.message}"
                )
        return left, trouble

    def _place(self, runs: list[Run], result: "EmbeddingResult") -> None:
        """Puts the vectors that there are into their parts."""
        failed, at = list(result.failures.runs) if result.failures else [], 0
        for start, stop in [*((start, stop) for start, stop, _ in failed), (len(result), len(result))]:
            for run in cut(runs, at, start):
                count = len(run.texts)
                run.part.place(run.at, result.vectors[at : at + count])
                at += count
                self._progress.rows += count
                self.any_vector = True
            at = stop


Failed: TypeAlias = tuple[int, int, InworldEmbeddingsError]


def refusals(result: "EmbeddingResult") -> tuple[dict[int, Refusal], list[Failed]]:
    """The texts of a call that the service refused, by their places, and what else failed, by (start, stop, error)."""
    failed = list(result.failures.runs) if result.failures else []
    # An error of several texts is about none of them: the engine had given up before it sent them.
    texts = Counter({id(error): 0 for *_, error in failed})
    for start, stop, error in failed:
        texts[id(error)] += stop - start
    refused: dict[int, Refusal] = {}
    left: list[Failed] = []
    for start, stop, error in failed:
        if _is_about_texts(error) and texts[id(error)] == 1:
            refused[start] = _refusal(error)
        else:
            left.append((start, stop, error))
    return refused, left


def _is_about_texts(error: InworldEmbeddingsError) -> bool:
    return isinstance(error, RequestTooLargeError) or kind_of(error) is Kind.BISECT


def _refusal(error: InworldEmbeddingsError) -> Refusal:
    return Refusal(type(error).__name__, str(error), error.attempts if isinstance(error, APIError) else 0)
