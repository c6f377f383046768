"""The columns of ``status``, of its live view and of its JSON, a row each. To add one, add a row here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fleetscripts.core.records.sanitize import sanitize, width
from fleetscripts.core.reports.status_text import COLOURS, in_state_for, note, pull, shown_state, steps
from fleetscripts.core.spending import tokens
from fleetscripts.core.spending.ledger import NOTHING as NO_TOKENS
from fleetscripts.core.spending.ledger import Spend
from fleetscripts.dataclass import dataclass
from fleetscripts.fleet import Agent

ENOUGH_COLUMNS = 18
"""Width a column gets before another one is added: the longest state's name."""

NOTHING = "-"


@dataclass(frozen=True, slots=True)
class StatusLine:
    """One agent as shown. ``command``: what its pane runs; ``silent``: since when its host has not been heard from."""

    agent: Agent
    now: float
    command: str = ""
    silent: str = ""
    spent: Spend = NO_TOKENS


@dataclass(frozen=True, slots=True)
class Column:
    """``cell``: its text, "-" for nothing. ``style``: in the live view, a rich style. ``optional``: left out if empty
    for all agents. ``dropped``: its turn to be dropped on a narrow terminal, several may share one; 0: never.
    ``enough``: the width it gets before another is added. ``most``: its greatest width in the live view, 0: the rest;
    ``from_width``: the terminal width from which that shows it, None: never. ``member``, ``value``: its name in
    ``status --json``, and its value there, None where an agent has none; empty: it has no place of its own there."""

    name: str
    cell: Callable[[StatusLine], str]
    style: Callable[[Agent], str] = lambda _: ""
    optional: bool = False
    dropped: int = 0
    enough: int = ENOUGH_COLUMNS
    most: int = 0
    from_width: int | None = 0
    member: str = ""
    value: Callable[[StatusLine], object] = lambda _: None


def _pull_style(agent: Agent) -> str:
    return {"pass": "green", "fail": "red", "pending": "yellow"}.get(agent.verdict.checks, "dim")


def _tokens(line: StatusLine) -> str:
    counted = line.spent.tokens.counted
    return tokens.shown(counted) if counted else NOTHING


def _counted(line: StatusLine) -> int | None:
    return None if line.spent is NO_TOKENS else line.spent.tokens.counted


def _note(line: StatusLine) -> str:
    said = note(line.agent, line.now)
    return f"{line.silent} · {said}" if line.silent else said


def shown(name: str) -> Callable[[StatusLine], str]:
    """The cell of a display-only fact from a client's files (``SessionView.shown``)."""
    return lambda line: str((line.agent.seen.shown or {}).get(name) or NOTHING)


COLUMNS = (
    Column("WINDOW", lambda line: line.agent.window, lambda _: "bold", most=14),
    Column(
        "STATE", lambda line: shown_state(line.agent), lambda agent: COLOURS.get(agent.state, "white"), most=20
    ),
    Column("FOR", lambda line: in_state_for(line.agent, line.now), lambda _: "dim", most=6),
    Column("WORKTREE", lambda line: line.agent.worktree, dropped=1, from_width=None),
    Column("BRANCH", lambda line: line.agent.branch or NOTHING, lambda _: "cyan", dropped=7, enough=14, most=26,
           from_width=72),
    Column("PR", lambda line: pull(line.agent), _pull_style, optional=True, dropped=5, most=9, from_width=84),
    Column("STEPS", lambda line: steps(line.agent), optional=True, dropped=6, most=5),
    Column("ACCOUNT", lambda line: line.agent.account or NOTHING, optional=True, dropped=3, most=10, from_width=100),
    Column("TOKENS", _tokens, optional=True, dropped=2, from_width=None, member="tokens", value=_counted),
    Column("COMMAND", lambda line: line.command, dropped=4, from_width=None, member="pane_cmd",
           value=lambda line: line.command or None),
    Column("NOTE", _note, enough=12, from_width=88),
)  # fmt: skip


def members(line: StatusLine) -> dict[str, object]:
    """What ``status --json`` says of an agent besides its record."""
    found = ((column.member, column.value(line)) for column in COLUMNS if column.member)
    return {name: value for name, value in found if value is not None}


def used(columns: Sequence[Column], lines: Sequence[StatusLine]) -> list[Column]:
    """Without the optional ones that are empty for every agent."""
    return [column for column in columns if not column.optional or any(column.cell(line) != NOTHING for line in lines)]


def readable(lines: Sequence[StatusLine], columns: int | None) -> list[Column]:
    """The table's columns: only as many as stay readable; None: all."""
    kept = used(COLUMNS, lines)
    for column in sorted((one for one in kept if one.dropped), key=lambda one: one.dropped):
        if columns is None or _needed(kept, lines) <= columns:
            break
        kept.remove(column)
    return kept


def _needed(columns: Sequence[Column], lines: Sequence[StatusLine]) -> int:
    widest = [max([width(one.name), *(width(sanitize(one.cell(line))) for line in lines)]) for one in columns]
    enough = [min(needed, column.enough) for needed, column in zip(widest, columns, strict=True)]
    return sum(enough) + 2 * (len(columns) - 1)
