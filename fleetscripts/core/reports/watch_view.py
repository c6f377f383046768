"""The live view as lines of styled text for a screen of any size: header, table, selection, keys. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace

from fleetscripts.core.records.sanitize import fit, sanitize, width
from fleetscripts.core.reports.status_columns import COLUMNS, Column, StatusLine, used
from fleetscripts.core.reports.status_text import pull
from fleetscripts.dataclass import dataclass
from fleetscripts.fleet import Agent
from fleetscripts.models import AgentState

KEYS = "j/k or ↑/↓ select · Enter go there · q quit"
DETAIL_LINES = 9
DETAIL_FROM_LINES = 20
"""A lower screen shows the table alone."""

GAP = 2
DOTS = {AgentState.RUNNING: "●", AgentState.DONE: "✔", AgentState.RECYCLED: "·", AgentState.ESCALATED: "▲"}
MARKS = {"▌": "bold cyan"}
GIVE_WAY = ("STATE", "WINDOW", "BRANCH")
NARROWEST = 7
"""Columns shrink to these widths, in this order, if the rest does not fit."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text in one style (rich's names)."""

    text: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """What is shown. ``history``: sentences on the selected agent, newest last; ``message``: in place of the keys.
    ``silent``: agents by key whose host is silent, and since when, in words."""

    title: Sequence[Piece]
    loop: str
    agents: tuple[Agent, ...]
    now: float
    history: tuple[str, ...] = ()
    message: str = ""
    silent: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class View:
    """Selection and scroll position: the selected agent and the first row shown."""

    selected: str | None = None
    top: int = 0
    index: int = field(default=0)


def settled(view: View, agents: Sequence[Agent], rows: int) -> View:
    """The view on these agents: the same agent stays selected while it exists, and visible."""
    keys = [agent.key for agent in agents]
    index = keys.index(view.selected) if view.selected in keys else min(view.index, len(keys) - 1)
    index = max(index, 0)
    top = min(max(view.top, index - rows + 1), index, max(len(keys) - rows, 0))
    return View(keys[index] if keys else None, max(top, 0), index)


def moved(view: View, agents: Sequence[Agent], by: int) -> View:
    """The next or previous agent selected, if there is one."""
    if not agents:
        return view
    index = min(max(view.index + by, 0), len(agents) - 1)
    return replace(view, selected=agents[index].key, index=index)


def table_rows(height: int) -> int:
    """How many agents a screen of this height shows."""
    detail = DETAIL_LINES if height >= DETAIL_FROM_LINES else 0
    return max(height - 4 - detail, 1)


def screen(model: Model, view: View, columns: int, height: int) -> list[list[Piece]]:
    """Exactly ``height`` lines, none wider than ``columns``."""
    rows = table_rows(height)
    view = settled(view, model.agents, rows)
    lines: list[list[Piece]] = [list(model.title), [Piece(model.loop, "dim")]]
    lines += _pad(_table(model, view, columns, rows), rows + 1)
    if height >= DETAIL_FROM_LINES:
        lines += _pad(_detail(model, view, columns), DETAIL_LINES)
    place = f"{view.index + 1}/{len(model.agents)}" if model.agents else "no agents"
    foot = model.message or KEYS
    lines = [*_pad(lines, height - 1), [Piece(f"{place}  ", "bold"), Piece(foot, "yellow" if model.message else "dim")]]
    return [_cut(line, columns) for line in lines]


def _table(model: Model, view: View, columns: int, rows: int) -> list[list[Piece]]:
    lines = [StatusLine(agent, model.now, silent=model.silent.get(agent.key, "")) for agent in model.agents]
    shown = [one for one in used(COLUMNS, lines) if one.from_width is not None and columns >= one.from_width]
    cells = [[_cell(column, line) for column in shown] for line in lines]
    widths = _widths(shown, cells, columns - 2)
    head = (" " * GAP).join(_padded(column.name, wide) for column, wide in zip(shown, widths, strict=True))
    drawn: list[list[Piece]] = [[Piece("  "), Piece(head, "bold dim")]]
    for number in range(view.top, min(view.top + rows, len(lines))):
        agent = model.agents[number]
        chosen = agent.key == view.selected
        back = " on grey23" if chosen else ""
        pieces = [Piece("▌ " if chosen else "  ", MARKS["▌"] + back if chosen else "")]
        for column, cell, wide in zip(shown, cells[number], widths, strict=True):
            text = _padded(cell, wide) + " " * (GAP if column is not shown[-1] else 0)
            style = "dim" if lines[number].silent else column.style(agent)
            pieces.append(Piece(text, style + back))
        drawn.append(_filled(pieces, columns, back.strip()) if chosen else pieces)
    return drawn


