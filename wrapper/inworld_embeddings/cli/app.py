"""The commands, how they reach a client and read texts, and their errors: one line and an exit code."""

import json
import sys

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .. import EmbeddingClient, EmbeddingResult, about, errors
from ..models import DEFAULT_MODEL
from ..ranking import rank
from . import FAILED, INTERRUPTED, PAUSED, REFUSED, UNUSABLE
from .doctor import doctor
from .job import job, local_option
from .serve import serve


def run() -> int:
    """Runs the command line; returns its exit code."""
    try:
        return int(app(standalone_mode=False) or 0)
    except click.ClickException as error:
        return _say(error.format_message(), UNUSABLE)
    except (click.Abort, KeyboardInterrupt):
        return _say("interrupted", INTERRUPTED)
    except SystemExit:  # click's way of saying that the reader of our output has seen enough
        return 0
    except errors.PartialFailureError as error:
        return _say(str(error), REFUSED)
    except errors.JobPausedError as error:
        return _say(str(error), PAUSED)
    except ModuleNotFoundError as missing:
        if missing.name != "pyarrow":
            raise
        return _say(str(missing), UNUSABLE)
    except (errors.ConfigurationError, errors.InvalidInputError) as error:
        return _say(str(error), UNUSABLE)
    except (errors.InworldEmbeddingsError, OSError) as error:
        return _say(str(error), FAILED)


def _say(message: str, code: int) -> int:
    click.echo(f"error: {' '.join(message.split())}", err=True)
    return code


def _version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's
    if wanted:
        click.echo(f"inworld-embeddings, version {about()}")
        ctx.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "-V", "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Versions."
)
def app() -> None:
    """Embeddings from Inworld's API, or from a local stand-in that needs no key.

    Exit codes: 0 done; 1 the request failed; 2 unusable arguments or settings;
    3 some texts failed; 75 a job is paused; 130 interrupted.
    """


# Keys come from the environment only: arguments show in process lists.
_model = click.option("--model", metavar="NAME", default=DEFAULT_MODEL, show_default=True)
_timeout = click.option(
    "--timeout", metavar="SECONDS", default=600.0, show_default=True, help="For the whole call."
)


@app.command()
@click.argument("texts", nargs=-1)
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "table"]),
    help='json: one {"index", "vector"} a line. Default: table on a terminal, json elsewhere.',
)
@local_option
@_model
@_timeout
def embed(texts: tuple[str, ...], form: str | None, *, local: bool, model: str, timeout: float) -> None:
    """Embed TEXTS, or the lines piped in."""
    if not texts and sys.stdin.isatty():
        raise click.UsageError("Give texts as arguments, or pipe them in, one on each line.")
    wanted = _lines("-") if texts in ((), ("-",)) else list(texts)
    result = _embedded(wanted, local=local, model=model, timeout=timeout)
    if (form or ("table" if sys.stdout.isatty() else "json")) == "table":
        Console().print(_table(wanted, result))
    else:
        for index, vector in enumerate(result.tolist()):
            click.echo(json.dumps({"index": index, "vector": vector}))


@app.command()
@click.argument("query")
@click.argument("file")
@click.option("--top", type=click.IntRange(min=1), default=5, show_default=True, help="How many to show.")
@local_option
@_model
@_timeout
def search(query: str, file: str, top: int, *, local: bool, model: str, timeout: float) -> None:
    """Rank the lines of FILE (or - for standard input) by their similarity to QUERY."""
    lines = _lines(file)
    result = _embedded([query, *lines], local=local, model=model, timeout=timeout)
    for index, score in rank(result[0], result[1:])[:top]:
        click.echo(f"{score:6.3f}  {_shown(lines[index], 100)}")


@app.command()
@click.argument("file")
@_model
def plan(file: str, model: str) -> None:
    """Say what embedding the lines of FILE (or - for standard input) would send. Sends nothing, needs no key."""
    planned = EmbeddingClient.local(model=model).plan(_lines(file))
    click.echo(f"{planned.texts} texts in {planned.requests} requests, {planned.bytes} bytes")


# These two read their own arguments, for they also run where click is not installed.
_own_arguments = app.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
_arguments = click.argument("arguments", nargs=-1, type=click.UNPROCESSED)


@_own_arguments
@_arguments
def demo(arguments: tuple[str, ...]) -> int:
    """Embed a few texts and search them: no key, no network."""
    from .demo import main  # noqa: PLC0415 - each command loads what it needs

    return main(arguments)


@_own_arguments
@_arguments
def vendor(arguments: tuple[str, ...]) -> int:
    """Copy this client into another package's tree, or bring such a copy up to date."""
    from ..vendoring import main  # noqa: PLC0415 - each command loads what it needs

    return main(arguments, prog="inworld-embeddings vendor")


app.add_command(doctor)
app.add_command(job)
app.add_command(serve)


def _embedded(texts: list[str], *, local: bool, model: str, timeout: float) -> EmbeddingResult:
    """The texts' vectors. Says on standard error that they are a stand-in, when they are."""
    with EmbeddingClient.local() if local else EmbeddingClient() as client:
        result = client.embed(texts, model=model, timeout=timeout)
    if result.engine:
        click.echo(
            f"engine: {result.engine} (a local stand-in; never mix its vectors with the service's)", err=True
        )
    return result


def _lines(path: str) -> list[str]:
    """The non-empty lines of a UTF-8 file, or of standard input for ``-``."""
    try:
        with click.open_file(path, encoding="utf-8-sig") as file:
            lines = [line.rstrip("\r\n") for line in file]
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{path}: not UTF-8 at byte {error.start}.") from None
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}.") from None
    texts = [line for line in lines if line.strip()]
    if not texts:
        raise click.UsageError(f"{path}: no texts in it.")
    return texts


def _shown(text: str, width: int = 60) -> str:
    """A text on one line, cut, without control characters that could drive the terminal."""
    line = "".join(char if char.isprintable() else " " for char in text)
    return line if len(line) <= width else line[: width - 1] + "…"


def _table(texts: list[str], result: EmbeddingResult) -> Table:
    table = Table(caption=f"{result.dimension} dimensions, model {result.model}")
    for heading in ("#", "text", "first values", "length"):
        table.add_column(heading)
    for index, (text, vector) in enumerate(zip(texts, result, strict=True)):
        values = "  ".join(f"{value:+.4f}" for value in vector[:4])
        length = f"{float((vector @ vector) ** 0.5):.3f}"
        table.add_row(str(index), escape(_shown(text)), values, length)  # a text may look like markup
    return table
