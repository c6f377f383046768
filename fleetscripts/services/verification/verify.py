"""Is an agent's task complete? Gathers the evidence and evaluates the gates."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from importlib import import_module
from pathlib import Path

from fleetscripts.adapters.git.changes import changes
from fleetscripts.adapters.git.check_command import run_check
from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.git.remotes import (
    address,
    base_remote,
    compare,
    fetch_default,
    has_remotes,
    remote_head,
    remote_of,
)
from fleetscripts.adapters.git.submodule_pins import changed_pins, has_pins
from fleetscripts.adapters.git.worktrees import operation
from fleetscripts.adapters.records.store import Store
from fleetscripts.config import Settings
from fleetscripts.core.gates.gate_table import GATES, GateEvidence, ask_gates
from fleetscripts.core.gates.gates import (
    CommandEvidence,
    GateResult,
    GateVerdict,
    PinsEvidence,
    RemoteEvidence,
    WorktreeEvidence,
)
from fleetscripts.core.gates.review import given
from fleetscripts.core.records.redact import redact
from fleetscripts.core.records.sanitize import fit, sanitize
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError, UsageProblem
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import Repository
from fleetscripts.services.pulls.pull_reading import Reader, reading
from fleetscripts.services.pulls.verify_github import PullAnswer, ask_github
from fleetscripts.services.verification.work import touched_files
from fleetscripts.services.worktrees.slots import slot_variables

SHOWN_OUTPUT_COLUMNS = 400
"""How much of the verify command's last output is quoted as evidence."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which agent, in which fleet, under which settings. ``read`` reads a pull request; None: a reader for this one."""

    agent: Agent
    fleet: Fleet
    settings: Settings
    read: Reader | None = None
    verified_head: str = ""
    """The commit on which the verify command has passed: it is not run again there."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict, and GitHub's answers."""

    verdict: GateVerdict
    pull: PullAnswer


def verify(question: Question) -> GateVerdict:
    """The verdict on the agent's work now. Writes nothing."""
    return look_into(question).verdict


def look_into(question: Question) -> Finding:
    """The same, with its sources. The verify command runs last, and only if it can still change the verdict."""
    agent = question.agent
    if agent.task.reviews:
        return Finding(GateVerdict((given(agent),), agent.task.reviewed_head), PullAnswer())
    worktree = worktree_evidence(agent)
    read = question.read or reading(question.settings)
    answer = ask_github(agent, question.fleet, question.settings, worktree.head, read)
    evidence = GateEvidence(
        steps=agent.steps,
        checkpoints=agent.checkpoints,
        worktree=worktree,
        remote=partial(remote_evidence, question, worktree),
        command=partial(command_evidence, question, worktree),
        pins=partial(pins_evidence, agent, worktree),
        has_command=bool(agent.task.verify_command or question.settings.verify_command),
        pull=answer.evidence,
        without_pull=answer.instead,
        merged=answer.merged,
        touched=cache(partial(touched_files, agent)),
        call=partial(_call, agent, question.settings, worktree.head),
    )
    seen = tuple(replace(result, evidence=sanitize(result.evidence)) for result in ask_gates(evidence))
    return Finding(GateVerdict(seen, worktree.head), answer)


def _call(agent: Agent, settings: Settings, head: str, named: str) -> GateResult | None:
    """The answer of a gate's own function; unknown if that could not find out."""
    module, _, name = named.partition(":")
    function: Callable[[Agent, Settings, str], GateResult | None] = getattr(
        import_module(f"fleetscripts.services.verification.{module}"), name
    )
    try:
        return function(agent, settings, head)
    except UsageProblem:
        raise
    except FleetError as error:
        gate = next(gate.name for gate in GATES if gate.function == named)
        return GateResult.unknown(gate, redact(str(error)))


def worktree_evidence(agent: Agent) -> WorktreeEvidence:
    """The agent's worktree by git."""
    if not agent.worktree_path:
        return WorktreeEvidence(agent.branch, problem="the record names no worktree")
    try:
        git = Git.in_worktree(agent.worktree_path, agent.repository)
        found = changes(git)
        return WorktreeEvidence(
            wanted_branch=agent.branch,
            branch=git.branch(),
            head=git.text("rev-parse", "--verify", "HEAD"),
            changes=found.paths,
            as_checked_out=found.as_checked_out,
            operation=operation(git),
        )
    except FleetError as error:
        return WorktreeEvidence(agent.branch, problem=str(error))


