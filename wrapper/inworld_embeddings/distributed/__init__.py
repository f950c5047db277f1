"""Jobs on a cluster: an engine's workers make the missing parts of a job; see docs/use/cluster.md.

`distributed.ray` and `distributed.spark` have a `run_job` that takes what `jobs.run_job` takes; `distributed.daft` has a provider
for Daft's ``embed_text``. Each needs the extra of its name.
"""
