"""``embed``: texts in, vectors out."""

import json
import sys

import click
from rich.console import Console
from rich.table import Table

from .. import EmbeddingResult
from .common import client_options, make_client, name_engine, shown, texts_or_stdin


@click.command()
@click.argument("texts", nargs=-1)
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "table"]),
    help='json: one {"index", "vector"} a line. Default: table on a terminal, json elsewhere.',
)
@client_options
def embed(
    texts: tuple[str, ...], form: str | None, *, local: bool, model: str | None, timeout: float | None
) -> None:
    """Embed TEXTS, or the lines piped in."""
    wanted = texts_or_stdin(texts)
    with make_client(local=local, model=model, timeout=timeout) as client:
        result = client.embed(wanted)
    name_engine(result.engine)
    if (form or ("table" if sys.stdout.isatty() else "json")) == "table":
        Console().print(_table(wanted, result))
    else:
        for index, vector in enumerate(result.tolist()):
            click.echo(json.dumps({"index": index, "vector": vector}))


def _table(texts: list[str], result: EmbeddingResult) -> Table:
    table = Table(caption=f"{result.dimension} dimensions, model {result.model}")
    for heading in ("#", "text", "first values", "length"):
        table.add_column(heading)
    for index, (text, vector) in enumerate(zip(texts, result, strict=True)):
        values = "  ".join(f"{value:+.4f}" for value in vector[:4])
        table.add_row(str(index), _plain(text), values, f"{float((vector @ vector) ** 0.5):.3f}")
    return table


def _plain(text: str) -> str:
    from rich.markup import escape  # noqa: PLC0415 - a text may hold what looks like markup

    return escape(shown(text))
