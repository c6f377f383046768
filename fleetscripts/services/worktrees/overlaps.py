"""Compares the branches of live agents in pairs, and caches the results."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from itertools import combinations
from pathlib import Path
from typing import Any

from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.git.notes import key
from fleetscripts.adapters.git.place import repository_at, require_same
from fleetscripts.adapters.git.remotes import base_remote
from fleetscripts.adapters.git.trial_merges import COMMIT, MergeResult, TrialRepository
from fleetscripts.adapters.records.json_files import read_json, write_json
from fleetscripts.config import Settings
from fleetscripts.core.overlaps.overlap import Change, Pair, conflict_lines, may_meet
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import AgentState

MOST_MERGES = 2000
"""In one comparison; the other pairs wait for the next one."""

MOST_PLACES = 20
LARGEST_MEMORY = 32 << 20


@dataclass(frozen=True, slots=True)
class Branch:
    """One agent's branch as it is now."""

    agent: Agent
    head: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """All pairs with common files; ``left``: how many could not be tried this time; ``heads``: by agent's key."""

    agents: tuple[Agent, ...]
    pairs: tuple[Pair, ...]
    left: int = 0
    heads: Mapping[str, str] = field(default_factory=dict)


def trial_repository(settings: Settings, common: Path) -> TrialRepository:
    """The repository for trial merges of the one with this common folder."""
    return TrialRepository(settings.fleet_home / "overlaps" / f"{key(str(common))}.git", common)


def conflict_places(trials: TrialRepository, merged: Sequence[MergeResult]) -> list[list[str]]:
    """Where each of the merges conflicts: ``path:line``, a path alone if it is about the whole file."""
    names = [f"{one.tree}:{path}" for one in merged for path in one.conflicts[:MOST_PLACES]]
    texts = dict(zip(names, trials.contents(names), strict=True)) if names else {}
    found = []
    for one in merged:
        places: list[str] = []
        for path in one.conflicts[:MOST_PLACES]:
            lines = conflict_lines(texts[f"{one.tree}:{path}"])
            places += [f"{path}:{line}" for line in lines] or [path]
        found.append(places[:MOST_PLACES])
    return found


def compare(
    settings: Settings,
    fleet: Fleet,
    most: int = MOST_MERGES,
    pushed: Mapping[str, Sequence[Branch]] | None = None,
) -> Comparison:
    """Every two live agents of one repository. ``pushed``: branches of agents elsewhere, by the common folder of the
    repository here; their commits are in its trial repository."""
    agents, pairs, left = [], [], 0
    heads: dict[str, str] = {}
    here, pushed = by_repository(fleet.agents), pushed or {}
    for common in dict.fromkeys([*here, *pushed]):
        branches = [*here.get(common, ()), *pushed.get(common, ())]
        agents += [branch.agent for branch in branches]
        heads |= {branch.agent.key: branch.head for branch in branches}
        found = _Repository(settings, Path(common), branches, most)
        pairs += found.compared()
        left += found.left
    return Comparison(tuple(agents), tuple(pairs), left, heads)


def lives(agent: Agent) -> bool:
    """Whether it has a branch to compare."""
    return bool(agent.worktree_path and agent.branch) and agent.state is not AgentState.RECYCLED


def by_repository(agents: Iterable[Agent]) -> dict[str, list[Branch]]:
    """The branches of agents at work or finished, by the common folder of their repositories."""
    found: dict[str, list[Branch]] = {}
    heads: dict[str, dict[str, str]] = {}
    for agent in filter(lives, agents):
        folder = Path(agent.worktree_path)
        try:
            recorded = agent.repository or repository_at(folder)
            require_same(folder, recorded)
            if recorded.common_dir not in heads:
                heads[recorded.common_dir] = _heads(Git(folder, recorded))
        except FleetError:
            continue  # a worktree that is gone or leads elsewhere has no branch to compare
        head = heads[recorded.common_dir].get(agent.branch, "")
        if COMMIT.fullmatch(head):
            found.setdefault(recorded.common_dir, []).append(Branch(agent, head))
    return found


def _heads(git: Git) -> dict[str, str]:
    """Every branch of the repository with its commit."""
    rows = git.text("for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/heads/").splitlines()
    return {name: commit for commit, _, name in (row.partition(" ") for row in rows)}


