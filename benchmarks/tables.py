"""The tables of docs/use/performance.md, each from the raw figures. Pure."""

from collections.abc import Iterable, Sequence
from functools import partial
from statistics import median

from bodies import bytes_per_float
from decoding import BATCH, ORJSON
from figures import (
    Figures,
    Row,
    Spread,
    cpu_over_ideal,
    cpu_per_million,
    ideal,
    memory_over_result,
    per_call,
    row_of,
    rows_where,
    server_cpu_per_million,
    spread,
    wall_over_ideal,
)
from peers import BASETEN, OPENAI, OURS, PEERS, PINECONE

NOT_MEASURED = "Not measured in this edition.\n"


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table in Markdown: words to the left, numbers to the right."""
    rows = [tuple(line) for line in lines]
    sides = [
        "---:" if all(_is_number(cell) for cell in column) else "---" for column in zip(*rows, strict=True)
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in (head, sides, *rows))


def _is_number(cell: str) -> bool:
    return cell[:1].isdigit() or cell in ("", "–")


def machine(figures: Figures) -> str:
    """The machine in one line."""
    quick = " A quick run: fewer clients, texts and repeats." if figures.get("quick") else ""
    minutes = sum(figures.get("seconds", {}).values()) / 60
    return f"{figures['machine']}; load average before the start {figures['load']:.1f}; {minutes:.0f} minutes.{quick}"


def versions(figures: Figures) -> str:
    """The versions in one line."""
    return ", ".join(f"{name} {found}" for name, found in figures["versions"].items())


def times(value: float, of: float | None) -> str:
    """A ratio, or a dash."""
    return "–" if not of else f"{value / of:.2f}" if value / of >= 0.1 else f"{value / of:.3f}"


def _base(rows: Iterable[Row]) -> float | None:
    row = row_of(rows, BASETEN)
    return cpu_per_million(row).middle if row else None


def throughput(figures: Figures) -> str:
    """Every client in the main case."""
    rows = rows_where(figures.get("throughput", []), dimension=768, concurrency=16, result="array")
    if not rows:
        return NOT_MEASURED
    base = _base(rows)
    head = (
        "client", "wire", "texts", "CPU ms per 1M floats", "× baseten", "wall / ideal", "memory / result", "requests", "samples",
    )  # fmt: skip
    lines = [
        (
            row["peer"],
            PEERS[row["peer"]].wire,
            f"{row['texts']:,}",
            f"{cpu_per_million(row):.1f}",
            times(cpu_per_million(row).middle, base),
            f"{wall_over_ideal(row):.2f}",
            f"{memory_over_result(row).middle:.1f}",
            str(row["samples"][0]["server"]["requests"]),
            str(len(row["samples"])),
        )
        for row in sorted(rows, key=lambda row: cpu_per_million(row).middle)
    ]
    served = median(server_cpu_per_million(row).middle for row in rows)
    note = (
        f"\nThe service itself spends {served:.1f} ms per 1M floats, in its own process. A number takes "
        f"{bytes_per_float(768):.1f} bytes of JSON, its comma included.\n"
    )
    return table(head, lines) + note


def floor(figures: Figures) -> str:
    """Why the wall can't be the ideal one: decoding takes time as well."""
    lines = []
    for dimension in (768, 1536):
        found = rows_where(figures.get("throughput", []), dimension=dimension, concurrency=16, result="array")
        ours, theirs = row_of(found, OURS), row_of(found, BASETEN)
        if ours and theirs:
            lines.append(
                f"At {dimension} dimensions the client's CPU alone takes {cpu_over_ideal(ours).middle:.2f} times the "
                f"ideal schedule, so what runs in one thread cannot end sooner. Baseten's, in several threads, takes "
                f"{cpu_over_ideal(theirs).middle:.2f} times, and its wall {wall_over_ideal(theirs).middle:.2f}."
            )
    return "\n".join(lines) + "\n"


def other_cases(figures: Figures) -> str:
    """CPU and wall at other concurrencies and dimensions."""
    rows = rows_where(figures.get("throughput", []), result="array")
    cases = [(dimension, concurrency) for dimension in (768, 1536) for concurrency in (1, 16, 64)]
    if not rows:
        return NOT_MEASURED
    head = ("client", *(f"{dimension}, {concurrency}" for dimension, concurrency in cases))
    lines = []
    for label in PEERS:
        found = [row_of(rows_where(rows, dimension=d, concurrency=c), label) for d, c in cases]
        if any(found):
            lines.append((label, *map(_cpu_and_wall, found)))
    return table(head, lines)


def _cpu_and_wall(row: Row | None) -> str:
    return "–" if row is None else f"{cpu_per_million(row).middle:.1f} · {wall_over_ideal(row).middle:.2f}"


def as_lists(figures: Figures) -> str:
    """CPU when lists of Python floats are wanted."""
    rows = rows_where(figures.get("throughput", []), result="lists")
    if not rows:
        return NOT_MEASURED
    head = ("client", "768", "× baseten", "1536", "× baseten")
    lines = []
    by_dimension = [rows_where(rows, dimension=dimension) for dimension in (768, 1536)]
    for label in PEERS:
        cells: list[str] = []
        for part in by_dimension:
            row = row_of(part, label)
            cells += ["–", "–"] if row is None else _with_ratio(cpu_per_million(row), _base(part))
        if set(cells) != {"–"}:
            lines.append((label, *cells))
    return table(head, lines)


