"""``search``: the nearest rows of a job, which are embedded already, or lines of a file, which are embedded for it."""

import heapq
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple

import click
import msgspec
import numpy as np

from .._settings import LOCAL_URL
from ..errors import InputChangedError, InvalidInputError, InworldEmbeddingsError
from ..ranking import rank
from . import REFUSED, counted
from .embed import say_stand_in
from .lines import Feed, blocks_of, embedded, told, typed
from .options import (
    cache_option,
    client_like,
    client_of,
    local_option,
    model_option,
    timeout_option,
    unusable,
)
from .output import shown

if TYPE_CHECKING:
    from ..jobs import OpenJob
    from ..result import Vectors
    from .lines import Outcome

TABLES: Final = (".parquet", ".pq", ".arrow", ".feather", ".ipc", ".jsonl", ".ndjson", ".csv", ".tsv", ".npy")


class Hit(NamedTuple):
    """How similar a line or a row is; of equal ones the first counts more.

    Attributes:
        score: Cosine similarity.
        place: Its number.
        text: If it is known.
    """

    score: float
    place: int
    text: str | None = None


@click.command(short_help="Find rows of a job, or lines of a file, by similarity.")
@click.argument("query")
@click.argument("source", metavar="OUT|FILE")
@click.option(
    "--top", type=click.IntRange(min=1), default=5, show_default=True, help="Show so many, the best first."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines.")
@timeout_option
@cache_option
@local_option
@model_option
def search(query: str, source: str, top: int, *, as_json: bool, **of_client: Any) -> int:
    """Find what is most similar to QUERY: rows of the job in the folder OUT, or lines of FILE.

    Of a job only the query is embedded, by the job's model. The job may still be running. The lines of a file, or with -
    of standard input, are embedded each time: of a large one, make a job.
    """
    query = typed((query,))[0].text
    if Path(source).is_dir():
        return _job(query, source, top, as_json=as_json, **of_client)
    return _file(query, source, top, as_json=as_json, **of_client)


def _best(hits: Iterable[Hit], top: int) -> list[Hit]:
    return heapq.nlargest(top, hits, key=lambda hit: (hit.score, -hit.place))


def _say(hit: Hit, unit: str, columns: dict[str, Any] | None, *, as_json: bool) -> None:
    if as_json:
        told: dict[str, Any] = {unit: hit.place, "score": round(hit.score, 6), "text": hit.text}
        if columns is not None:
            told["columns"] = columns
        click.echo(msgspec.json.encode(told, enc_hook=str))  # NaN is null, bytes are Base64
        return
    named = "".join(f"  {name}={shown(str(value), 40)}" for name, value in (columns or {}).items())
    click.echo(f"{hit.score:6.3f}  {unit} {hit.place}{named}  {shown(hit.text or '', 100)}".rstrip())


# A file.


def _file(query: str, source: str, top: int, *, as_json: bool, **of_client: Any) -> int:
    if source.lower().endswith(TABLES):
        raise unusable(
            f"{source} is a table, not lines of text. Embed it first: inworld-embeddings job run {source} -o OUT"
        )
    refused: list[int] = []
    with ExitStack() as held:
        file, name = _opened(source, held)
        client = held.enter_context(client_of(**of_client))
        vector = client.embed(query)
        say_stand_in(local=of_client["local"])
        click.echo(f"note: Embedding the lines of {name}.", err=True)
        outcomes = embedded(client, Feed(blocks_of(file, name)))
        best = _best(_ranked(vector, outcomes, refused), top)
    if not best and not refused:
        raise unusable(f"There are no texts in {name}.")
    for hit in best:
        _say(hit, "line", None, as_json=as_json)
    return REFUSED if refused else 0


def _opened(source: str, held: ExitStack) -> tuple[BinaryIO, str]:
    """The file, and what it is called."""
    if source == "-":
        return sys.stdin.buffer, "standard input"
    try:
        return held.enter_context(Path(source).open("rb")), source
    except OSError as error:
        raise unusable(f"{source}: {error.strerror}.") from None


def _ranked(query: "Vectors", outcomes: "Iterator[Outcome]", refused: list[int]) -> Iterator[Hit]:
    """The lines with their scores; those without a vector are told."""
    for line, outcome in outcomes:
        if isinstance(outcome, InworldEmbeddingsError):
            refused.append(line.number)
            click.echo(f"line {line.number}: {': '.join(told(outcome).values())}", err=True)
        else:
            yield Hit(rank(query, outcome[None])[0][1], line.number, line.text)


# A job.


def _job(query: str, source: str, top: int, *, as_json: bool, **of_client: Any) -> int:
    from ..jobs import open_job  # noqa: PLC0415 - needs the extra `jobs`

    job = open_job(source)
    vector = _query(query, job, **of_client)
    if not job.finished:
        click.echo(f"note: The job is not finished; so far it has {counted(job.rows, 'row')}.", err=True)
    if job.refused:
        click.echo(f"note: The job has {counted(job.refused, 'row')} without a vector.", err=True)
    parts = (
        Hit(score, int(rows[at]))
        for rows, vectors in job.vectors()
        for at, score in rank(vector, vectors)[:top]
    )
    best = _best(parts, top)
    if not best:
        raise unusable(f"There are no vectors in {source} yet.")
    places = [hit.place for hit in best]
    columns, texts = job.carried(places), _texts(job, places)
    for hit in best:
        _say(hit._replace(text=texts.get(hit.place)), "row", columns[hit.place], as_json=as_json)
    return 0


def _query(query: str, job: "OpenJob", **of_client: Any) -> "Vectors":
    """The query's vector, made as those of the job were.

    A fixed text goes with it, whose vector the job knows: so a model that has changed behind its name is found.
    """
    from ..jobs.service import FIXED_TEXT, SAME  # noqa: PLC0415 - needs the extra `jobs`

    made = job.manifest
    with client_like(made, job.out, **of_client) as client:
        result = client.embed([query, FIXED_TEXT], cache=None)  # the cache cannot tell
    say_stand_in(local=made.host == LOCAL_URL)
    if (result.engine, result.dimension) != (made.engine, made.dimension):
        names = [engine or "the service" for engine in (result.engine, made.engine)]
        raise InputChangedError(
            f"The query has {result.dimension} numbers of {names[0]}, the vectors in {job.out} have "
            f"{made.dimension} of {names[1]}. They cannot be compared."
        )
    if (alike := rank(result[1], np.array([made.fixed_vector], np.float32))[0][1]) < SAME:
        raise InputChangedError(
            f"The model is not the one that made the vectors in {job.out}: of the same text it makes another vector "
            f"(cosine {alike:.3f}). Make a new job."
        )
    return result[0]


def _texts(job: "OpenJob", rows: list[int]) -> dict[int, str]:
    """The texts of some rows, as far as they are there still."""
    try:
        return job.texts(rows)
    except (InputChangedError, InvalidInputError) as error:
        click.echo(f"note: The rows are shown without their texts. {error}", err=True)
        return {}
