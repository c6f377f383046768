"""``update-agent``: changes an agent's record, or the fleet's own fields, in the state file."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.options import json_option, settings_options
from fleetscripts.commands.output import print_json
from fleetscripts.config import NOT_SETTABLE, Settings
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import UsageProblem

if TYPE_CHECKING:
    from fleetscripts.adapters.records.store import Store
    from fleetscripts.fleet import Agent, Fleet

SETTABLE = {
    setting.name: str(setting.type)
    for setting in dataclasses.fields(Settings)
    if setting.name not in (*NOT_SETTABLE, "state_file")
}


@click.command("update-agent")
@click.option("--top", is_flag=True, help="Change the fleet's own fields (no WINDOW).")
@json_option
@settings_options
@click.argument("words", nargs=-1, required=True, metavar="WINDOW|--top field=value...")
def command(top: bool, as_json: bool, words: tuple[str, ...], options: Mapping[str, object]) -> int:
    """Set fields of an agent's record, or with --top of the fleet: validated, locked, all or nothing.

    Separate lists by commas (steps=review,docs); an empty value clears a text or a list. When a window or session id
    changes, dependent fields are updated too. state=done is refused: use evaluate.
    """
    from fleetscripts.adapters.records.store import Store
    from fleetscripts.config import load_settings

    settings = load_settings(os.environ, options)
    store = Store(settings.state_file)
    changed = update_top(store, words) if top else update_one(settings, store, words[0], words[1:])
    if as_json:
        print_json([dataclasses.asdict(one) for one in changed])
    for one in () if as_json else changed:
        click.echo(f"{one.record} {one.field}: {one.before or '(empty)'} → {one.after or '(empty)'}")
    return 0


@dataclass(frozen=True, slots=True)
class Difference:
    """A field of a record (an agent's window, or ``fleet``) before and after; texts fit to print."""

    record: str
    field: str
    before: str
    after: str


def update_one(settings: Settings, store: Store, window: str, changes: Sequence[str]) -> list[Difference]:
    """Change one agent's record; returns the differences."""
    from fleetscripts.adapters.tmux.tmux import Tmux
    from fleetscripts.core.records.handles import refuse_held
    from fleetscripts.core.records.record_edit import edit_agent
    from fleetscripts.core.records.sanitize import sanitize
    from fleetscripts.services.observe.agent_meant import agent_named

    if not changes:
        raise click.UsageError("expected field=value after the window")
    lines: list[Difference] = []
    tmux = Tmux(settings.tmux_socket)

    def change(fleet: Fleet) -> Fleet:
        agent = agent_named(settings, fleet, window)
        edited = edit_agent(agent, changes)
        if edited.window != agent.window or edited.pane_id != agent.pane_id:
            refuse_held(fleet, agent, edited, tmux.panes_at(edited.pane_id or edited.window), tmux.server())
        _refuse_missing(agent, edited)
        lines.extend(_differences(sanitize(edited.window), agent, edited))
        return fleet.exchange(agent, edited)

    store.update(change)
    return lines


def _refuse_missing(before: Agent, after: Agent) -> None:
    """Refuse newly set paths that do not exist."""
    from fleetscripts.agents import KINDS
    from fleetscripts.core.records.sanitize import sanitize

    if after.worktree_path != before.worktree_path and not (Path(after.worktree_path) / ".git").exists():
        raise UsageProblem(f"worktree_path: expected a worktree of git, found {sanitize(after.worktree_path)!r}")
    if after.task.image not in ("", before.task.image) and not Path(after.task.image).is_file():
        raise UsageProblem(f"task.image: expected a file, found {sanitize(after.task.image)!r}")
    if after.agent != before.agent and after.agent not in KINDS:
        raise UsageProblem(f"agent: expected one of {', '.join(sorted(KINDS))}, found {sanitize(after.agent)!r}")


def update_top(store: Store, changes: Sequence[str]) -> list[Difference]:
    """Change the fleet's own fields; returns the differences."""
    from fleetscripts.core.records.record_edit import edit_top

    lines: list[Difference] = []

    def change(fleet: Fleet) -> Fleet:
        edited = edit_top(fleet, changes, SETTABLE)
        lines.extend(_differences("fleet", fleet, edited))
        return edited

    store.update(change)
    return lines


def _differences(who: str, before: object, after: object) -> list[Difference]:
    """One for every changed field."""
    old, new = _flat(before), _flat(after)
    names = [name for name in (*new, *(old.keys() - new.keys())) if old.get(name) != new.get(name)]
    return [Difference(who, name, _shown(old.get(name)), _shown(new.get(name))) for name in names]


def _flat(record: Any) -> dict[str, Any]:
    """Its fields, those of its parts as ``PART.FIELD``, and the unknown ones."""
    from fleetscripts.fleet import PARTS

    own = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    parts = {name: own.pop(name) for name in PARTS if name in own}
    inner = {f"{name}.{field}": value for name, part in parts.items() for field, value in _flat(part).items()}
    unknown = dict(own.pop("extra"))
    return own | inner | unknown


def _shown(value: object) -> str:
    from fleetscripts.core.records.sanitize import sanitize

    if isinstance(value, bool):
        return str(value).lower()  # as it is given
    text = ",".join(map(str, value)) if isinstance(value, tuple | list) else str("" if value is None else value)
    return sanitize(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
