"""What a regeneration did, as Markdown for a pull request. Pure."""

from dataclasses import dataclass, field

FENCE = "````"


@dataclass(frozen=True, slots=True)
class Step:
    """One step and what became of it.

    Attributes:
        name: Such as ``generate``.
        said: A line for the table.
        failed: Whether it failed.
        details: Markdown to be shown below the table.
    """

    name: str
    said: str
    failed: bool = False
    details: str = ""


@dataclass(slots=True)
class Run:
    """The steps so far."""

    steps: list[Step] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        return any(step.failed for step in self.steps)

    def markdown(self, outcome: str) -> str:
        """Return the summary; `outcome` says what was done with the result."""
        rows = [f"| {step.name} | {'FAILED' if step.failed else 'ok'} | {step.said} |" for step in self.steps]
        table = ["| step | | |", "|---|---|---|", *rows]
        details = [
            text for step in self.steps if step.details for text in (f"## {step.name}", "", step.details, "")
        ]
        return (
            "\n".join(["# Regenerated from the spec", "", outcome, "", *table, "", *details]).rstrip() + "\n"
        )


def block(text: str, language: str = "") -> str:
    """Return a text as a fenced block."""
    return f"{FENCE}{language}\n{text.rstrip()}\n{FENCE}"


def folded(title: str, text: str) -> str:
    """Return a text that a reader has to open."""
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"
