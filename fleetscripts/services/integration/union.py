"""Merges finished branches one after the other onto a base, in objects of our own. No ref is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations

from fleetscripts.adapters.git.trial_merges import TrialRepository
from fleetscripts.core.integration.merge_order import BranchRank, merge_order
from fleetscripts.core.overlaps.overlap import Pair
from fleetscripts.dataclass import dataclass
from fleetscripts.services.worktrees.overlaps import Branch, conflict_places


@dataclass(frozen=True, slots=True)
class Conflict:
    """A branch that does not merge. ``others``: those merged before that it conflicts with; none: the base."""

    branch: Branch
    places: tuple[str, ...]
    others: tuple[Branch, ...] = ()


@dataclass(frozen=True, slots=True)
class OmittedBranch:
    """A branch that was left out without being sent back, and why."""

    branch: Branch
    why: str


@dataclass(frozen=True, slots=True)
class Step:
    """A branch merged onto all before it: the resulting commit."""

    branch: Branch
    commit: str


@dataclass(frozen=True, slots=True)
class BranchUnion:
    """The result, in merge order."""

    base: str
    steps: tuple[Step, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    left_out: tuple[OmittedBranch, ...] = ()

    @property
    def commit(self) -> str:
        return self.at(len(self.steps))

    @property
    def branches(self) -> list[Branch]:
        return [step.branch for step in self.steps]

    def at(self, number: int) -> str:
        """The commit with the first so many of the branches."""
        return self.steps[number - 1].commit if number else self.base


class UnionBuilder:
    """Branches of one repository, and the base that they are merged onto."""

    def __init__(self, trials: TrialRepository, base: str, branches: Sequence[Branch], pairs: Sequence[Pair]) -> None:
        self._trials, self._base = trials, base
        self._contained = {
            one.agent.key: {other.agent.key for other in branches if other is not one and self._holds(one, other)}
            for one in branches
        }
        self._against: Mapping[str, set[str]] = {one.agent.key: set() for one in branches}
        for pair in pairs:
            for name, other in permutations((pair.one, pair.other)):
                if pair.conflicts and name in self._against and other in self._against:
                    self._against[name].add(other)
        by_key = {one.agent.key: one for one in branches}
        order = merge_order(map(self._standing, branches), self._contained)
        self._ordered = [by_key[name] for name in order]

    def build(self, without: Sequence[Branch] = ()) -> BranchUnion:
        """Merge all but those that are left out, and those that contain one of these."""
        commit, gone = self._base, {branch.agent.key: branch for branch in without}
        steps: list[Step] = []
        conflicts: list[Conflict] = []
        left: list[OmittedBranch] = []
        for branch in self._ordered:
            key = branch.agent.key
            if key in gone:
                continue
            if holds := next((gone[other] for other in self._contained[key] if other in gone), None):
                left.append(OmittedBranch(branch, f"it contains {holds.agent.branch}, which does not fit"))
                gone[key] = branch
                continue
            if self._trials.fork(self._base, branch.head) == branch.head:
                left.append(OmittedBranch(branch, "the base has all of it already"))
                continue
            merged = self._trials.merge(commit, branch.head)
            if merged.problem:
                left.append(OmittedBranch(branch, f"it could not be merged on trial: {merged.problem}"))
            elif merged.conflicts:
                (places,) = conflict_places(self._trials, [merged])
                conflicts.append(Conflict(branch, tuple(places), self._opponents(branch, steps)))
            else:
                words = f"Merge {branch.agent.branch} on trial\n"
                commit = self._trials.commit(merged.tree, (commit, branch.head), words)
                steps.append(Step(branch, commit))
                continue
            gone[key] = branch
        return BranchUnion(self._base, tuple(steps), tuple(conflicts), tuple(left))

    def _opponents(self, branch: Branch, before: Sequence[Step]) -> tuple[Branch, ...]:
        """The merged branches that it conflicts with individually; all of them if only together they conflict."""
        if self._trials.merge(self._base, branch.head).conflicts:
            return ()
        alone = [step.branch for step in before if step.branch.agent.key in self._against[branch.agent.key]]
        return tuple(alone or [step.branch for step in before])

    def _holds(self, one: Branch, other: Branch) -> bool:
        return self._trials.fork(other.head, one.head) == other.head

    def _standing(self, branch: Branch) -> BranchRank:
        agent = branch.agent
        fork = self._trials.fork(self._base, branch.head)
        lines = self._trials.lines(fork, branch.head) if fork else 0
        return BranchRank(agent.key, len(self._against[agent.key]), lines, agent.task.started_at or agent.spawned_at)