def _with_ratio(value: Spread, base: float | None) -> list[str]:
    return [f"{value.middle:.1f}", times(value.middle, base)]


def first_call(figures: Figures) -> str:
    """Wall time of a client's first call."""
    rows = figures.get("first", [])
    if not rows:
        return NOT_MEASURED
    lines = [(row["peer"], f"{wall_over_ideal(row):.2f}", f"{cpu_per_million(row):.1f}") for row in rows]
    return table(("client", "wall / ideal", "CPU ms per 1M floats"), lines)


def decode(figures: Figures) -> str:
    """Decoding alone."""
    sizes = figures.get("decode", {})
    if not sizes:
        return NOT_MEASURED
    head = ("decoder", *(cell for size in sizes for cell in (f"{size}-d, ms per 1M floats", "× orjson")))
    lines = []
    for label in next(iter(sizes.values())):
        cells = [label]
        for size, taken in sizes.items():
            value = spread(seconds * 1e9 / (BATCH * int(size)) for seconds in taken[label])
            cells += [f"{value.middle:.1f}", times(median(taken[label]), median(taken[ORJSON]))]
        lines.append(cells)
    return table(head, lines)


def start(figures: Figures) -> str:
    """Import to constructed client."""
    taken = figures.get("start", {})
    if not taken:
        return NOT_MEASURED
    base = median(taken[PINECONE])
    lines = [
        (label, f"{spread(second * 1e3 for second in seconds):.0f}", times(median(seconds), base))
        for label, seconds in sorted(taken.items(), key=lambda item: median(item[1]))
    ]
    return table(("client", "CPU ms", "× pinecone"), lines)


def single(figures: Figures) -> str:
    """One small text, one call after another."""
    rows = figures.get("single", [])
    if not rows:
        return NOT_MEASURED
    cpu, wall = partial(per_call, what="cpu"), partial(per_call, what="wall")
    openai = row_of(rows, OPENAI)
    base = cpu(openai).middle if openai else None
    lines = [
        (row["peer"], f"{cpu(row):.3f}", times(cpu(row).middle, base), f"{wall(row):.3f}")
        for row in sorted(rows, key=lambda row: cpu(row).middle)
    ]
    return table(("client", "CPU ms per call", "× openai", "wall ms per call"), lines)


AXES = ("texts", "dimension", "concurrency", "latency")


def scaling_axes(figures: Figures) -> dict[str, list[Row]]:
    """Rows by the one setting that grows in them; the others are those of the base case."""
    rows = figures.get("scaling", [])
    base = {"texts": 20_480, "dimension": 768, "concurrency": 16, "latency": 0.03}
    return {
        axis: rows_where(rows, **{name: value for name, value in base.items() if name != axis})
        for axis in AXES
    }


def scaling(figures: Figures) -> str:
    """How the cost grows."""
    if not figures.get("scaling"):
        return NOT_MEASURED
    head = ("what grows", "to", "ours, CPU ms per 1M floats", "baseten", "ours, wall s", "baseten", "ideal")
    lines = []
    for axis, rows in scaling_axes(figures).items():
        for value in dict.fromkeys(row[axis] for row in sorted(rows, key=lambda row: row[axis])):
            pair = [row_of(rows_where(rows, **{axis: value}), label) for label in (OURS, BASETEN)]
            found = [row for row in pair if row is not None]
            cpu = [f"{cpu_per_million(row).middle:.1f}" for row in found]
            wall = [f"{spread(sample['wall'] for sample in row['samples']).middle:.2f}" for row in found]
            lines.append((axis, f"{value:,}", *cpu, *wall, f"{ideal(found[0]):.2f}"))
    return table(head, lines)


def stream(figures: Figures) -> str:
    """The resident set of a long stream."""
    rows = rows_where(figures.get("memory", []), result="stream")
    if not rows:
        return NOT_MEASURED
    sample, megabyte = rows[0]["samples"][0], 2**20
    sizes = [size / megabyte for size in sample["resident"]]
    whole = rows[0]["texts"] * rows[0]["dimension"] * 4 / megabyte
    early, late = sizes[len(sizes) // 10], sizes[-1]
    return (
        f"`embed_iter` over {rows[0]['texts']:,} short texts, {rows[0]['dimension']} dimensions, concurrency "
        f"{rows[0]['concurrency']}: {early:.0f} MiB resident after a tenth of the way, {late:.0f} MiB at its end, "
        f"{max(sizes):.0f} MiB at most; the vectors as an array would be {whole:,.0f} MiB. "
        f"{rows[0]['texts'] / sample['wall']:,.0f} texts/s, {sample['cpu']:.1f} s of CPU.\n"
    )


def memory(figures: Figures) -> str:
    """Memory of one large result."""
    rows = rows_where(figures.get("memory", []), result="array")
    if not rows:
        return NOT_MEASURED
    lines = [
        (row["peer"], f"{row['texts']:,} × {row['dimension']}", f"{memory_over_result(row).middle:.2f}")
        for row in rows
    ]
    return table(("client", "result", "growth of the resident set / result"), lines)