def _widths(shown: Sequence[Column], cells: Sequence[Sequence[str]], columns: int) -> list[int]:
    """Column widths: as needed up to each maximum; the last one gets the rest, or the widest shrink."""
    natural = [max([width(one.name), *(width(row[n]) for row in cells)]) for n, one in enumerate(shown)]
    widths = [min(needed, one.most or needed) for needed, one in zip(natural, shown, strict=True)]
    over = sum(widths) + GAP * (len(widths) - 1) - columns
    if not shown[-1].most:
        return [*widths[:-1], max(widths[-1] - over, 0)]
    for name in GIVE_WAY:
        for n, one in enumerate(shown):
            if one.name == name and over > 0:
                given = min(over, max(widths[n] - NARROWEST, 0))
                widths[n], over = widths[n] - given, over - given
    return widths


def _cell(column: Column, line: StatusLine) -> str:
    text = sanitize(column.cell(line))
    return f"{DOTS.get(line.agent.state, '◆')} {text.replace('_', ' ')}" if column.name == "STATE" else text


def _detail(model: Model, view: View, columns: int) -> list[list[Piece]]:
    agent = model.agents[view.index] if model.agents else None
    if agent is None:
        return [[Piece("─" * columns, "dim")]]
    names = (agent.window, agent.worktree, agent.branch, pull(agent) if agent.pr_number else "", agent.account)
    title = f" {sanitize(' · '.join(name for name in names if name))} "
    rule = "─" * max(columns - width(title) - 2, 0)
    objective = next((line for part in agent.objective.splitlines() if (line := sanitize(part))), "-")
    missing = [step for step in agent.steps if step not in agent.checkpoints]
    lines = [
        [Piece("──", "dim"), Piece(title, "bold"), Piece(rule, "dim")],
        [Piece("objective  ", "dim"), Piece(objective)],
        [Piece("says       ", "dim"), Piece(sanitize(agent.seen.said) or "-")],
    ]
    if missing or agent.escalation.reason:
        about = agent.escalation.reason or f"missing: {', '.join(missing)}"
        lines.append(
            [Piece("open       ", "dim"), Piece(sanitize(about), "red" if agent.escalation.reason else "yellow")]
        )
    room = DETAIL_LINES - len(lines)
    lines += [[Piece(f"{text[:8]}   ", "dim"), Piece(text[8:].lstrip())] for text in model.history[-room:]]
    return lines


def _pad(lines: Sequence[list[Piece]], height: int) -> list[list[Piece]]:
    kept = list(lines[: max(height, 0)])
    return kept + [[] for _ in range(height - len(kept))]


def _padded(text: str, columns: int) -> str:
    shown = fit(text, columns)
    return shown + " " * (columns - width(shown))


def _filled(pieces: list[Piece], columns: int, style: str) -> list[Piece]:
    """The line padded to the right edge, so that all of it is highlighted."""
    used = sum(width(piece.text) for piece in pieces)
    return [*pieces, Piece(" " * max(columns - used, 0), style)]


def _cut(line: Sequence[Piece], columns: int) -> list[Piece]:
    """The line cut to the screen, with an ellipsis."""
    kept: list[Piece] = []
    room = columns
    for piece in line:
        text = piece.text if width(piece.text) <= room else fit(piece.text, room) if room > 0 else ""
        if text:
            kept.append(Piece(text, piece.style))
        room -= width(piece.text)
        if room <= 0:
            break
    return kept
