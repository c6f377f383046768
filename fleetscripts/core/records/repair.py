"""Compares the state file with reality: what is repaired automatically, a line each, and what a person must settle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from pathlib import PurePath
from typing import Any

from fleetscripts.core.records.handles import with_work
from fleetscripts.core.reports.status_text import age
from fleetscripts.dataclass import dataclass
from fleetscripts.fleet import PARTS, Agent, Fleet
from fleetscripts.invocation import spelled
from fleetscripts.models import AgentState, PaneFacts, ServerId
from fleetscripts.pattern import pattern
from fleetscripts.record import Escalation, typed

AT_WORK = frozenset({
    AgentState.RUNNING, AgentState.STUCK, AgentState.WAITING_APPROVAL, AgentState.RATE_LIMITED, AgentState.COMPLETE,
})  # fmt: skip
"""States that imply a live client."""

AHEAD_SECONDS = 86400.0
"""A clock may be slightly off; a day ahead is milliseconds, or a typing error."""

GONE = ""
"""In place of a branch: there is no such worktree."""

_PULL = pattern(r"(?:#|https?://\S+/pull/)(\d{1,10})/?")
_SPARE = pattern(r"spare/\d+")


@dataclass(frozen=True, slots=True)
class Reality:
    """What actually exists. ``homes``: panes by the conversation that a live client has open in them. ``unseen``: tmux
    servers that may be alive and were not asked: nothing in them counts as gone. ``branches``: by worktree; GONE for
    one that does not exist, None for a detached one."""

    now: float
    server: ServerId | None = None
    panes: Sequence[PaneFacts] = ()
    homes: Mapping[str, PaneFacts] = field(default_factory=dict)
    branches: Mapping[str, str | None] = field(default_factory=dict)
    unseen: frozenset[ServerId] = frozenset()

    def pane(self, pane_id: str | None) -> PaneFacts | None:
        return next((pane for pane in self.panes if pane.pane_id == pane_id), None) if pane_id else None


@dataclass(slots=True)
class Report:
    """What was repaired, and what was only noticed."""

    fleet: Fleet
    repairs: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def mended(fleet: Fleet, reality: Reality) -> Report:
    """The repaired fleet; repairing it again changes nothing."""
    report = Report(fleet)
    _give_back(report, reality)
    for mend in (_plausible, _placed, _in_its_worktree):
        for agent in report.fleet.agents:
            after, said = mend(agent, reality)
            report.fleet = report.fleet.exchange(agent, after)
            report.repairs += [f"{with_work(agent)}: {words}" for words in said]
    _once_each(report, reality)
    _top(report, reality)
    report.notes += [note for agent in report.fleet.agents for note in _notes(agent, reality)]
    return report


def _give_back(report: Report, reality: Reality) -> None:
    """Undo what one record took of another's: pane and conversation belong to the agent in whose worktree they are."""
    for agent in report.fleet.agents:
        pane = reality.pane(agent.pane_on(reality.server)) or reality.homes.get(agent.session_id)
        if agent.state is AgentState.RECYCLED or pane is None or _works_in(pane, agent):
            continue
        owner = next((other for other in report.fleet.agents if _owns(other, agent, pane, reality)), None)
        if owner is None:
            continue
        own = [known for known in agent.session_ids if known != owner.session_id]
        session = agent.session_id if agent.session_id != owner.session_id else (own[-1] if own else "")
        state = AgentState.IDLE if agent.state in AT_WORK else agent.state
        after = agent.changed(session_id=session, session_ids=tuple(own), tmux_server=None, state=state)
        report.fleet = report.fleet.exchange(agent, after)
        report.repairs.append(f"{agent.handle}: {pane.window} ({pane.pane_id}) is where {owner.handle} works, not it")


def _owns(other: Agent, agent: Agent, pane: PaneFacts, reality: Reality) -> bool:
    if other is agent or other.state is AgentState.RECYCLED or not _works_in(pane, other):
        return False
    same_conversation = other.session_id in reality.homes and other.session_id == agent.session_id
    return same_conversation or other.pane_on(reality.server) == pane.pane_id


