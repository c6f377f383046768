"""The fleet as in the state file: the seed's names, plus fields; unknown ones are kept. Times are Unix seconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, fields
from typing import Any, TypeAlias

from fleetscripts import schema
from fleetscripts.agents import DEFAULT_KIND
from fleetscripts.dataclass import dataclass, replace
from fleetscripts.errors import FleetError
from fleetscripts.models import AgentState, PaneFacts, Repository, ServerId
from fleetscripts.record import WAS, Attempts, Escalation, Hold, LastLook, Notices, Rescue, Task, Verdict
from fleetscripts.schema import Count, UnixSeconds

PullNumber: TypeAlias = str
"""A pull request's number as text, empty if there is none; a number in the file is read too."""

AGENT_SEED_FIELDS = frozenset({
    "window", "worktree", "worktree_path", "spare_branch", "branch", "objective", "pr_number", "session_id", "steps",
    "checkpoints", "state", "last_output_hash", "last_seen_at", "spawned_at", "idle_since", "revision_count",
    "last_rebriefed_at",
})  # fmt: skip
FLEET_SEED_FIELDS = frozenset({
    "active", "tmux_session", "idle_threshold_seconds", "loop_window", "supervisor_window", "repo", "last_poll_at",
})  # fmt: skip
"""Always written, as the seed's readers expect them; other fields only if they differ from their default."""

MOST_EARLIER_WINDOWS = 9
"""Former numbers of a window that tmux renumbered, which somebody may still have in mind."""


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
    last_seen_at: UnixSeconds = 0
    spawned_at: UnixSeconds = 0
    idle_since: UnixSeconds = 0
    revision_count: Count = 0
    last_rebriefed_at: UnixSeconds = 0

    id: str = ""
    agent: str = DEFAULT_KIND
    account: str = ""
    pane_id: str = ""
    window_id: str = ""
    earlier_windows: tuple[str, ...] = ()
    tmux_server: ServerId | None = None
    session_ids: tuple[str, ...] = ()
    repository: Repository | None = None
    task: Task = field(default_factory=Task)
    seen: LastLook = field(default_factory=LastLook)
    attempts: Attempts = field(default_factory=Attempts)
    verdict: Verdict = field(default_factory=Verdict)
    notices: Notices = field(default_factory=Notices)
    hold: Hold = field(default_factory=Hold)
    escalation: Escalation = field(default_factory=Escalation)
    rescue: Rescue = field(default_factory=Rescue)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Identifies this record while its window, session and everything else may change; a hand-written one has no id
        until the state file is next written."""
        return self.id or self._place

    @property
    def keys(self) -> tuple[str, ...]:
        """All values that its ``key`` may have had: also the one by its place, from before it had an id."""
        return (self.id, self._place) if self.id else (self._place,)

    @property
    def _place(self) -> str:
        return f"{self.worktree_path or self.window}@{self.spawned_at!r}"

    def is_same(self, other: Agent) -> bool:
        """Whether both are records of one agent."""
        return self.id == other.id if self.id and other.id else self._place == other._place

    def changed(self, /, **fields: Any) -> Agent:
        """The record with these fields. A mapping for a part changes only the fields that it names."""
        parts = {
            name: replace(getattr(self, name), **value) if value else getattr(self, name)
            for name, value in fields.items()
            if name in PARTS and isinstance(value, Mapping)
        }
        return replace(self, **{**fields, **parts})

    def with_task(self, task: Task, **fields: Any) -> Agent:
        """At work on another task: nothing said, done or judged for the one before applies to it."""
        begun: dict[str, Any] = {
            "state": AgentState.RUNNING,
            "checkpoints": (),
            "revision_count": 0,
            "last_rebriefed_at": 0,
            "idle_since": 0,
            "attempts": Attempts(),
            "verdict": Verdict(),
            "notices": Notices(told_state=self.notices.told_state),
            "hold": Hold(),
            "escalation": Escalation(),
            "rescue": Rescue(),
        }
        return replace(self, **{**begun, **fields}, task=task)

    @property
    def handle(self) -> str:
        """Its name in commands: never its window's number, which moves."""
        return self.worktree or self.id or self.pane_id or self.window

    @property
    def called(self) -> str:
        """Its present place and its name in commands."""
        return self.window if self.handle == self.window else f"{self.window} ({self.handle})"

    @property
    def sessions(self) -> frozenset[str]:
        """Names of the tmux sessions in which its window was seen."""
        return frozenset(window.rpartition(":")[0] for window in (self.window, *self.earlier_windows))

    @property
    def finished(self) -> bool:
        """Nothing more has to be done about it."""
        return self.state in (AgentState.DONE, AgentState.RECYCLED)

    def pane_on(self, server: ServerId | None) -> str | None:
        """Its pane id, if this very server gave it."""
        return self.pane_id if self.pane_id and server is not None and server == self.tmux_server else None

    def answers_to(self, target: str) -> bool:
        """Whether its id, ``SESSION:WIN``, a pane id, a window id or a worktree's name means it."""
        return bool(target) and target in (self.id, self.window, self.pane_id, self.window_id, self.worktree)

    def at(self, facts: PaneFacts, server: ServerId | None) -> Agent:
        """A copy that points at this pane."""
        moved = self.pane_on(server) == facts.pane_id and self.window != facts.window
        earlier = dict.fromkeys((*self.earlier_windows, self.window)) if moved else dict.fromkeys(self.earlier_windows)
        earlier.pop(facts.window, None)
        return replace(
            self,
            window=facts.window,
            pane_id=facts.pane_id,
            window_id=facts.window_id,
            tmux_server=server,
            earlier_windows=tuple(earlier)[-MOST_EARLIER_WINDOWS:],
        )


