"""``embed``: typed texts, or lines piped in, to vectors on standard output or in a file."""

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import click

from . import REFUSED
from .lines import Feed, Line, blocks_of, embedded, typed
from .options import (
    batch_size_option,
    cache_option,
    client_of,
    concurrency_option,
    local_option,
    model_option,
    rate_limit_option,
    timeout_option,
    unusable,
)
from .output import JsonLines, Npy, Table, Writer, whole_file
from .signals import orderly


@click.command()
@click.argument("texts", nargs=-1)
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "table", "npy"]),
    help="Write JSON lines, a table, or a NumPy file. The default is a table on a terminal, npy into a "
    "FILE.npy, and else json.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write into FILE, which appears when all is done.",
)
@batch_size_option
@concurrency_option
@rate_limit_option
@timeout_option
@cache_option
@local_option
@model_option
def embed(texts: tuple[str, ...], form: str | None, output: Path | None, *, local: bool, **given: Any) -> int:
    """Embed TEXTS, or the lines that are piped in.

    Each text is written as soon as it is done, in order. Blank lines are left out. A JSON line is {"index", "line",
    "embedding"}, or {"index", "line", "error"} for a text that was refused: `line` counts the lines of the input from 1,
    `index` the texts from 0.
    """
    form = form or _format_for(output)
    if form == "npy" and output is None and _is_terminal(sys.stdout):
        raise unusable("A NumPy file cannot be shown on a terminal: name an --output, or use a pipe.")
    if output is None and sys.stdout is None:
        raise unusable("Standard output is closed: name an --output.")
    feed, asked = Feed(_blocks(texts)), []

    def stop() -> None:
        asked.append(True)
        feed.stop()
        click.echo("Finishing what was sent. Ctrl-C again stops at once.", err=True)

    with ExitStack() as held:
        client = held.enter_context(client_of(local=local, **given))
        held.enter_context(orderly(stop))
        writer = held.enter_context(_writer(form, output, held))
        for line, outcome in embedded(client, feed):
            if not writer.count:
                say_stand_in(local=local)
            writer.put(line, outcome)
        if asked:
            raise KeyboardInterrupt
        if not writer.count:
            raise unusable("There are no texts in the input.")
    if not writer.refused:
        return 0
    click.echo(f"Texts without a vector: {writer.refused} of {writer.count}.", err=True)
    return REFUSED


def _is_terminal(stream: Any) -> bool:
    return stream is not None and stream.isatty()


def _format_for(output: Path | None) -> str:
    if output is not None:
        return "npy" if output.suffix.lower() == ".npy" else "json"
    return "table" if _is_terminal(sys.stdout) else "json"


def _blocks(texts: tuple[str, ...]) -> Iterator[list[Line]]:
    """The texts that are typed, or those of standard input."""
    if texts in ((), ("-",)):
        if sys.stdin is None or (not texts and sys.stdin.isatty()):
            raise unusable("Give texts as arguments, or pipe them in, one on each line.")
        return blocks_of(sys.stdin.buffer, "standard input")
    if len(texts) == 1 and Path(texts[0]).is_file():
        name = shlex.quote(texts[0])
        click.echo(f"note: This embeds the name. For the lines of the file: embed < {name}", err=True)
    return iter([typed(texts)])


def _writer(form: str, output: Path | None, held: ExitStack) -> Writer:
    """What writes the form, to standard output or into a file."""
    file: IO[bytes] = sys.stdout.buffer if output is None else held.enter_context(whole_file(output))
    if form == "json":
        return JsonLines(file)
    if form == "table":
        return Table(file, "utf-8" if output else sys.stdout.encoding)
    aside = output is None or not file.seekable()
    return Npy(file, held.enter_context(TemporaryFile()) if aside else None)


def say_stand_in(*, local: bool) -> None:
    """Says on standard error that vectors are not the service's, when they are not."""
    host = os.environ.get("INWORLD_EMULATOR_HOST")
    if local or host:
        maker = "the local engine" if local else f"the emulator at {host}"
        click.echo(
            f"note: These vectors are of {maker}, a stand-in. Never mix them with the service's.", err=True
        )
