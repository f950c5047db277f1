"""All faults there are, as one table: `KINDS`.

A row says what may be set of a fault, how that is written, and what the fault does. A new fault is a new row here, and one
in docs/use/local-mode.md.
"""

import json
import re
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil, nan
from struct import iter_unpack
from typing import Any, Final, Literal, TypeAlias

from .. import handle, openai_face
from ..handle import EmbedMessage, check_size, request_bytes, response_bytes
from ..messages import JSON_HEADERS, Carriage, Reply, Request, RpcError, status_reply

LONGEST: Final = 600.0
"""Most seconds of any duration: a typing error must not hold a thread for a day."""
_PLAIN: Final = {"": 1}

_REASONS: Final = {502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}
_VECTOR: Final = {"embeddings": "values", "data": "embedding"}
"""The list in the API's reply and in that of the OpenAI-compatible face, and what a vector is called in it."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a setting is written: what it must be, as the end of a sentence, and what reads it or raises an error."""

    says: str
    read: Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault as a script has it."""

    name: str
    value: Any = None  # what follows "=", or what stands for it
    settings: Mapping[str, Any] = field(default_factory=dict)  # what follows each ";"; only what is given
    chance: float = 1.0

    @property
    def label(self) -> str:
        """Its name in counts, logs and replies, such as ``status=503``. Never a pattern or a message."""
        label = KINDS[self.name].label
        return label.format(self.value) if label and self.value else self.name


@dataclass(frozen=True, slots=True)
class Hit:
    """A fault that a request meets."""

    fault: Fault
    request: Request
    seconds: float = 0.0  # how late the reply is (latency), or how long until there is room again (quota)


@dataclass(frozen=True, slots=True)
class Kind:
    """A row of the table: how a fault is written, and what it does."""

    form: Form | None = None  # of the value after "="
    default: Any = None  # the value where none is written; None where one must be
    settings: Mapping[str, Form] = field(default_factory=dict)  # what may follow ";"
    label: str = ""  # with {} for the value; by default the name
    check: Callable[[Fault], None] | None = None  # raises ValueError if the settings do not go together
    instead: Callable[[Hit], Reply | None] | None = None  # the reply in place of the real one, or None
    spoil: "Change | None" = None  # a good reply made wrong
    carry: "Change | None" = None  # a reply that does not arrive as it should


Change: TypeAlias = Callable[[Hit, Reply], Reply]
"""Makes another reply of one; gives back the same object where there is nothing to do."""

Vectors: TypeAlias = list[Any]
"""Lists of numbers, also where the OpenAI-compatible face sends them in base64."""


def asked(request: Request) -> EmbedMessage:
    """The texts and the model that a request names, on either face; empty ones where it cannot be read."""
    try:
        if request.route != openai_face.EMBEDDINGS:
            return handle.parse(request.body)
        found = openai_face.parse(request.body)
        return EmbedMessage(found.texts, found.model, 0)
    except (RpcError, openai_face.OpenAIError):
        return EmbedMessage((), "", 0)


# How settings are written


def number(text: str, least: float, most: float, units: Mapping[str, float] = _PLAIN) -> float:
    """A decimal number in a range, in a unit if there are any; raises ValueError."""
    found = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)([a-z%]*)", text)
    value = float(found[1]) * units.get(found[2], nan) if found else nan
    if not least <= value <= most:
        raise ValueError(text)
    return value


def whole(least: int, most: int, says: str = "", units: Mapping[str, float] = _PLAIN) -> Form:
    """A whole number."""

    def read(text: str) -> int:
        if "." in text:
            raise ValueError(text)
        return int(number(text, least, most, units))

    return Form(says or f"a whole number from {least} to {most}", read)


def duration(least: float = 0.0) -> Form:
    """Seconds."""
    says = f"a duration from {least:g} to {LONGEST:g} s, such as 2, 0.2s or 200ms"
    return Form(says, lambda text: number(text, least, LONGEST, {"": 1, "s": 1, "ms": 0.001}))


def size(least: int, says: str) -> Form:
    """Bytes."""
    return whole(least, 10**12, says, {"": 1, "k": 1024, "m": 1024 * 1024})


def _amount(text: str) -> float:
    return number(text, 0, 0.99999999999, {"%": 0.01}) if "%" in text else _BYTES.read(text)


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError, Warning):
        text = ""
    if not text:
        raise ValueError
    return text


COUNT: Final = whole(1, 100_000)
SECONDS: Final = duration()
_BYTES: Final = size(0, "a number of bytes")
FLAG: Final = Form("nothing: it has no value", str)


# Replies in place of the real one


def _status(hit: Hit) -> Reply:
    message = f"injected by the emulator: {hit.fault.label}"
    return _hinted(hit, hit.fault.value, hit.fault.settings.get("message", message), hit.fault.settings)


def _over_quota(hit: Hit) -> Reply:
    return _hinted(hit, 429, "quota exceeded", {"retry-after": hit.seconds})


def _hinted(hit: Hit, status: int, message: str, hints: Mapping[str, Any]) -> Reply:
    details: list[Mapping[str, object]] = []
    if "retry-info" in hints:
        delay = f"{hints['retry-info']:.3f}s"
        details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}]
    reply = _refused(hit, status, message, details)
    return replace(reply, headers=reply.headers + _retry_after(hints))


def _refused(hit: Hit, status: int, message: str, details: Sequence[Mapping[str, object]] = ()) -> Reply:
    """An error in the words of the face that was asked."""
    if hit.request.route == openai_face.EMBEDDINGS:
        return openai_face.OpenAIError(status, message).reply
    return status_reply(status, message, details)


def _retry_after(hints: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return (("retry-after", str(ceil(hints["retry-after"]))),) if "retry-after" in hints else ()


def _html(hit: Hit) -> Reply:
    title = f"{hit.fault.value} {_REASONS.get(hit.fault.value, 'Error')}"
    head = f"<html>\r\n<head><title>{title}</title></head>\r\n"
    page = f"{head}<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    headers = (("content-type", "text/html"), *_retry_after(hit.fault.settings))
    return Reply(hit.fault.value, headers, page.encode())


def _dropped(hit: Hit) -> Reply:
    end: Literal["start", "head"] = "head" if hit.fault.value else "start"
    return Reply(200, JSON_HEADERS, b"{}", Carriage(end=end, reset="reset" in hit.fault.settings))


def _poisoned(hit: Hit) -> Reply | None:
    found = [bool(re.search(hit.fault.value, text)) for text in asked(hit.request).texts]
    if not any(found):
        return None
    why = "refused by the emulator's poison pattern"
    places = [{"field": f"inputs[{place}]", "description": why} for place, hit in enumerate(found) if hit]
    detail = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": places}
    return _refused(hit, 400, "invalid input", [] if "silent" in hit.fault.settings else [detail])


def _too_large(hit: Hit, size: int) -> Reply | None:
    try:
        check_size(size, hit.fault.value)
    except RpcError as error:
        return _refused(hit, 429, str(error))
    return None


# Good replies made wrong


def _opened(reply: Reply) -> tuple[dict[str, Any], str, Vectors]:
    """A good reply's JSON, the name of the list in it, and the vectors in that."""
    root = json.loads(reply.body)
    name = "data" if "data" in root else "embeddings"
    found = [row[_VECTOR[name]] for row in root.get(name, [])]
    return root, name, [vector if isinstance(vector, list) else _unpacked(vector) for vector in found]