def _works_in(pane: PaneFacts, agent: Agent) -> bool:
    return bool(agent.worktree_path) and PurePath(pane.path).is_relative_to(agent.worktree_path)


def _plausible(agent: Agent, reality: Reality) -> tuple[Agent, list[str]]:
    """Reset fields to which a hand edit gave impossible values."""
    said: list[str] = []
    parts = {name: _plausible_part(getattr(agent, name), reality, said) for name in PARTS}
    agent = _plausible_part(replace(agent, **parts), reality, said)
    changes: dict[str, object] = {}
    if match := _PULL.fullmatch(agent.pr_number):
        changes["pr_number"] = match[1]
        said.append(f"pr_number {agent.pr_number} means {match[1]}")
    if agent.escalation.reason and agent.state is not AgentState.ESCALATED:
        changes["escalation"] = Escalation()
        said.append(f"it is {agent.state}, but still had the reason of an escalation ({agent.escalation.reason})")
    return agent.changed(**changes), said


def _plausible_part(part: Any, reality: Reality, said: list[str]) -> Any:
    """A part, or the record itself, without impossible instants and counts; adds the repairs to ``said``."""
    changes: dict[str, object] = {}
    for name in typed(part, "UnixSeconds"):
        at = getattr(part, name)
        if at > reality.now + AHEAD_SECONDS or at < 0:
            seconds = at / 1000
            changes[name] = seconds if 1e9 < seconds <= reality.now + AHEAD_SECONDS else 0
            what = "was in milliseconds" if changes[name] else "lay where no time can"
            said.append(f"{name} {what}: {changes[name]:.0f}")
    for name in typed(part, "Count"):
        if getattr(part, name) < 0:
            changes[name] = 0
            said.append(f"{name} was below zero: 0")
    return replace(part, **changes)


def _placed(agent: Agent, reality: Reality) -> tuple[Agent, list[str]]:
    """Its window: where its client really is, by its right number, or gone."""
    if agent.state is AgentState.RECYCLED:
        return agent, []
    home = reality.homes.get(agent.session_id) if agent.session_id else None
    own = reality.pane(agent.pane_on(reality.server))
    if home is not None and (own is None or own.pane_id != home.pane_id):
        return agent.at(home, reality.server), [f"its client runs in {home.window} ({home.pane_id})"]
    if own is not None and own.window != agent.window:
        return agent.at(own, reality.server), [f"its window is called {own.window} now"]
    if own is None and agent.tmux_server in reality.unseen:
        return agent, []
    if own is None and agent.state in AT_WORK and not _may_be_meant(agent, reality):
        why = "no tmux server runs" if reality.server is None else "its window is gone"
        return replace(agent, state=AgentState.IDLE), [f"{why}, so it is idle, not {agent.state}"]
    return agent, []


def _may_be_meant(agent: Agent, reality: Reality) -> bool:
    """A record without ids, as the seed writes them, whose window exists."""
    return not agent.pane_id and any(pane.window == agent.window for pane in reality.panes)


def _in_its_worktree(agent: Agent, reality: Reality) -> tuple[Agent, list[str]]:
    """For a worktree that is spare again, or gone."""
    if agent.state is AgentState.RECYCLED or agent.worktree_path not in reality.branches:
        return agent, []
    if agent.session_id in reality.homes:
        return agent, []
    branch = reality.branches[agent.worktree_path]
    if branch == GONE:
        if agent.state is AgentState.DONE:
            return agent.changed(state=AgentState.RECYCLED, escalation=Escalation()), [
                "done, and its worktree is gone: recycled"
            ]
        if agent.state is AgentState.ESCALATED:
            return agent, []
        why = Escalation("its worktree is gone", reality.now)
        return agent.changed(state=AgentState.ESCALATED, escalation=why), [f"{agent.worktree_path} is gone: escalated"]
    is_spare = branch is not None and (branch == agent.spare_branch or _SPARE.fullmatch(branch) is not None)
    if is_spare and branch != agent.branch:
        return agent.changed(state=AgentState.RECYCLED, escalation=Escalation()), [
            f"its worktree is on {branch} again: recycled"
        ]
    return agent, []


