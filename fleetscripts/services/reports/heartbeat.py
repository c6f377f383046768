"""Builds the heartbeat: recoveries done and decisions due, for every window of every session."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from fleetscripts.adapters.records.journal import Journal
from fleetscripts.adapters.records.log_file import LogFile
from fleetscripts.adapters.records.store import StateMissing, Store
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.config import Settings
from fleetscripts.core.planning.actions import words_of
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.core.reports.review import Item, Review
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import Refusal
from fleetscripts.fleet import Fleet
from fleetscripts.invocation import spelled
from fleetscripts.services.context import start_again
from fleetscripts.services.loop.cycle import Cycle, run_cycle
from fleetscripts.services.loop.loop import Loop
from fleetscripts.services.observe.agent_pane import agent_in_pane
from fleetscripts.services.reports.review_agents import agents_reviewed
from fleetscripts.services.reports.review_memory import memory_reviewed
from fleetscripts.services.reports.review_overlaps import overlaps_reviewed
from fleetscripts.services.reports.review_pulls import merged_reviewed
from fleetscripts.services.reports.review_screens import LINES, with_screens
from fleetscripts.services.reports.review_tasks import tasks_reviewed
from fleetscripts.services.reports.status import lacks_loop, other_machines
from fleetscripts.services.reports.unmanaged_panes import unmanaged_panes
from fleetscripts.services.single_instance.single_instance import only_loop

if TYPE_CHECKING:
    from fleetscripts.services.hosts.mirrors import HostView

FIRST_SECONDS = 3600.0
"""How far back the first heartbeat reports repairs."""

MOST_REPAIRS = 40

REPAIR_SECONDS = 20.0
"""After this time no further recovery is started: the next heartbeat continues. One takes a few seconds."""


@dataclass(frozen=True, slots=True)
class JournalSummary:
    """The journal since a moment: repairs in words, and the last failure by the agent's id, or by window for a line
    without one."""

    repaired: tuple[str, ...]
    failed: Mapping[str, str]


def review(
    settings: Settings, environ: Mapping[str, str], now: float, lines: int = LINES, *, here: bool = False
) -> Review:
    """Perform recoveries, unless a loop does; then report what is left. ``lines`` of each screen; ``here``: leave
    other machines out."""
    store = Store(settings.state_file)
    try:
        before = store.read()
    except StateMissing:
        before = None
    loop, left = _repair(settings, environ, before) if before is not None else ("", 0)
    cycle = _look(store, settings, environ, before)
    fleet = cycle.fleet if cycle is not None else Fleet()
    since = before.heartbeat_at if before is not None else 0
    done = _done_since(settings, since if 0 < since <= now else now - FIRST_SECONDS, fleet)
    archived, tasks = tasks_reviewed(settings, now, archives=before is not None)
    tmux = Tmux(settings.tmux_socket)
    seen = agents_reviewed(cycle, done.failed, time.time()) if cycle is not None else Review(now)
    merged = merged_reviewed(cycle.looks, fleet, settings) if cycle is not None else []
    views = () if here else other_machines(settings, now)
    notes = agent_in_pane(fleet, environ) is None
    once = [
        *memory_reviewed(fleet, settings, notes=notes),
        *overlaps_reviewed(fleet, settings, notes=notes, views=views),
    ]
    found = Review(
        at=now,
        since=since,
        loop=loop,
        repaired=(*done.repaired, *archived),
        decisions=(*seen.decisions, *unmanaged_panes(tmux, settings, fleet, environ, time.time()), *tasks, *once),
        waiting=seen.waiting,
        proposals=(*_stopped(fleet), *_left(left), *_loops_reviewed(views), *merged, *seen.proposals),
    )
    return replace(found, decisions=with_screens(tmux, found.decisions, lines))


def _stopped(fleet: Fleet) -> list[Item]:
    """Says that nothing is repaired, if agents are still at work."""
    if fleet.active or all(agent.finished for agent in fleet.agents):
        return []
    return [Item("stopped", "", "the fleet is stopped, nothing is repaired: start it again", (start_again(),))]


def _left(count: int) -> list[Item]:
    """Says that some recoveries were left for lack of time."""
    if not count:
        return []
    said = f"{count} recoveries were not started within {REPAIR_SECONDS:g} s: a loop does them all"
    return [Item("left", "", said, (f"{spelled('heartbeat')}", f"{spelled('run-loop')} --window"))]


def _repair(settings: Settings, environ: Mapping[str, str], fleet: Fleet) -> tuple[str, int]:
    """One cycle with its recoveries, and how many were left for lack of time; if a loop runs, only its name: it
    performs them."""
    if not fleet.active:
        return "", 0
    options: dict[str, object] = {"state_file": settings.state_file, "fleet_home": settings.fleet_home}
    if settings.tmux_socket:
        options["tmux_socket"] = settings.tmux_socket
    try:
        with only_loop(settings):
            loop = Loop(environ, options, LogFile(settings.fleet_home / "loop.log"))
            return "", loop.run_once(REPAIR_SECONDS, starts_server=False)
    except Refusal:
        return fleet.loop_window or "a loop outside tmux", 0


def _look(store: Store, settings: Settings, environ: Mapping[str, str], fleet: Fleet | None) -> Cycle | None:
    """A look after the repairs, recorded as the orchestrator's unless an agent of the fleet took it."""
    if fleet is None:
        return None
    supervisor = agent_in_pane(fleet, environ) is None
    cycle = run_cycle(store, settings, time.time(), orchestrator_looks=supervisor)
    if supervisor:
        at = time.time()
        store.update(lambda current: replace(current, heartbeat_at=at))
    return cycle


def _done_since(settings: Settings, since: float, fleet: Fleet | None) -> JournalSummary:
    """The recoveries' results, each wording once; refusals are no repairs, but explain what is left."""
    repaired: dict[str, int] = {}
    failed: dict[str, str] = {}
    called = {agent.id: agent.called for agent in fleet.agents} if fleet is not None else {}
    for event in Journal(settings.journal_file).read():
        at, window = event.get("at"), str(event.get("window", ""))
        if event.get("event") != "recovery-ended" or not isinstance(at, int | float) or at < since:
            continue
        agent_id, outcome = str(event.get("id", "")), str(event.get("outcome", ""))
        what = words_of(str(event.get("action")))
        line = sanitize(f"{called.get(agent_id, window)}: {what} ({event.get('why')}): {outcome}")
        if outcome.startswith(("refused", "failed")):
            failed[agent_id or window] = sanitize(outcome)
        elif outcome:
            failed.pop(agent_id or window, None)
            repaired[line] = repaired.get(line, 0) + 1
    told = [line if count == 1 else f"{line} ({count} times)" for line, count in repaired.items()]
    more = [f"and {len(told) - MOST_REPAIRS} more, in {settings.journal_file}"] if len(told) > MOST_REPAIRS else []
    return JournalSummary((*told[-MOST_REPAIRS:], *more), failed)


def _loops_reviewed(views: Iterable[HostView]) -> list[Item]:
    """One item for each host without a loop for its agents at work."""
    return [
        Item("loop", "", f"{view.name}: no loop runs there, so nothing is recovered or verified between heartbeats",
             (f"{spelled('run-loop')} --window --host {view.name}",))
        for view in views
        if lacks_loop(view)
    ]  # fmt: skip