def _unpacked(vector: str) -> list[Any]:
    return [number for (number,) in iter_unpack("<f", b64decode(vector))]


def _large_reply(hit: Hit, reply: Reply) -> Reply:
    vectors = _opened(reply)[2]
    return _too_large(hit, response_bytes(len(vectors), len(vectors[0]) if vectors else 0)) or reply


def _spoiling(change: Callable[[Vectors, Any], Vectors]) -> Change:
    """Changes the vectors of a reply, given the fault's value."""

    def spoil(hit: Hit, reply: Reply) -> Reply:
        root, name, vectors = _opened(reply)
        made = change(vectors, hit.fault.value)
        if made == vectors:
            return reply
        rows = root[name] + root[name][-1:] * (len(made) - len(vectors))
        if isinstance(rows[0][_VECTOR[name]], str):
            made = [openai_face.packed([nan if n is None else n for n in vector]) for vector in made]
        root[name] = [row | {_VECTOR[name]: vector} for row, vector in zip(rows, made, strict=False)]
        return replace(reply, body=json.dumps(root, separators=(",", ":"), ensure_ascii=False).encode())

    return spoil


def _spoiling_each(change: Callable[[Vectors, Any], Vectors], first: int | None = None) -> Change:
    """Changes each vector from one on; by default all."""
    return _spoiling(lambda all_, value: all_[: first or 0] + [change(one, value) for one in all_[first:]])