def _once_each(report: Report, reality: Reality) -> None:
    """Of several records of one worktree or one conversation keeps the live one, else the youngest."""
    for name in ("session_id", "worktree_path"):
        groups: dict[str, list[Agent]] = {}
        for agent in report.fleet.agents:
            if agent.state is not AgentState.RECYCLED and getattr(agent, name):
                groups.setdefault(getattr(agent, name), []).append(agent)
        for group in groups.values():
            kept = max(group, key=lambda agent: (*_lives(agent, reality), agent.spawned_at))
            for agent in group:
                if agent is not kept:
                    _drop(report, agent, kept, "conversation" if name == "session_id" else "worktree")


def _lives(agent: Agent, reality: Reality) -> tuple[bool, bool]:
    """Whether its conversation is open, in its own worktree."""
    home = reality.homes.get(agent.session_id)
    return home is not None, home is not None and _works_in(home, agent)


def _drop(report: Report, agent: Agent, kept: Agent, what: str) -> None:
    """Drop a record whose key is taken; another one is kept as recycled."""
    who = with_work(agent)
    if agent.key == kept.key:
        left = tuple(known for known in report.fleet.agents if known is not agent)
        report.fleet = replace(report.fleet, agents=left)
        report.repairs.append(f"{who}: was listed twice; {kept.window} is kept, the other record removed")
    else:
        report.fleet = report.fleet.exchange(agent, agent.changed(state=AgentState.RECYCLED, escalation=Escalation()))
        report.repairs.append(f"{who}: {kept.window} has the same {what}; the older record is recycled")


def _top(report: Report, reality: Reality) -> None:
    """The loop's window and the supervisor's."""
    fleet = report.fleet
    loop = Agent(fleet.loop_window or "", pane_id=fleet.loop_pane_id, tmux_server=fleet.loop_tmux_server)
    stands = reality.pane(loop.pane_on(reality.server)) is not None
    stands = stands or (not fleet.loop_pane_id and any(pane.window == fleet.loop_window for pane in reality.panes))
    if (fleet.loop_window or fleet.loop_pane_id) and not stands:
        report.repairs.append(
            f"the loop's window {fleet.loop_window} is gone; {spelled('run-loop')} --window starts it"
        )
        fleet = replace(fleet, loop_window=None, loop_pane_id="", loop_tmux_server=None)
    if fleet.supervisor_window and not any(pane.window == fleet.supervisor_window for pane in reality.panes):
        report.repairs.append(f"the supervisor's window {fleet.supervisor_window} is gone")
        fleet = replace(fleet, supervisor_window=None)
    if fleet.last_poll_at > reality.now + AHEAD_SECONDS:
        report.repairs.append("last_poll_at lay in the future: 0")
        fleet = replace(fleet, last_poll_at=0)
    report.fleet = fleet


def _notes(agent: Agent, reality: Reality) -> list[str]:
    """Oddities that are not repaired."""
    who = with_work(agent)
    if agent.finished:
        return []
    notes = []
    branch = reality.branches.get(agent.worktree_path)
    if branch not in (None, GONE, agent.branch) and agent.branch:
        notes.append(f"{who}: its worktree is on {branch}, the record says {agent.branch}")
    own = reality.pane(agent.pane_on(reality.server))
    if branch == GONE:
        return notes
    if own is None and agent.tmux_server in reality.unseen:
        notes.append(f"{who}: its tmux server runs, and another one was asked")
    elif own is None and agent.session_id not in reality.homes and not _may_be_meant(agent, reality):
        notes.append(f"{who}: {spelled('restore-agent')} {agent.handle} reopens its conversation")
    elif agent.last_seen_at and reality.now - agent.last_seen_at > AHEAD_SECONDS:
        notes.append(f"{who}: nobody has looked at it for {age(reality.now - agent.last_seen_at)}")
    if not agent.session_id:
        notes.append(f"{who}: no conversation is known; restored, it continues the last one of its folder")
    return notes
