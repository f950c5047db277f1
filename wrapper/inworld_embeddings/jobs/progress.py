"""What a job tells while it runs, and what it would send."""

import logging
import time
from collections.abc import Callable
from math import inf
from typing import Any

from .inputs import Reader
from .options import JobEvent, JobPlan, Told
from .service import Service

logger = logging.getLogger(__name__.removesuffix(".jobs.progress"))  # a vendored copy has its own


class Progress:
    """Counts, and tells whoever wants to know.

    Attributes:
        rows: Rows that have ended, those of earlier runs included.
        refused: Refused rows of this run.
        sent: Rows that this run sent.
        read: Rows that were read.
        share: How much of the input that is, if it can be told.
    """

    def __init__(
        self, on_event: Callable[[JobEvent], object] | None, max_rows: float, service: Service
    ) -> None:
        self._on_event, self._max_rows, self._service = on_event, max_rows, service
        self._began = time.monotonic()
        self.rows = self.refused = self.sent = self.read = 0
        self.share: float | None = None

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return time.monotonic() - self._began

    def tell(self, kind: Told, message: str = "", **more: Any) -> None:
        """Calls back. What that raises is logged once, and ends only that, as with the client's own progress."""
        if self._on_event is None:
            return
        total = None if not self.share else max(self.read, round(self.read / self.share))
        event = JobEvent(
            kind,
            rows=self.rows,
            total=None if total is None else int(min(total, self._max_rows)),
            refused=self.refused,
            sent=self.sent,
            requests=self._service.requests,
            retries=self._service.retries,
            cache_hits=self._service.cache_hits,
            seconds=self.seconds,
            message=message,
            **more,
        )
        try:
            self._on_event(event)
        except Exception:
            logger.exception("on_event failed; it is not called again")
            self._on_event = None


def planned(reader: Reader, service: Service, max_rows: float, pieces: float = inf) -> JobPlan:
    """What would be sent: by all of the input, or estimated by its first pieces of 64 batches each."""
    sums = [0] * 7
    step = service.batch_size * 64
    share: float | None = 0.0
    while pieces > 0 and share != 1.0:
        piece = reader.take(int(min(step, max_rows - sums[0])))
        texts = [text for text in service.checked(piece.texts) if isinstance(text, str)]
        plan = service.plan(texts)
        tokens = sum(len(text.encode()) for text in texts) // 4
        rows, refused = len(piece.texts), len(piece.texts) - len(texts)
        more = (rows, refused, plan.requests, plan.bytes, tokens, plan.long_texts, plan.cache_hits)
        sums = [one + another for one, another in zip(sums, more, strict=True)]
        share, pieces = 1.0 if rows < step else reader.share, pieces - 1
    factor = min(1 / (share or 1.0), max_rows / max(sums[0], 1))
    rows, refused, requests, size, tokens, long_texts, hits = (round(one * factor) for one in sums)
    return JobPlan(rows, refused, requests, size, tokens, long_texts, hits, exact=share == 1.0)