class _Repository:
    """One repository's branches, with former and new results."""

    def __init__(self, settings: Settings, common: Path, branches: Sequence[Branch], most: int) -> None:
        self.branches, self.most, self.left = branches, most, 0
        self.git = Git(common)
        self.memory_file = settings.fleet_home / "overlaps" / f"{key(str(common))}.json"
        self.trials = trial_repository(settings, common)
        self._base = ""
        self._changes: dict[tuple[str, str], Change] = {}

    def compared(self) -> list[Pair]:
        """Pairs with common files, by trial merges of those not tried before."""
        if len(self.branches) < 2:
            return []
        self.trials.prepare()
        known, forked = self._remembered("pairs"), self._remembered("forks")
        forks = self._forks(forked)
        found: dict[tuple[str, str], Mapping[str, Any]] = {}
        untried = []
        for one, other in combinations(self.branches, 2):
            heads = (one.head, other.head)
            if one.head == other.head:
                continue
            if (said := known.get(" ".join(heads))) is not None:
                found[heads] = said
            else:
                a, b = self._since_they_left(one, other, forks)
                files = sorted(a.paths & b.paths)
                if may_meet(a, b):
                    untried.append((heads, files))
                else:
                    found[heads] = {}
        self.left = max(0, len(untried) - self.most)
        found |= self._tried(untried[: self.most])
        self._remember(found, forks)
        return [
            Pair(one.agent.key, other.agent.key, **{name: _value(value) for name, value in said.items()})
            for one, other in combinations(self.branches, 2)
            if (said := found.get((one.head, other.head)))
        ]

    def _forks(self, known: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
        """Where each branch left the target branch, else the first branch."""
        remote = base_remote(self.git, None)
        base = (
            self.git.maybe("rev-parse", "--verify", "--quiet", f"refs/remotes/{remote}/HEAD^{{commit}}")
            if remote
            else None
        )
        base = base or self.branches[0].head
        self._base = base
        said = {branch.head: known.get(f"{base} {branch.head}", {}).get("fork") for branch in self.branches}
        return {head: fork if isinstance(fork, str) else self.trials.fork(base, head) for head, fork in said.items()}

    def _since_they_left(self, one: Branch, other: Branch, forks: Mapping[str, str]) -> tuple[Change, Change]:
        """Each one's changes since their common commit: for the one that left later, including what came in between."""
        first, second = forks[one.head], forks[other.head]
        a, b = self._change(first, one.head), self._change(second, other.head)
        if first and second and first != second:
            between = self._change(first, second)
            return a.with_more(between), b.with_more(between)
        return a, b

    def _change(self, before: str, after: str) -> Change:
        if not before:
            return Change()
        if (before, after) not in self._changes:
            listed = self.trials.changes(before, after)
            kinds = {letter: frozenset(path for kind, path in listed if kind == letter) for letter in "AD"}
            rest = frozenset(path for kind, path in listed if kind not in "AD")
            self._changes[before, after] = Change(rest, kinds["A"], kinds["D"])
        return self._changes[before, after]

    def _tried(self, untried: Sequence[tuple[tuple[str, str], list[str]]]) -> dict[tuple[str, str], Mapping[str, Any]]:
        merged = self.trials.merges([heads for heads, _ in untried]) if untried else []
        places = conflict_places(self.trials, merged)
        return {
            heads: {
                name: value
                for name, value in {"files": files, "places": found, "problem": result.problem}.items()
                if value
            }
            for (heads, files), result, found in zip(untried, merged, places, strict=True)
        }

    def _remembered(self, what: str) -> dict[str, Mapping[str, Any]]:
        try:
            members = read_json(self.memory_file, LARGEST_MEMORY)
            return {name: said for name, said in members[what].items() if isinstance(said, dict)}
        except (KeyError, TypeError, AttributeError):
            return {}  # compared anew

    def _remember(self, found: Mapping[tuple[str, str], Mapping[str, Any]], forks: Mapping[str, str]) -> None:
        pairs = {" ".join(heads): said for heads, said in found.items()}
        forked = {f"{self._base} {head}": {"fork": fork} for head, fork in forks.items()}
        write_json(self.memory_file, {"at": time.time(), "pairs": pairs, "forks": forked})


def _value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
