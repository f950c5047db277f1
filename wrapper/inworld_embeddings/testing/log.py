"""What an emulator was asked, to assert on. The texts in it are the test author's own, and stay out of every repr."""

import threading
from dataclasses import dataclass, field

from ..emulator.faults.texts import asked
from ..emulator.messages import Reply, Request


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request, and what became of it.

    Attributes:
        method: Such as ``POST``.
        path: Such as ``/ml/v1alpha/embedding:embed``, without a query.
        texts: The texts, in order; none if the request could not be read.
        model: Name of the model, empty if absent.
        status: HTTP status of the answer; None if the connection was dropped instead.
        faults: Labels of the faults in the answer, such as ``("status=503",)``.
    """

    method: str
    path: str
    texts: tuple[str, ...] = field(repr=False)
    model: str
    status: int | None
    faults: tuple[str, ...]

    def __len__(self) -> int:
        """How many texts it had."""
        return len(self.texts)


class RequestLog:
    """The requests of an emulator in the order in which they were answered. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[LoggedRequest] = []

    @property
    def requests(self) -> list[LoggedRequest]:
        """The requests so far."""
        with self._lock:
            return list(self._requests)

    @property
    def texts(self) -> list[str]:
        """The texts of all requests. Those of a request that was sent again are there again."""
        return [text for request in self.requests for text in request.texts]

    @property
    def statuses(self) -> list[int | None]:
        """The status of each answer; None where the connection was dropped."""
        return [request.status for request in self.requests]

    def clear(self) -> None:
        """Forgets them."""
        with self._lock:
            self._requests.clear()

    def note(self, request: Request, reply: Reply, faults: tuple[str, ...]) -> None:
        """Takes down an exchange. This is what `Faults.watch` wants."""
        message = asked(request)
        path = request.path.partition("?")[0]
        status = None if reply.carriage.drop else reply.status
        made = LoggedRequest(request.method, path, message.texts, message.model, status, faults)
        with self._lock:
            self._requests.append(made)

    def __len__(self) -> int:
        return len(self._requests)

    def __repr__(self) -> str:
        return f"<RequestLog of {len(self)} requests>"
