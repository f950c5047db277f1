"""The pure core: no I/O, no clock, no environment, no randomness of its own.

What needs the time or a random number is given it. The core imports nothing of ours but ``errors`` and ``result``.
"""
