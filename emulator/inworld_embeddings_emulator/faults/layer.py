"""`FaultLayer`: lets faults happen to the requests of a handler, itself a handler; and the doors to them over HTTP.

The emulator stays a pure function, and whoever carries its replies need know only one handler.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import msgspec

from inworld_embeddings.errors import ConfigurationError

from ..handle import EMBED_PATH
from ..messages import JSON_HEADERS, Handler, Reply, Request, status_reply
from .kinds import KINDS, Fault, Hit
from .reader import parse
from .state import NOTHING, Faults

HEADER: Final = "x-inworld-emulator-fault"
"""Asks for faults in a request, and names them in its reply."""

ADMIN_PATH: Final = "/_emulator/faults"
"""Reads and changes the faults of all requests, where chaos is on."""


class FaultLayer:
    """Lets faults happen to the requests of another handler.

    The script applies to POST requests. One that names faults of its own in `HEADER`, and has the right key, gets those
    instead, and leaves the script where it was.

    Args:
        handler: Gives the real replies.
        faults: The script, or `Faults` to change it later. By default nothing goes wrong.
        chaos: Whether `ADMIN_PATH` changes the script, for whoever has the key.

    Attributes:
        faults: The script at work: to change, and to count.

    Raises:
        ConfigurationError: a script that cannot be.
    """

    faults: Faults

    def __init__(self, handler: Handler, faults: Faults | str | None = None, *, chaos: bool = False) -> None:
        self._handler = handler
        self._chaos = chaos
        self.faults = faults if isinstance(faults, Faults) else Faults(NOTHING if faults is None else faults)

    @property
    def uses_test_key(self) -> bool:
        return self._handler.uses_test_key

    def handle(self, request: Request) -> Reply:
        """The handler's reply, or what the faults make of it."""
        if self._chaos and request.route == ADMIN_PATH:
            return self._administered(request)
        asked = request.headers.get(HEADER)
        if asked is None:
            return self._reply(request, self.faults.next(request) if request.method == "POST" else [])
        headers = {name: text for name, text in request.headers.items() if name != HEADER}
        return self._as_asked(replace(request, headers=headers), asked)

    def _reply(self, request: Request, hits: Sequence[Hit]) -> Reply:
        reply, labels = apply(hits, request, self._handler.handle)
        self.faults.note(request, reply, labels)
        return reply

    def _as_asked(self, request: Request, text: str) -> Reply:
        """The reply to a request that names faults of its own. Without the right key, it does not."""
        if request.method != "POST" or self._probe(request).status not in (200, 400):
            return self._reply(request, [])
        try:
            faults = _own_faults(text, patterns=self._chaos)
        except ConfigurationError as error:
            return status_reply(400, f"{HEADER}: {error}")
        return self._reply(request, self.faults.once(faults, request))

    def _administered(self, request: Request) -> Reply:
        probe = self._probe(replace(request, method="POST", path=EMBED_PATH))
        return _administer(self.faults, request) if probe.status == 200 else probe

    def _probe(self, request: Request) -> Reply:
        """What the handler says when asked in the same way, but for nothing: 200 or 400 if the key is right."""
        return self._handler.handle(replace(request, body=b""))


def apply(hits: Sequence[Hit], request: Request, real: Callable[[Request], Reply]) -> tuple[Reply, list[str]]:
    """The reply to a request that has met some faults, and the labels of those that had something to do.

    The real reply is not asked for if a fault replies instead.
    """
    met = [(hit, KINDS[hit.fault.name]) for hit in hits]
    reply, labels = None, []
    for hit, kind in met:
        if not reply and kind.instead and (reply := kind.instead(hit)):
            labels.append(hit.fault.label)
    reply = reply or real(request)
    spoils = [(hit, kind.spoil) for hit, kind in met if reply.status == 200]
    for hit, change in [*spoils, *((hit, kind.carry) for hit, kind in met)]:
        before, reply = reply, change(hit, reply) if change else reply
        labels += [hit.fault.label] if reply is not before else []
    if labels:
        reply = replace(reply, headers=(*reply.headers, (HEADER, ", ".join(labels))))
    return reply, labels


def _own_faults(text: str, *, patterns: bool) -> Sequence[Fault]:
    """The faults in a header; patterns only where they are welcome: an evil one holds up every thread of the process.

    Raises:
        ConfigurationError: it cannot be read, or reaches beyond its request.
    """
    script = parse(text)
    step, names = script.steps[0], {fault.name for fault in script.steps[0].faults}
    if len(script.steps) > 1 or script.repeat or step.times or step.seconds or "quota" in names:
        raise ConfigurationError(
            "one request has one step: ',', 'x', 'for', 'repeat' and quotas are for a script of the whole server, which "
            f"serve --fault sets, or with serve --chaos a PUT to {ADMIN_PATH}"
        )
    if "poison" in names and not patterns:
        raise ConfigurationError("poison is for scripts, unless the emulator was started with serve --chaos")
    return step.faults


class _Setting(msgspec.Struct, forbid_unknown_fields=True):
    faults: str
    seed: int | None = None


def _administer(faults: Faults, request: Request) -> Reply:
    """The reply to an admin call that has shown the key: GET, PUT of a script or of JSON, DELETE."""
    try:
        match request.method:
            case "GET":
                pass
            case "PUT" if request.body.lstrip().startswith(b"{"):
                setting = msgspec.json.decode(request.body, type=_Setting)
                faults.set(setting.faults, seed=setting.seed)
            case "PUT":
                faults.set(request.body.decode())
            case "DELETE":
                faults.clear()
            case _:
                return status_reply(405, "GET reads the faults, PUT sets them, DELETE ends them")
    except ConfigurationError as error:
        return status_reply(400, str(error))
    except (ValueError, msgspec.MsgspecError, RecursionError):  # of the oldest msgspec it is no ValueError
        form = '{"faults": "a script", "seed": a whole number}'
        return status_reply(400, f"the body must be UTF-8: a script, or the JSON {form}")
    told = {"faults": faults.script, "seed": faults.seed, "requests": faults.requests}
    body = json.dumps(told | {"injected": faults.injected}).encode()
    return Reply(200, (*JSON_HEADERS, ("cache-control", "no-store")), body)