def remote_evidence(question: Question, worktree: WorktreeEvidence) -> RemoteEvidence:
    """The branch on its remote, asked there now."""
    agent = question.agent
    if worktree.problem or not agent.branch:
        return RemoteEvidence(problem=worktree.problem or "the record names no branch")
    try:
        git = Git.in_worktree(agent.worktree_path, agent.repository)
        if agent.repository is not None:
            return _on_recorded(question, git, agent.repository)
        remote = remote_of(git, agent.branch)
        if remote is None:
            several = "none of the remotes is origin, and the branch names none" if has_remotes(git) else ""
            return RemoteEvidence(expected=bool(question.fleet.repo or agent.pr_number), problem=several)
        there = remote_head(git, remote, agent.branch)
        if there is None:
            return RemoteEvidence(remote)
        beside = compare(git, remote, agent.branch, there)
        return RemoteEvidence(remote, exists=True, ahead=beside.ahead, behind=beside.behind)
    except FleetError as error:
        return RemoteEvidence(problem=redact(str(error)))


def _on_recorded(question: Question, git: Git, recorded: Repository) -> RemoteEvidence:
    """Asked at the push address recorded for the agent, whatever its repository's settings say now."""
    agent, url = question.agent, recorded.url
    if not url:
        if has_remotes(git):
            return RemoteEvidence(problem="nothing recorded says which remote its work goes to: push it and judge it")
        return RemoteEvidence(expected=bool(question.fleet.repo or agent.pr_number), recorded=True)
    if (leads := address(git, url)) != url:
        return RemoteEvidence(problem=redact(f"git makes {leads} of {url}: take that insteadOf out of its settings"))
    there = remote_head(git, url, agent.branch)
    if there is None:
        return RemoteEvidence(recorded.remote)
    beside = compare(git, recorded.remote, agent.branch, there, url)
    return RemoteEvidence(recorded.remote, exists=True, ahead=beside.ahead, behind=beside.behind)


def pins_evidence(agent: Agent, worktree: WorktreeEvidence) -> PinsEvidence:
    """The submodule commits that the branch pins and its base does not."""
    if worktree.problem:
        return PinsEvidence()
    try:
        git = Git.in_worktree(agent.worktree_path, agent.repository)
        if not has_pins(git):
            return PinsEvidence()
        urls = agent.repository
        remote = base_remote(git, agent.branch)
        meant = fetch_default(git, remote, urls.base_url if urls else "") if remote else None
        base = git.maybe("merge-base", "HEAD", meant.commit) if meant else None
        found = changed_pins(git, base, (urls.base_url or urls.url) if urls else "")
    except FleetError as error:
        return PinsEvidence(problem=redact(str(error)))
    said = [(pin, f"{pin.path} at {pin.pin[:12]}") for pin in found]
    return PinsEvidence(
        pushed=tuple(f"{words} is on its remote" for pin, words in said if not pin.missing and not pin.unknown),
        missing=tuple(f"{words} is {pin.missing}" for pin, words in said if pin.missing),
        unknown=tuple(redact(f"{words}: {pin.unknown}") for pin, words in said if pin.unknown),
    )


def command_evidence(question: Question, worktree: WorktreeEvidence) -> CommandEvidence:
    """The verify command's result; not run if it would judge another branch than the agent's."""
    command = question.agent.task.verify_command or question.settings.verify_command
    if not command:
        return CommandEvidence()
    if worktree.problem or worktree.branch != worktree.wanted_branch:
        return CommandEvidence(command, problem="not run: the worktree is not on the agent's branch")
    if question.verified_head and worktree.head == question.verified_head:
        return CommandEvidence(command, exit_code=0)
    folder, timeout_seconds = Path(question.agent.worktree_path), question.settings.verify_timeout_seconds
    try:
        slot = slot_variables(question.settings, os.environ, folder)
        run = run_check(command, folder, os.environ, timeout_seconds, slot)
    except FleetError as error:
        return CommandEvidence(command, problem=str(error))
    now = worktree_evidence(question.agent)
    return CommandEvidence(
        command=command,
        exit_code=run.exit_code,
        timed_out_after_seconds=timeout_seconds if run.exit_code is None else None,
        output=fit(
            sanitize(redact(run.output[-2 * SHOWN_OUTPUT_COLUMNS :]))[-SHOWN_OUTPUT_COLUMNS:], SHOWN_OUTPUT_COLUMNS
        ),
        moved=(now.head, now.branch) != (worktree.head, worktree.branch),
    )


def record(store: Store, agent: Agent, verdict: GateVerdict, now: float) -> None:
    """Store the outcome in the agent's record, and since when it is the same."""

    def keep(fleet: Fleet) -> Fleet:
        known = fleet.current(agent)
        if known is None:
            return fleet
        outcome = verdict.outcome.value
        checks = next((str(gate.status) for gate in verdict.gates if gate.name == "checks"), "")
        is_same = known.verdict.outcome == outcome and known.verdict.since
        since = {} if is_same else {"since": now, "told_at": 0.0}
        findings = fit(sanitize(verdict.findings()), SHOWN_OUTPUT_COLUMNS)
        said = {"outcome": outcome, "at": now, "checks": checks, "findings": findings, "head": verdict.head}
        return fleet.change(known, verdict={**said, **since})

    store.update(keep)
