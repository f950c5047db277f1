"""Jobs: embed a table of any size into a folder of Parquet files; killed at any moment, it goes on where it was.

Needs pyarrow: ``pip install 'inworld-embeddings[jobs]'``. What a job's folder holds, and what a kill costs, is in
docs/use/jobs.md.
"""

import os
from functools import partial
from importlib.util import find_spec
from typing import Unpack

if find_spec("pyarrow") is None:
    raise ModuleNotFoundError("Jobs need pyarrow (the extra `jobs`): pip install pyarrow", name="pyarrow")

from ..client import AsyncEmbeddingClient, EmbeddingClient
from .files import Sources, place
from .manifest import Manifest
from .options import JobEvent, JobOptions, JobPlan, JobReport
from .results import OpenJob, export_job, open_job, verify_job
from .runner import Job
from .service import async_or_own, like, or_own
from .tables import aembed_table, embed_table

__all__ = [
    "JobEvent",
    "JobOptions",
    "JobPlan",
    "JobReport",
    "OpenJob",
    "aembed_table",
    "arun_job",
    "embed_table",
    "export_job",
    "open_job",
    "plan_job",
    "retry_job",
    "run_job",
    "verify_job",
]


def run_job(
    source: Sources,
    out: str | os.PathLike[str],
    *,
    client: EmbeddingClient | None = None,
    **options: Unpack[JobOptions],
) -> JobReport:
    """Embeds an input into a folder. Run again after a crash, it makes only the parts that are missing.

    Args:
        source: Parquet, Arrow, JSON Lines, CSV, TSV or text files: a path, a glob, a folder, or several of these. Lines
            may be in .gz or .zst files.
        out: The folder. It must not exist, be empty, or hold this very job.
        client: Sends the texts. None: an `EmbeddingClient()` of its own.
        **options: Any of `JobOptions`.

    Raises:
        ConfigurationError: a column that is not there or is no text, an option out of range; nothing was sent.
        InvalidInputError: a file that is not there or cannot be read.
        JobLockedError: another process runs this job.
        InputChangedError: input, settings, versions or the model are not what they were.
        JobCorruptError: a part is damaged.
        StorageError: the folder cannot be written.
        JobPausedError: an outage, the key or a quota; the same call goes on later.
        JobError: the folder is no job's; the service refuses everything; a refused row, with ``on_refused="stop"``.
    """
    with or_own(client) as own:
        return own._run(lambda: arun_job(source, out, client=own._for_its_loop(), **options))  # noqa: SLF001 - a part of the same package


async def arun_job(
    source: Sources,
    out: str | os.PathLike[str],
    *,
    client: AsyncEmbeddingClient | None = None,
    **options: Unpack[JobOptions],
) -> JobReport:
    """As `run_job`, awaited. Cancelling it stops at once; what is published stays."""
    async with async_or_own(client) as own:
        return await Job(own, source, place(out), options).run()


def plan_job(
    source: Sources,
    out: str | os.PathLike[str] | None = None,
    *,
    client: EmbeddingClient | None = None,
    **options: Unpack[JobOptions],
) -> JobPlan:
    """What `run_job` would send. Reads all of the input; sends nothing, writes nothing, needs no key.

    Args:
        source: As for `run_job`.
        out: The folder, if it may be among the source: what is in it is no input.
        client: Its options count. None: the defaults.
        **options: As for `run_job`.
    """
    if client is None:
        client = EmbeddingClient(api_key=lambda: "")  # never asked: nothing is sent
    face = client._for_its_loop()  # noqa: SLF001 - a part of the same package
    return client._run(lambda: Job(face, source, place(out or os.devnull), options).plan())  # noqa: SLF001


def retry_job(
    out: str | os.PathLike[str], *, client: EmbeddingClient | None = None, **options: Unpack[JobOptions]
) -> JobReport:
    """Sends the refused rows of a job again. Their texts are read from the input, as it was when the job began.

    Args:
        out: The job's folder.
        client: None: one that makes vectors as the job's, with the key of the environment.
        **options: ``patience``, ``cache``, ``other_versions``, ``stop`` and ``on_event``; the others are the job's own.

    Raises:
        JobError: the folder holds no job; and all that `run_job` raises.
    """
    folder = place(out)
    known = Manifest.needed(folder)
    with or_own(client, partial(like, known)) as own:
        its_own = JobOptions(
            text=known.text,
            id=known.id,
            keep=known.keep,
            rows_per_part=known.rows_per_part,
            max_rows=known.max_rows,
        )
        paths, face = [file.path for file in known.inputs], own._for_its_loop()  # noqa: SLF001 - a part of the same package
        return own._run(lambda: Job(face, paths, folder, {**options, **its_own}).run(again=True))  # noqa: SLF001
