"""The engine: one async implementation that drives the core over the seam. The sync client is a face of it."""
