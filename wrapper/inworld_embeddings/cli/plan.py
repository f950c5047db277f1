"""``plan``: what embedding a file would send."""

import click

from .common import make_client, read_lines


@click.command()
@click.argument("file")
@click.option("--model", metavar="NAME", help="Default: the model of the spec's examples.")
def plan(file: str, model: str | None) -> None:
    """Say what embedding the lines of FILE (or - for standard input) would send. Sends nothing, needs no key."""
    planned = make_client(local=True, model=model, timeout=None).plan(read_lines(file))
    click.echo(f"{planned.texts} texts in {planned.requests} requests, {planned.bytes} bytes")
