"""Judging finished work: the page to judge by, and the only way in which an agent becomes ``done``."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fleetscripts.adapters.git import Git
from fleetscripts.adapters.github_problems import GitHubProblem
from fleetscripts.adapters.journal import Journal
from fleetscripts.adapters.remotes import default_branch, remote_of
from fleetscripts.adapters.store import Store
from fleetscripts.core.evaluation_page import Work, page
from fleetscripts.core.gates import Verdict
from fleetscripts.errors import FleetError, Refused, UsageProblem
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import AgentState
from fleetscripts.pull_request import PullRequest
from fleetscripts.services.briefing import rebriefing
from fleetscripts.services.deliver import deliver
from fleetscripts.services.desk import open_desk
from fleetscripts.services.notify import notify
from fleetscripts.services.verify import Question, record, verify
from fleetscripts.services.verify_github import github, pull_key

DIFF_LIMIT = 40_000
"""Characters of the diff on the page: what fits into one answer of the judging model, with the rest."""


@dataclass(frozen=True, slots=True)
class Override:
    """A gate, or a review thread by its id, that somebody accepts although it does not hold."""

    name: str
    why: str


def evaluation_page(question: Question) -> str:
    """The page; measures every gate anew."""
    verdict = verify(question)
    record(Store(question.settings.state_file), question.agent, verdict, time.time())
    return page(question.agent, verdict, _work(question.agent), _pull(question))


def accept(question: Question, why: str, overrides: Sequence[Override], environ: Mapping[str, str]) -> list[str]:
    """Mark the agent done, if the gates hold at this moment but for the overridden ones; warnings of the notification.

    Raises Refused with every gate that holds it back."""
    threads = {over.name: over.why for over in overrides if not _is_gate(over.name)}
    agent = replace(question.agent, extra=_with_accepted(question.agent, threads))
    verdict = verify(replace(question, agent=agent))
    named = {over.name for over in overrides}
    standing = [gate for gate in verdict.holding_back() if gate.name not in named]
    store = Store(question.settings.state_file)
    record(store, question.agent, verdict, time.time())
    if standing or not verdict.gates:
        findings = "; ".join(f"{gate.name} {gate.status}: {gate.evidence}" for gate in standing)
        raise Refused(f"{agent.window} is not complete: {findings}")
    _write_overrides(question, overrides, verdict)
    changes = {"state": AgentState.DONE, "extra": agent.extra}
    store.update(lambda fleet: fleet.change(question.agent, **changes))
    _journal(question, "evaluated", why, outcome="done")
    accepted = f"; accepted: {', '.join(f'{over.name} ({over.why})' for over in overrides)}" if overrides else ""
    return notify(
        f"{agent.window} ({agent.worktree or agent.branch}) is done: {why}{accepted}", question.settings, environ
    )


def send_back(question: Question, what: str) -> str:
    """Tell the agent what is missing, and set it back to work; the proof that it was told."""
    agent, settings = question.agent, question.settings
    desk = open_desk(settings, question.fleet)
    pane = agent.pane_on(desk.server)
    if pane is None:
        raise FleetError(f"{agent.window} has no pane on this tmux server: run-loop restores it first")
    receipt = deliver(desk, pane, rebriefing(agent, [what]), why="evaluation")
    changes = {
        "state": AgentState.RUNNING,
        "revision_count": agent.revision_count + 1,
        "last_rebriefed_at": time.time(),
    }
    Store(settings.state_file).update(lambda fleet: fleet.change(agent, **changes))
    _journal(question, "evaluated", what, outcome="sent back")
    return receipt.proof


def overrides_of(pairs: Sequence[tuple[str, str]]) -> list[Override]:
    """What ``--override NAME WHY`` said, each with its reason."""
    for name, why in pairs:
        if not name.strip() or not why.strip():
            raise UsageProblem("--override: expected the gate's (or the thread's) name and the reason")
    return [Override(name.strip(), why.strip()) for name, why in pairs]


_LOCAL_GATES = ("steps", "clean", "branch", "pushed", "verify_command")
_PULL_GATES = ("github", "pull_request", "checks", "fresh_run", "threads", "resolutions", "reviews", "conflicts")


def _is_gate(name: str) -> bool:
    return name in _LOCAL_GATES or name in _PULL_GATES


def _with_accepted(agent: Agent, threads: Mapping[str, str]) -> dict[str, object]:
    known = agent.extra.get("accepted_threads")
    accepted = {**known, **threads} if isinstance(known, Mapping) else dict(threads)
    return {**agent.extra, "accepted_threads": accepted} if accepted else dict(agent.extra)


def _write_overrides(question: Question, overrides: Sequence[Override], verdict: Verdict) -> None:
    evidence = {gate.name: gate.evidence for gate in verdict.gates}
    for over in overrides:
        _journal(question, "override", over.why, gate=over.name, evidence=evidence.get(over.name, ""))


def _journal(question: Question, event: str, why: str, **fields: object) -> None:
    Journal(question.settings.journal_file).write(event, window=question.agent.window, why=why, **fields)


def _pull(question: Question) -> PullRequest | None:
    """The pull request, when there is one and GitHub tells; the gates already say why not."""
    try:
        key = pull_key(question.agent, question.fleet)
    except FleetError:
        return None
    if key is None:
        return None
    found = github(question.settings).pull_requests([key], time.time())[key]
    return None if isinstance(found, GitHubProblem) else found


def _work(agent: Agent) -> Work:
    git = Git(Path(agent.worktree_path))
    try:
        remote = remote_of(git, agent.branch)
        branch = default_branch(git, remote) if remote else None
        base = git.maybe("merge-base", "HEAD", f"refs/remotes/{remote}/{branch}") if branch else None
        base = base or git.text("rev-list", "--max-parents=0", "HEAD").split("\n")[-1]
        diff = git.text("diff", "--no-ext-diff", "--no-textconv", "--no-color", base, "HEAD")
        return Work(
            base=base[:12],
            commits=git.text("log", "--format=%h %s", f"{base}..HEAD").splitlines(),
            stat=git.text("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--stat=100", base, "HEAD"),
            diff=diff[:DIFF_LIMIT],
            cut=len(diff) > DIFF_LIMIT,
        )
    except FleetError as error:
        return Work("", (), "", "", cut=False, problem=str(error))


def judged(fleet: Fleet, agent: Agent) -> Agent:
    """The agent to judge; one that is done or recycled has been."""
    if agent.state in (AgentState.DONE, AgentState.RECYCLED):
        raise Refused(f"{agent.window} is {agent.state} already")
    return fleet.current(agent) or agent
