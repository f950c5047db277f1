"""``vendor``: a copy of this client in another package's tree. Its arguments are the program's own."""

import sys

import click


@click.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": []}, add_help_option=False
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def vendor(arguments: tuple[str, ...]) -> None:
    """Copy this client into another package's tree, or bring such a copy up to date."""
    from ..vendoring.program import main  # noqa: PLC0415 - only this command pays

    sys.stdout.flush()
    raise click.exceptions.Exit(main(arguments, prog="inworld-embeddings vendor"))
