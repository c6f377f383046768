"""The fleet as the state file has it: the seed's names, plus fields; unknown ones are kept. Times are Unix seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from fleetscripts import schema
from fleetscripts.errors import FleetError
from fleetscripts.models import AgentState, PaneFacts, ServerId

PullNumber: TypeAlias = str
"""A pull request's number as text, empty when there is none; a number in the file is read too."""

AGENT_SEED_FIELDS = frozenset({
    "window", "worktree", "worktree_path", "spare_branch", "branch", "objective", "pr_number", "session_id", "steps",
    "checkpoints", "state", "last_output_hash", "last_seen_at", "spawned_at", "idle_since", "revision_count",
    "last_rebriefed_at",
})  # fmt: skip
FLEET_SEED_FIELDS = frozenset({
    "active", "tmux_session", "idle_threshold_seconds", "loop_window", "supervisor_window", "repo", "last_poll_at",
})  # fmt: skip
"""Always written, as the seed's readers expect them; other fields only when they differ from their default."""


@dataclass(frozen=True, slots=True)
class Agent:
    """One client session on one task, in one window, in one worktree."""

    window: str
    worktree: str = ""
    worktree_path: str = ""
    spare_branch: str = ""
    branch: str = ""
    objective: str = ""
    pr_number: PullNumber = ""
    session_id: str = ""
    steps: tuple[str, ...] = ()
    checkpoints: tuple[str, ...] = ()
    state: AgentState = AgentState.RUNNING
    last_output_hash: str = ""
    last_seen_at: float = 0
    spawned_at: float = 0
    idle_since: float = 0
    revision_count: int = 0
    last_rebriefed_at: float = 0

    agent: str = "claude"
    pane_id: str = ""
    window_id: str = ""
    tmux_server: ServerId | None = None
    session_ids: tuple[str, ...] = ()
    repo_path: str = ""
    image_path: str = ""
    verify_command: str = ""
    task_started_at: float = 0
    fresh_run: bool = True
    kicks: int = 0
    nudges: int = 0
    last_kicked_at: float = 0
    last_nudged_at: float = 0
    last_commit: str = ""
    last_verdict: str = ""
    last_verified_at: float = 0
    verdict_since: float = 0
    verdict_told_at: float = 0
    github_limited_at: float = 0
    github_told_at: float = 0
    last_checks: str = ""
    last_findings: str = ""
    last_said: str = ""
    told_state: str = ""
    unknown_since: float = 0
    pane_state: str = ""
    pane_state_since: float = 0
    pane_reason: str = ""
    output_changed_at: float = 0
    worked_at: float = 0
    tool_processes: str = ""
    tool_cpu_seconds: float = 0
    fruitless_rounds: int = 0
    rounds: int = 0
    last_notice: str = ""
    last_notice_at: float = 0
    handed_out: str = ""
    handed_out_at: float = 0
    dialog: str = ""
    error: str = ""
    held_back: str = ""
    resets_at: float = 0
    escalation: str = ""
    escalated_at: float = 0
    account: str = ""
    parked_until: float = 0
    rescue_stage: str = ""
    rescue_tries: int = 0
    rescue_problem: str = ""
    rescued_at: float = 0
    rescued_from: str = ""
    failed_accounts: tuple[str, ...] = ()
    handover_from: str = ""
    held: str = ""
    held_at: float = 0
    task: str = ""
    new_task: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, float]:
        """What names this record while its window, session and everything else may change."""
        return (self.worktree_path or self.window, self.spawned_at)

    @property
    def handle(self) -> str:
        """What a call names it by: never its window's number, which moves."""
        return self.worktree or self.pane_id or self.window

    @property
    def finished(self) -> bool:
        """Nobody has to do anything more with it."""
        return self.state in (AgentState.DONE, AgentState.RECYCLED)

    def pane_on(self, server: ServerId | None) -> str | None:
        """Its pane id, when that id was given by this very server."""
        return self.pane_id if self.pane_id and server is not None and server == self.tmux_server else None

    def answers_to(self, target: str) -> bool:
        """Is it meant by ``SESSION:WIN``, a pane id, a window id or a worktree's name?"""
        return bool(target) and target in (self.window, self.pane_id, self.window_id, self.worktree)

    def at(self, facts: PaneFacts, server: ServerId | None) -> Agent:
        """Itself in the pane it now stands in."""
        return replace(self, window=facts.window, pane_id=facts.pane_id, window_id=facts.window_id, tmux_server=server)


