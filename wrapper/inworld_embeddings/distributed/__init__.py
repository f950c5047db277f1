"""Jobs on a cluster: an engine's workers make the missing parts of a job; see docs/use/cluster.md.

`distributed.ray`, `distributed.spark` and `distributed.daft` have a `run_job` that takes what `jobs.run_job` takes. Each needs
the extra of its name.
"""
