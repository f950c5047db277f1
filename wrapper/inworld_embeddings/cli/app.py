"""The command group: common options, exit codes, and errors as one line."""

import sys

import click

from .. import about, errors
from .embed import embed
from .plan import plan
from .search import search
from .serve import serve

FAILED, UNUSABLE, PARTIAL, INTERRUPTED = 1, 2, 3, 130


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
    3 some texts failed; 130 interrupted.
    """


# These two read their own arguments, for they also run where click is not installed.
_own_arguments = app.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
_arguments = click.argument("arguments", nargs=-1, type=click.UNPROCESSED)


@_own_arguments
@_arguments
def demo(arguments: tuple[str, ...]) -> None:
    """Embed a few texts and search them: no key, no network."""
    from .demo import main  # noqa: PLC0415 - each command loads what it needs

    raise click.exceptions.Exit(main(arguments))


@_own_arguments
@_arguments
def vendor(arguments: tuple[str, ...]) -> None:
    """Copy this client into another package's tree, or bring such a copy up to date."""
    from ..vendoring.__main__ import main  # noqa: PLC0415 - each command loads what it needs

    sys.stdout.flush()
    raise click.exceptions.Exit(main(arguments, prog="inworld-embeddings vendor"))


for command in (embed, search, plan, serve):
    app.add_command(command)


def run() -> int:
    """Runs the command line; returns its exit code."""
    try:
        return int(app(standalone_mode=False) or 0)  # what click's Exit carries comes back as the answer
    except click.ClickException as error:
        return _say(error.format_message(), UNUSABLE)
    except (click.Abort, KeyboardInterrupt):
        return _say("interrupted", INTERRUPTED)
    except SystemExit:  # click's way of saying that the reader of our output has seen enough
        return 0
    except errors.PartialFailureError as error:
        return _say(str(error), PARTIAL)
    except (errors.ConfigurationError, errors.InvalidInputError) as error:
        return _say(str(error), UNUSABLE)
    except (errors.InworldEmbeddingsError, OSError) as error:
        return _say(str(error), FAILED)


def _say(message: str, code: int) -> int:
    click.echo(f"error: {' '.join(message.split())}", err=True)
    return code
