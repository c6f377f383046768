"""The end of each failed step of a GitHub job, from the output of ``gh run view --log-failed``. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from fleetscripts.core.records.redact import redact
from fleetscripts.core.records.sanitize import ESCAPE_SEQUENCE, fit
from fleetscripts.dataclass import dataclass
from fleetscripts.pattern import pattern

MOST_LINES = 40
MOST_COLUMNS = 300
"""Of each line."""
MOST_STEPS = 3
"""Of one job, the last ones."""

_STAMP = pattern(r"^\ufeff?\d{4}-\d\d-\d\dT[\d:.]+Z ?")
_MARK = pattern(r"^##\[(?:error|warning|debug|command|group|endgroup)\]")


@dataclass(frozen=True, slots=True)
class FailedStep:
    """One step that failed, and the end of its output. All of it is hostile."""

    job: str
    step: str
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join((f"{self.job} / {self.step}:", *self.lines))


def failed_steps(printed: str) -> list[FailedStep]:
    """The log's lines are ``JOB<tab>STEP<tab>TIME TEXT``; a line of another form continues the step before it."""
    rows: list[tuple[tuple[str, str], str]] = []
    for line in printed.split("\n"):
        job, _, rest = line.partition("\t")
        step, tab, text = rest.partition("\t")
        if tab:
            rows.append(((job, step), text))
        elif rows:
            rows.append((rows[-1][0], line))
    ends = [
        (of, [shown for _, text in found if (shown := _shown(text))]) for of, found in groupby(rows, lambda r: r[0])
    ]
    steps = [FailedStep(job, step, tuple(lines[-MOST_LINES:])) for (job, step), lines in ends if lines]
    return steps[-MOST_STEPS:]


def printed_as(steps: Iterable[FailedStep]) -> str:
    """As gh would print them; ``failed_steps`` reads the same again."""
    return "\n".join(f"{step.job}\t{step.step}\t{line}" for step in steps for line in step.lines)


def _shown(text: str) -> str:
    plain = _MARK.sub("", ESCAPE_SEQUENCE.sub("", _STAMP.sub("", text.rstrip("\r"))))
    return fit(redact(plain.expandtabs(4)), MOST_COLUMNS).rstrip()
