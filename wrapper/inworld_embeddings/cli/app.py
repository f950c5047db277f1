"""The command group: common options, exit codes, and errors as one line."""

import click

from .. import about, errors
from .embed import embed
from .plan import plan
from .search import search
from .serve import serve
from .vendor import vendor

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


for command in (embed, search, plan, serve, vendor):
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
