"""``vendor``: the program of `vendoring`, with the arguments that it declares."""

from pathlib import Path
from typing import Any

import click

from .. import vendoring


@click.command(
    help=vendoring.ABOUT,
    epilog=vendoring.CODES,
    short_help="Copy this client into another package, or update such a copy.",
)
@click.argument("dest", type=click.Path(path_type=Path))
def vendor(dest: Path, check: bool, **given: Any) -> int:  # noqa: FBT001 - click's
    """Runs it, see `vendoring`."""
    return vendoring.run(dest, check_only=check, **given)


vendor.params += [
    click.Option([f"--{name}"], metavar=value, is_flag=value is None, help=text)
    for name, (value, text) in vendoring.OPTIONS.items()
]
