"""Jobs on a cluster: an engine's workers make the missing parts of a job; see docs/use/cluster.md.

Each engine is a module with a `run_job` that takes what `jobs.run_job` takes: `distributed.ray` (extra ``ray``).
"""
