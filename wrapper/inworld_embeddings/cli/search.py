"""``search``: rank the lines of a file by their similarity to a query."""

import click

from ..ranking import rank
from .common import client_options, make_client, name_engine, read_lines, shown


@click.command()
@click.argument("query")
@click.argument("file")
@click.option("--top", type=click.IntRange(min=1), default=5, show_default=True, help="How many to show.")
@client_options
def search(query: str, file: str, top: int, *, local: bool, model: str | None, timeout: float | None) -> None:
    """Rank the lines of FILE (or - for standard input) by their similarity to QUERY."""
    lines = read_lines(file)
    with make_client(local=local, model=model, timeout=timeout) as client:
        result = client.embed([query, *lines])
    name_engine(result.engine)
    for index, score in rank(result[0], result[1:])[:top]:
        click.echo(f"{score:6.3f}  {shown(lines[index], 100)}")
