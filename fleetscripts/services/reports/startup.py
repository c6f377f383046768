"""The first report of a new orchestrator conversation: what survived, its last message, what to run next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from fleetscripts.config import Settings
from fleetscripts.core.records.sanitize import fit, sanitize, shell_word
from fleetscripts.core.reports.counts import counted
from fleetscripts.core.reports.status_text import age, pull, steps
from fleetscripts.dataclass import dataclass
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.invocation import spelled
from fleetscripts.models import AgentState, Classification, PaneState
from fleetscripts.services.observe.fleet_look import look_at
from fleetscripts.services.reports.status import LINKED, fleet_status, lacks_loop, silence
from fleetscripts.services.single_instance.single_instance import loop_runs

if TYPE_CHECKING:
    from fleetscripts.services.hosts.mirrors import HostView

OBJECTIVE_COLUMNS = 90
SAID_COLUMNS = 110
SURVIVED = frozenset(PaneState) - {PaneState.MISSING, PaneState.IDLE}
"""States with a live client."""
Teller = Callable[[Agent, Classification, float], str]
STANDS: Mapping[PaneState, Teller] = {
    PaneState.STARTING: lambda agent, seen, now: "alive, it is just starting",
    PaneState.RUNNING: lambda agent, seen, now: "alive and at work",
    PaneState.PROMPT: lambda agent, seen, now: "alive, at its prompt with its work not done",
    PaneState.WAITING_APPROVAL: lambda agent, seen, now: f"alive, a {seen.dialog or 'dialog'} waits for an answer",
    PaneState.RATE_LIMITED: lambda agent, seen, now: (
        f"alive, at a usage limit{f' until in {age(seen.resets_at - now)}' if seen.resets_at else ''}"
    ),
    PaneState.API_ERROR: lambda agent, seen, now: f"alive, its turn died on an error ({seen.error or 'other'})",
    PaneState.COMPLETE: lambda agent, seen, now: "alive, it says that it has finished",
    PaneState.IDLE: lambda agent, seen, now: "its client has ended, its pane is at a shell",
    PaneState.MISSING: lambda agent, seen, now: "its window is gone",
    PaneState.UNKNOWN: lambda agent, seen, now: f"its state is unclear ({seen.reason})",
}
JUDGED: Mapping[AgentState, str] = {
    AgentState.PENDING_EVALUATION: "verified, it waits for your judgement",
    AgentState.DONE: "done",
    AgentState.ESCALATED: "escalated",
}


@dataclass(frozen=True, slots=True)
class Survivor:
    """One agent as it was found."""

    agent: Agent
    pane_state: PaneState
    sentence: str

    @property
    def alive(self) -> bool:
        """Whether its client runs."""
        return self.pane_state in SURVIVED


@dataclass(frozen=True, slots=True)
class Survey:
    """All of them, and what follows."""

    summary: str
    survivors: tuple[Survivor, ...]
    calls: tuple[str, ...]
    unwatched: bool = False
    """Agents are at work, and no loop watches them unasked."""

    hosts: tuple[str, ...] = ()
    """A sentence on each other machine."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        agents = [
            {
                "window": one.agent.window,
                "state": str(one.agent.state),
                "pane_state": str(one.pane_state),
                "alive": one.alive,
                "words": one.sentence,
            }
            for one in self.survivors
        ]
        hosts = {"hosts": list(self.hosts)} if self.hosts else {}
        said = {"summary": self.summary, "unwatched": self.unwatched, "agents": agents, "calls": list(self.calls)}
        return said | hosts


def survey(settings: Settings, fleet: Fleet, now: float) -> Survey:
    """Look at every agent once; changes nothing, types nothing."""
    found = tuple(
        Survivor(agent, seen.classification.state, _survivor_sentence(agent, seen.classification, now))
        for agent, seen in look_at(fleet, settings, now)
    )
    status = fleet_status(settings, fleet, now)
    loop = status.loop
    watching = loop is not None or loop_runs(settings)
    alive = sum(one.alive for one in found)
    outside = "the loop runs outside tmux" if watching else "no loop runs"
    watched = f"the loop runs in {loop.window}" if loop is not None else outside
    state = "active" if fleet.active else "stopped"
    summary = f"the fleet is {state}: {alive} of {len(found)} agents are alive, {watched}"
    at_work = any(one.alive and not one.agent.finished for one in found)
    unwatched = at_work and fleet.active and settings.supervision == "active"
    calls = [*_calls(fleet, found, watching), *(call for view in status.hosts for call in _calls_for(view))]
    return Survey(summary, found, tuple(dict.fromkeys(calls)), unwatched, tuple(map(_host_sentence, status.hosts)))


def _host_sentence(view: HostView) -> str:
    """``box is linked: 2 agents at work there, no loop runs there``."""
    at_work = counted(sum(not agent.finished for agent in view.fleet.agents), "agent")
    stands = LINKED if view.reachable else f"{silence(view)} ({view.problem}), as last heard"
    return sanitize(f"{view.name} is {stands}: {at_work} at work there{', no loop runs there' * lacks_loop(view)}")


def _calls_for(view: HostView) -> list[str]:
    """What a host's agents need of this machine."""
    lacking = [f"{spelled('run-loop')} --window --host {view.name}"] if lacks_loop(view) else []
    return [*lacking, *([spelled("heartbeat")] if any(not agent.finished for agent in view.fleet.agents) else [])]


def _calls(fleet: Fleet, found: tuple[Survivor, ...], watched: bool) -> list[str]:
    """The next commands, in this order."""
    at_work = [one for one in found if not one.agent.finished]
    gone = [
        one for one in at_work if not one.alive and not (one.agent.hold.reason and one.pane_state is PaneState.IDLE)
    ]
    calls = [f"{spelled('restore-agent')} --all"] if gone else []
    calls += [f"{spelled('run-loop')} --window"] if at_work and not watched and fleet.active else []
    judged = [one.agent for one in found if one.agent.state is AgentState.PENDING_EVALUATION]
    calls += [f"{spelled('evaluate')} {shell_word(agent.handle)}" for agent in judged]
    return [*calls, spelled("heartbeat")] if at_work else calls


def _survivor_sentence(agent: Agent, seen: Classification, now: float) -> str:
    """``work:3 (tree-3, feat/x, #12 ✓, 1/2 steps): alive and at work on “…”; it said last: “…”``."""
    facts = [agent.worktree, agent.branch]
    facts += [pull(agent)] if agent.pr_number else []
    facts += [f"{steps(agent)} steps"] if agent.steps else []
    stands = STANDS[seen.state](agent, seen, now)
    if agent.task.pending is not None:
        stands = f"{stands}, and its task is only being given to it"
    if agent.hold.reason:
        stands = f"{stands} ({agent.hold.reason})"
    if agent.state in JUDGED:
        why = f" ({agent.escalation.reason})" if agent.escalation.reason else ""
        stands = f"{JUDGED[agent.state]}{why}; {stands}"
    objective = next((line for part in agent.objective.splitlines() if (line := sanitize(part))), "")
    doing = f", on “{fit(objective, OBJECTIVE_COLUMNS)}”" if objective else ""
    said = f"; it said last: “{fit(sanitize(agent.seen.said), SAID_COLUMNS)}”" if agent.seen.said else ""
    return sanitize(f"{agent.window} ({', '.join(fact for fact in facts if fact)}): {stands}{doing}{said}")