PARTS: Mapping[str, type[Any]] = {
    "task": Task,
    "seen": LastLook,
    "attempts": Attempts,
    "verdict": Verdict,
    "notices": Notices,
    "hold": Hold,
    "escalation": Escalation,
    "rescue": Rescue,
}
"""The record's parts by field, whose names are those of the state file."""

FLAT: Mapping[str, tuple[str, str]] = {
    part.metadata[WAS]: (name, part.name)
    for name, kind in PARTS.items()
    for part in fields(kind)
    if WAS in part.metadata
}
"""Former flat names of the record: the part and its field."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """The whole state file."""

    active: bool = True
    tmux_session: str = ""
    tmux_session_id: str = ""
    tmux_session_server: ServerId | None = None
    idle_threshold_seconds: int | None = None
    loop_window: str | None = None
    supervisor_window: str | None = None
    repo: str = ""
    discord_webhook: str = field(default="", repr=False)
    last_poll_at: UnixSeconds = 0
    loop_pane_id: str = ""
    loop_tmux_server: ServerId | None = None
    orchestrator_seen_at: UnixSeconds = 0
    orchestrator_called_at: UnixSeconds = 0
    all_done_notified_at: UnixSeconds = 0
    heartbeat_at: UnixSeconds = 0
    agents: tuple[Agent, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, value: object) -> Fleet:
        """The fleet in a parsed state file; raises WrongShape that names the field."""
        members = schema.mapping("the state", value)
        listed = members.get("agents", [])
        if not isinstance(listed, list):
            raise schema.WrongShape(f"agents: expected a list of agents, found {schema.describe(listed)}")
        return schema.read(
            cls, "", members, {"agents": tuple(read_agent(f"agents[{n}]", a) for n, a in enumerate(listed))}
        )

    def to_json(self) -> dict[str, Any]:
        """The object for the state file."""
        return self.top() | {"agents": [schema.write(agent, AGENT_SEED_FIELDS) for agent in self.agents]}

    def top(self) -> dict[str, Any]:
        """The fields beside the agents, which may include settings."""
        members = schema.write(replace(self, agents=()), FLEET_SEED_FIELDS)
        return {name: member for name, member in members.items() if name != "agents"}

    def agent_for(self, target: str) -> Agent | None:
        """The agent meant by a window, pane id, window id or worktree name; one at work before a recycled one."""
        found = [agent for agent in self.agents if agent.answers_to(target)]
        at_work = [agent for agent in found if agent.state is not AgentState.RECYCLED]
        if len(at_work) > 1:
            ids = ", ".join(f"{agent.id or agent.window}: {agent.branch}" for agent in at_work)
            raise FleetError(f"{target} names {len(at_work)} agents ({ids}): say which by its id")
        chosen = at_work or found
        return chosen[-1] if chosen else None

    def current(self, agent: Agent) -> Agent | None:
        """The same agent's current record here."""
        return next((known for known in self.agents if known.is_same(agent)), None)

    def with_agent(self, agent: Agent) -> Fleet:
        """The fleet with this record in place of the agent's earlier one, or added."""
        if self.current(agent) is None:
            return replace(self, agents=(*self.agents, agent))
        return replace(self, agents=tuple(agent if known.is_same(agent) else known for known in self.agents))

    def exchange(self, old: Agent, new: Agent) -> Fleet:
        """The fleet with ``new`` in place of exactly this record, whatever fields changed."""
        return self.exchange_all([(old, new)])

    def exchange_all(self, pairs: Sequence[tuple[Agent, Agent]]) -> Fleet:
        """The same for many records: the second of each pair in place of exactly the first."""
        new = {id(old): new for old, new in pairs}
        return replace(self, agents=tuple(new.get(id(known), known) for known in self.agents)) if new else self

    def without_agent(self, agent: Agent) -> Fleet:
        """The fleet with no record of it."""
        return replace(self, agents=tuple(known for known in self.agents if not known.is_same(agent)))

    def change(self, agent: Agent, /, **fields: Any) -> Fleet:
        """Only these fields of its current record; others' changes since are kept. A removed record stays removed."""
        known = self.current(agent)
        return self if known is None else self.with_agent(known.changed(**fields))

    def ids_on(self, server: ServerId | None) -> Mapping[str, str]:
        """Agents' ids by their panes on this server, and by their windows."""
        at_work = [agent for agent in self.agents if agent.id and agent.state is not AgentState.RECYCLED]
        by_window = {agent.window: agent.id for agent in at_work}
        return by_window | {pane: agent.id for agent in at_work if (pane := agent.pane_on(server))}

    def with_ids(self, make: Callable[[], str]) -> Fleet:
        """The fleet with an id in each record; ``make`` creates one, again if it is taken."""
        taken = {agent.id for agent in self.agents}
        if "" not in taken and len(taken) == len(self.agents):
            return self
        agents: list[Agent] = []
        seen: set[str] = set()
        for agent in self.agents:
            name = agent.id
            while not name or name in seen or (name in taken and name != agent.id):
                name = make()
            seen.add(name)
            agents.append(agent if name == agent.id else replace(agent, id=name))
        return replace(self, agents=tuple(agents))


def read_agent(where: str, value: object) -> Agent:
    """The agent in a parsed record; raises WrongShape that names the field, prefixed with ``where``."""
    members = schema.mapping(where, value)
    if not isinstance(members.get("window"), str):
        found = schema.describe(members["window"]) if "window" in members else "nothing"
        raise schema.WrongShape(f"{where}.window: expected SESSION:WIN, found {found}")
    given: dict[str, Any] = {}
    rest = dict(members)
    once_flat = FLAT.keys() & rest.keys()
    for name, part in PARTS.items():
        nested = rest.pop(name) if isinstance(rest.get(name), dict) else {}
        flat = {FLAT[old][1]: rest.pop(old) for old in once_flat if FLAT[old][0] == name and old in rest}
        given[name] = schema.read(part, f"{where}.{name}", {**flat, **nested})
    return schema.read(Agent, where, rest, given)
