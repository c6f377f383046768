"""Merges finished branches on trial, checks the result, and sends those that do not fit back to their agents."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.git.notes import key
from fleetscripts.adapters.git.place import repository_at
from fleetscripts.adapters.git.restore import Base, base_of
from fleetscripts.adapters.git.worktrees import worktrees
from fleetscripts.adapters.records.journal import Journal
from fleetscripts.adapters.records.locks import LockTaken, hold
from fleetscripts.config import Settings
from fleetscripts.core.integration.merge_order import first_red
from fleetscripts.core.overlaps.overlap import Pair
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError, NotYet, Refusal
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.services.briefing.briefing import breaks_union, does_not_merge
from fleetscripts.services.integration.union import BranchUnion, Conflict, OmittedBranch, UnionBuilder
from fleetscripts.services.integration.union_check import CheckFailure, UnionCheck, checking
from fleetscripts.services.verification.evaluate import send_back
from fleetscripts.services.verification.verify import Question
from fleetscripts.services.worktrees.overlaps import Branch, by_repository, compare, trial_repository

SHOWN_PLACES = 4


@dataclass(frozen=True, slots=True)
class HandBack:
    """An agent whose branch does not fit: why, in a sentence, and the proof of the message; empty if none was sent."""

    agent: Agent
    why: str
    told: str = ""


@dataclass(frozen=True, slots=True)
class Integration:
    """One repository's finished branches. ``check``: how the command ended on the merged result; ``red`` if it must not
    be merged as it is, and no branch is to blame."""

    base: Base
    merged: tuple[Agent, ...]
    commit: str
    sent_back: tuple[HandBack, ...] = ()
    left_out: tuple[OmittedBranch, ...] = ()
    check: str = ""
    red: bool = False
    notes: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        return not (self.sent_back or self.left_out or self.red)


@dataclass(frozen=True, slots=True)
class IntegrationRun:
    """One call. ``command``: run on the merged result, empty for none; ``tell``: whether agents are sent back to
    work."""

    settings: Settings
    fleet: Fleet
    environ: Mapping[str, str]
    command: str
    tell: bool = True

    def of(self, agents: Sequence[Agent]) -> tuple[list[Integration], list[Agent]]:
        """The result for each repository; and the agents whose branch cannot be found."""
        groups = by_repository(agents)
        known = {branch.agent.key for branches in groups.values() for branch in branches}
        pairs = compare(self.settings, self.fleet).pairs if len(known) > 1 else ()
        found = [self._alone(common, branches, pairs) for common, branches in groups.items()]
        return found, [agent for agent in agents if agent.key not in known]

    def _alone(self, common: str, branches: Sequence[Branch], pairs: Sequence[Pair]) -> Integration:
        try:
            with hold(self.settings.locks / f"integrate-{key(common)}.lock", 0):
                return self._integrate(common, branches, pairs)
        except LockTaken as held:
            raise Refusal(f"another call integrates in {common} just now: wait for it") from held

    def _integrate(self, common: str, branches: Sequence[Branch], pairs: Sequence[Pair]) -> Integration:
        main = Path(worktrees(Path(branches[0].agent.worktree_path), branches[0].agent.repository)[0].path)
        base = _base(main, branches)
        trials = trial_repository(self.settings, Path(common))
        trials.prepare()
        builder = UnionBuilder(trials, base.commit, branches, pairs)
        union = builder.build()
        culprits: list[Culprit] = []
        check, red, notes = "", False, list[str]()
        if self.command and union.steps:
            with checking(self.settings, self.environ, main, trials, self.command) as asked:
                union, culprits, ended = _fitting(asked, builder, union)
            notes, red = asked.notes, ended is not None
            check = f"{self.command}: {_outcome(union, ended)}"
        told = [self._conflict(one, base) for one in union.conflicts] + [self._breaks(one, base) for one in culprits]
        blamed = [self._send_back(branch, why, text) for branch, why, text in told]
        merged = tuple(branch.agent for branch in union.branches)
        found = Integration(base, merged, union.commit, tuple(blamed), union.left_out, check, red, tuple(notes))
        self._journal(found)
        return found

    def _conflict(self, found: Conflict, base: Base) -> tuple[Branch, str, str]:
        others = ", ".join(f"{one.agent.branch} ({one.head[:12]})" for one in found.others) or f"the base {base.origin}"
        places = ", ".join(found.places[:SHOWN_PLACES])
        more = f" and {len(found.places) - SHOWN_PLACES} more" if len(found.places) > SHOWN_PLACES else ""
        text = does_not_merge(found.branch.agent.branch, sanitize(others), _named(base), found.places)
        return found.branch, sanitize(f"conflicts with {others} in {places}{more}"), text

    def _breaks(self, found: Culprit, base: Base) -> tuple[Branch, str, str]:
        after = ", ".join(f"{one.agent.branch} ({one.head[:12]})" for one in found.after)
        branch, ended = found.branch, found.red
        text = breaks_union(
            branch.agent.branch, _named(base), sanitize(after), sanitize(self.command), ended.how, ended.lines
        )
        behind = f"onto the base and {len(found.after)} others" if found.after else "onto the base"
        return branch, sanitize(f"merged {behind}, {self.command} {ended.how} {_told(ended)}"), text

    def _send_back(self, branch: Branch, why: str, text: str) -> HandBack:
        if not self.tell:
            return HandBack(branch.agent, why)
        agent = self.fleet.current(branch.agent) or branch.agent
        try:
            proof = send_back(Question(agent, self.fleet, self.settings), text, why)
        except NotYet as later:
            return HandBack(agent, why, str(later))
        except FleetError as error:
            return HandBack(agent, why, f"could not be told: {error}")
        return HandBack(agent, why, f"told (proof: {proof})")

    def _journal(self, found: Integration) -> None:
        names = ", ".join(agent.branch for agent in found.merged) or "none"
        back = ", ".join(one.agent.branch for one in found.sent_back) or "none"
        Journal(self.settings.journal_file).write(
            "integrated", why="asked for", outcome=sanitize(f"fit together: {names}; sent back: {back}")
        )


@dataclass(frozen=True, slots=True)
class Culprit:
    """The branch with which the check first fails, after which others, and how."""

    branch: Branch
    after: tuple[Branch, ...]
    red: CheckFailure


def _fitting(
    asked: UnionCheck, builder: UnionBuilder, union: BranchUnion
) -> tuple[BranchUnion, list[Culprit], CheckFailure | None]:
    """The merged branches without those that make the check fail, these, and the check's failure on the base itself, if
    any."""
    culprits: list[Culprit] = []
    while union.steps and asked.red(union.commit) is not None:
        if ended := asked.red(union.base):
            return union, culprits, ended
        number = first_red(len(union.steps), lambda step: asked.red(union.at(step)) is not None)  # noqa: B023
        ended = asked.red(union.at(number))
        assert ended is not None
        branches = union.branches
        culprits.append(Culprit(branches[number - 1], tuple(branches[: number - 1]), ended))
        union = builder.build([one.branch for one in culprits])
    return union, culprits, None


def _base(main: Path, branches: Sequence[Branch]) -> Base:
    """The default branch of the remote recorded for their work, fetched now."""
    recorded = next((branch.agent.repository for branch in branches if branch.agent.repository), None)
    here = repository_at(main) if os.path.lexists(main / ".git") else None
    if here is not None and recorded is not None:
        here = replace(here, base_url=recorded.base_url)
    return base_of(Git(main, here), "")


def _named(base: Base) -> str:
    return sanitize(f"{base.origin.partition(',')[0]} ({base.commit[:12]})")


def _outcome(union: BranchUnion, ended: CheckFailure | None) -> str:
    if ended is not None:
        return f"{ended.how} on the base alone {_told(ended)}"
    return "passed" if union.steps else "no branch is left that it passes with"


def _told(ended: CheckFailure) -> str:
    said = " / ".join(ended.lines[-3:])
    return f"({': '.join(part for part in (said, ended.log) if part)})"
