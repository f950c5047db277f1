"""Each distinct text once, and its vector back in every place."""

from collections.abc import Sequence
from dataclasses import replace

from ..result import EmbeddingResult


def distinct(texts: Sequence[str]) -> tuple[list[str], list[int]]:
    """The distinct texts in order of their first place, and for each text which of them it is."""
    numbers: dict[str, int] = {}
    places = [numbers.setdefault(text, len(numbers)) for text in texts]
    return list(numbers), places


def spread(result: EmbeddingResult, places: list[int]) -> EmbeddingResult:
    """The result for all texts, from the result for the distinct ones."""
    failed = {failure.index: failure for failure in result.failures}
    failures = [replace(failed[which], index=place) for place, which in enumerate(places) if which in failed]
    return replace(result, vectors=result.vectors[places], failures=tuple(failures))
