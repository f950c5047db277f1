"""Has a forked child make its decoder anew: another thread may have held it at the moment of the fork."""

import os

from .._core.decode import renew_after_fork

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=renew_after_fork)
