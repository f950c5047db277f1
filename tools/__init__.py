"""Programs for this project, none of which is installed: run them by `nox`, or as `python -m tools.spec.sync` from here.

`spec/` takes the published spec, compares it and holds our code against it; `generate/` makes code and fixtures of it;
`regenerate.py` does both in order. `release/` is what a release needs.
"""


class ToolError(Exception):
    """A program cannot go on. The first line says why, more may follow."""