@dataclass(frozen=True, slots=True)
class Fleet:
    """The whole state file."""

    active: bool = True
    tmux_session: str = ""
    idle_threshold_seconds: int | None = None
    loop_window: str | None = None
    supervisor_window: str | None = None
    repo: str = ""
    discord_webhook: str = field(default="", repr=False)
    last_poll_at: float = 0
    loop_pane_id: str = ""
    loop_tmux_server: ServerId | None = None
    orchestrator_seen_at: float = 0
    orchestrator_called_at: float = 0
    all_done_notified_at: float = 0
    heartbeat_at: float = 0
    agents: tuple[Agent, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, value: object) -> Fleet:
        """The fleet in a parsed state file; raises WrongShape that names the field."""
        members = schema.mapping("the state", value)
        listed = members.get("agents", [])
        if not isinstance(listed, list):
            raise schema.WrongShape(f"agents: expected a list of agents, found {schema.describe(listed)}")
        return schema.read(cls, "", members, {"agents": tuple(_agent(f"agents[{n}]", a) for n, a in enumerate(listed))})

    def to_json(self) -> dict[str, Any]:
        """The object that goes into the state file."""
        members = schema.write(replace(self, agents=()), FLEET_SEED_FIELDS)
        return members | {"agents": [schema.write(agent, AGENT_SEED_FIELDS) for agent in self.agents]}

    def top(self) -> dict[str, Any]:
        """The fields beside the agents, where settings may stand too."""
        return {name: member for name, member in self.to_json().items() if name != "agents"}

    def agent_for(self, target: str) -> Agent | None:
        """The agent meant by a window, pane id, window id or worktree name; one still at work before a recycled one."""
        found = [agent for agent in self.agents if agent.answers_to(target)]
        at_work = [agent for agent in found if agent.state is not AgentState.RECYCLED]
        if len(at_work) > 1:
            windows = ", ".join(agent.window for agent in at_work)
            raise FleetError(f"{target} names {len(at_work)} agents ({windows}): say which by its window")
        chosen = at_work or found
        return chosen[-1] if chosen else None

    def current(self, agent: Agent) -> Agent | None:
        """The same agent's record as it stands here."""
        return next((known for known in self.agents if known.key == agent.key), None)

    def with_agent(self, agent: Agent) -> Fleet:
        """The fleet with this record in place of the agent's earlier one, or added."""
        if self.current(agent) is None:
            return replace(self, agents=(*self.agents, agent))
        return replace(self, agents=tuple(agent if known.key == agent.key else known for known in self.agents))

    def exchange(self, old: Agent, new: Agent) -> Fleet:
        """The fleet with ``new`` in place of exactly this record, whatever fields changed."""
        return replace(self, agents=tuple(new if known is old else known for known in self.agents))

    def without_agent(self, agent: Agent) -> Fleet:
        """The fleet with no record of it."""
        return replace(self, agents=tuple(known for known in self.agents if known.key != agent.key))

    def change(self, agent: Agent, /, **fields: Any) -> Fleet:
        """Only these fields of its current record; what others wrote meanwhile stays. A gone record stays gone."""
        known = self.current(agent)
        return self if known is None else self.with_agent(replace(known, **fields))


def _agent(where: str, value: object) -> Agent:
    members = schema.mapping(where, value)
    if not isinstance(members.get("window"), str):
        found = schema.describe(members["window"]) if "window" in members else "nothing"
        raise schema.WrongShape(f"{where}.window: expected SESSION:WIN, found {found}")
    return schema.read(Agent, where, members)
