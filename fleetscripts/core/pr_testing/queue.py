"""The queue of pull requests to be tested on this machine, one at a time or a few. Times are Unix seconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from typing import Any

from fleetscripts.core.pr_testing.results import Scenario, scenario
from fleetscripts.dataclass import dataclass
from fleetscripts.fleet import Agent
from fleetscripts.pull_request import PullKey

MOST_OUTCOMES = 200
"""The oldest are dropped."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One pull request that waits, or is under test. ``state_file``, ``fleet_home`` and ``tmux_socket`` identify its
    fleet. ``pending``: unfinished checks on GitHub when last asked; None: unknown. ``ask_again``: why the last answer
    did not count."""

    host: str
    owner: str
    name: str
    number: int
    window: str = ""
    worktree_path: str = ""
    spawned_at: float = 0
    state_file: str = ""
    fleet_home: str = ""
    tmux_socket: str = ""
    verify: tuple[str, ...] = ()
    added_at: float = 0
    pending: int | None = None
    attempts: int = 0
    ask_again: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> PullKey:
        return PullKey(self.host, self.owner, self.name, self.number)

    @property
    def url(self) -> str:
        return f"https://{self.host}/{self.owner}/{self.name}/pull/{self.number}"

    def is_of(self, agent: Agent) -> bool:
        """Whether it is this agent's work."""
        return (self.worktree_path, self.spawned_at) == (agent.worktree_path, agent.spawned_at)


@dataclass(frozen=True, slots=True)
class Lease:
    """The test in progress and its process. It counts while the process lives, or if none is known, until a time.
    ``group`` and ``group_ticks``: the process group of a running command and its leader's start; ``head``: the commit
    under test; ``log``: where the command's output goes."""

    pull: str
    run_id: str
    who: str
    since: float
    pid: int = 0
    start_ticks: str = ""
    until: float = 0
    group: int = 0
    group_ticks: str = ""
    head: str = ""
    log: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    def held_by(self, pid: int, start_ticks: str) -> bool:
        return bool(self.pid) and (self.pid, self.start_ticks) == (pid, start_ticks)

    def holds(self, running: Mapping[int, str], now: float) -> bool:
        """Whether it still counts. ``running``: the start of each living process by its number."""
        return running.get(self.pid) == self.start_ticks if self.pid else now < self.until


@dataclass(frozen=True, slots=True)
class PrTestOutcome:
    """The verdicts of one finished test of one commit. ``told``: whether they were acted upon."""

    pull: str
    worktree_path: str
    spawned_at: float
    head: str
    at: float
    results: tuple[str, ...]
    told: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def scenarios(self) -> tuple[Scenario, ...]:
        return tuple(found for text in self.results if (found := scenario(text)) is not None)

    def is_of(self, agent: Agent) -> bool:
        """Whether it is this agent's work."""
        return (self.worktree_path, self.spawned_at) == (agent.worktree_path, agent.spawned_at)


@dataclass(frozen=True, slots=True)
class Queue:
    """One lease for each test that runs, none of them for the same pull request."""

    entries: tuple[Entry, ...] = ()
    leases: tuple[Lease, ...] = ()
    outcomes: tuple[PrTestOutcome, ...] = ()

    def entry(self, pull: str) -> Entry | None:
        return next((entry for entry in self.entries if str(entry.key) == pull), None)

    def lease_of(self, pull: str) -> Lease | None:
        """The lease for this pull request."""
        return next((lease for lease in self.leases if lease.pull == pull), None)

    def of_agent(self, agent: Agent) -> Entry | None:
        return next((entry for entry in self.entries if entry.is_of(agent)), None)

    def waiting(self) -> list[Entry]:
        """Those not under test, in test order: fewest unfinished checks first, unknown last, then age."""
        under_test = {lease.pull for lease in self.leases}
        waiting = [entry for entry in self.entries if str(entry.key) not in under_test]
        return sorted(waiting, key=lambda entry: (entry.pending is None, entry.pending or 0, entry.added_at))

    def with_entry(self, entry: Entry) -> Queue:
        """With this entry in place of an earlier one of the same pull request, or added."""
        if self.entry(str(entry.key)) is None:
            return replace(self, entries=(*self.entries, entry))
        return replace(self, entries=tuple(entry if known.key == entry.key else known for known in self.entries))

    def without(self, pull: str) -> Queue:
        """Without the entry of this pull request, and without its lease."""
        entries = tuple(entry for entry in self.entries if str(entry.key) != pull)
        return replace(self, entries=entries, leases=self._leases_but(pull))

    def counted(self, pending: Mapping[PullKey, int]) -> Queue:
        """With GitHub's current counts; entries without one keep theirs."""
        return replace(
            self,
            entries=tuple(replace(entry, pending=pending.get(entry.key, entry.pending)) for entry in self.entries),
        )

    def leased(self, lease: Lease) -> Queue:
        """With this entry under test."""
        entry = self.entry(lease.pull)
        assert entry is not None
        return replace(self.with_entry(replace(entry, attempts=entry.attempts + 1)), leases=(*self.leases, lease))

    def with_lease(self, lease: Lease) -> Queue:
        """With more known of a running test."""
        return replace(self, leases=tuple(lease if one.run_id == lease.run_id else one for one in self.leases))

    def released(self, pull: str, why: str) -> Queue:
        """Its test has ended; the entry waits again, with the reason to ask again."""
        return replace(self, leases=self._leases_but(pull)).asked_again(pull, why)

    def _leases_but(self, pull: str) -> tuple[Lease, ...]:
        return tuple(lease for lease in self.leases if lease.pull != pull)

    def asked_again(self, pull: str, why: str) -> Queue:
        """With a note on the entry, if it exists, that its next test gets the full context."""
        entry = self.entry(pull)
        return self if entry is None else self.with_entry(replace(entry, ask_again=why))

    def finished(self, outcome: PrTestOutcome) -> Queue:
        """With a test's verdicts, and without its entry."""
        others = [known for known in self.outcomes if known.pull != outcome.pull]
        return replace(self.without(outcome.pull), outcomes=(*others, outcome)[-MOST_OUTCOMES:])

    def outcome_of(self, agent: Agent) -> PrTestOutcome | None:
        """The last finished test of an agent's work."""
        return next((outcome for outcome in reversed(self.outcomes) if outcome.is_of(agent)), None)


def pending_checks(finished: Iterable[bool]) -> int:
    return sum(not done for done in finished)
