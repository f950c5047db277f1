"""The engine: one asynchronous implementation for both clients.

A text's way: `engine` plans batches and keeps a window of them in work; `batch_runner` repeats, splits and bisects a
batch until each of its texts has a vector or an error; `admission` says when its next request may start; `attempt`
sends it once; `results` puts what came back in its place.
"""
