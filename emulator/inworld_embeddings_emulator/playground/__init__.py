"""The playground: one page at ``/`` to try texts, vectors and faults in a browser.

A layer around any handler, of plain files and without a build step. `serve` puts it there, a test's `EmulatorServer`
does not. The page asks this server alone: its Content-Security-Policy allows nothing else.
"""

from .layer import Playground

__all__ = ["Playground"]