# Broken delivery


def _check_latency(latency: Fault) -> None:
    if "p99" in latency.settings and not 0 < latency.value < latency.settings["p99"]:
        raise ValueError("p99 must be more than the median, and that more than 0")


def _late(hit: Hit, reply: Reply) -> Reply:
    return replace(reply, carriage=replace(reply.carriage, delay=reply.carriage.delay + hit.seconds))


def _cut(hit: Hit, reply: Reply) -> Reply:
    after, length = hit.fault.value, len(reply.body)
    after = int(length * after) if after < 1 else int(after)
    if reply.carriage.end is not None or after >= length:
        return reply
    return replace(reply, carriage=replace(reply.carriage, end=after, reset="reset" in hit.fault.settings))


_HEAD: Final = Form("'head', if it has a value", {"head": "head"}.__getitem__)
_RESET: Final = {"reset": FLAG}
_RETRY_AFTER: Final = {"retry-after": SECONDS}
_HINTS: Final = {**_RETRY_AFTER, "retry-info": SECONDS, "message": Form("a text", str)}
_RATE: Final = Form("a number from 0.01 to 1000000", lambda text: number(text, 0.01, 1e6))
_AMOUNT: Final = Form("a number of bytes, or a percentage under 100", _amount)
_LIMIT: Final = size(1, "a number of bytes, such as 65536, 64k or 4m")

KINDS: Final[dict[str, Kind]] = {
    "ok": Kind(),
    "status": Kind(whole(400, 599), settings=_HINTS, label="status={}", instead=_status),
    "rate-limit": Kind(default=429, settings=_HINTS, label="status={}", instead=_status),
    "html": Kind(whole(400, 599), 502, settings=_RETRY_AFTER, label="html={}", instead=_html),
    "latency": Kind(SECONDS, settings={"p99": SECONDS}, check=_check_latency, carry=_late),
    "quota": Kind(_RATE, settings={"burst": COUNT}, instead=_over_quota),
    "drop": Kind(_HEAD, "", settings=_RESET, label="drop={}", instead=_dropped),
    "truncate": Kind(_AMOUNT, 0.5, settings=_RESET, carry=_cut),
    "short": Kind(COUNT, 1, spoil=_spoiling(lambda vectors, count: vectors[:-count])),
    "long": Kind(COUNT, 1, spoil=_spoiling(lambda vectors, count: vectors + vectors[-1:] * count)),
    "ragged": Kind(spoil=_spoiling_each(lambda vector, _: vector[:-1], -1)),
    "null": Kind(spoil=_spoiling_each(lambda vector, _: [None, *vector[1:]], -1)),
    "nan": Kind(spoil=_spoiling_each(lambda vector, _: [nan, *vector[1:]], -1)),
    "zero": Kind(spoil=_spoiling_each(lambda vector, _: [0] * len(vector))),
    "swap": Kind(spoil=_spoiling(lambda v, _: v[-1:] + v[1:-1] + v[:1] if len(v) > 1 else v)),
    "dimension": Kind(
        whole(0, 100_000), spoil=_spoiling_each(lambda vector, size: (vector + [0] * size)[:size])
    ),
    "max-message": Kind(
        _LIMIT, instead=lambda hit: _too_large(hit, request_bytes(asked(hit.request))), spoil=_large_reply
    ),
    "poison": Kind(Form("a regular expression", _pattern), settings={"silent": FLAG}, instead=_poisoned),
}
"""Every fault by its name."""
