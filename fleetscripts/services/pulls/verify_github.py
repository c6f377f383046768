"""Gates on an agent's pull request, from GitHub. What cannot be read is ``unknown``, never passed."""

from __future__ import annotations

import time

from fleetscripts.adapters.git.commit_facts import CommitFinder
from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.git.remotes import base_remote
from fleetscripts.adapters.github.github_problems import LIMITS, GitHubProblem, ProblemKind
from fleetscripts.adapters.github.settled_threads import SettledThreads
from fleetscripts.config import Settings
from fleetscripts.core.gates.gates import GateResult, GateStatus
from fleetscripts.core.gates.pull_evidence import PullEvidence
from fleetscripts.core.gates.pull_gates import fake_resolutions, pull_request
from fleetscripts.core.gates.resolutions import claimed_hashes, is_settled
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.invocation import spelled
from fleetscripts.pull_request import CommitFacts, PullRequest, PullState
from fleetscripts.services.pulls.pull_reading import Reader, github, pull_key

BEGINNING_SECONDS = 15
"""How long the start of a task waits for GitHub; without an answer it continues."""


@dataclass(frozen=True, slots=True)
class PullAnswer:
    """A pull request to be judged, or what is said ``instead``. ``merged``: the worktree's very commit was merged.
    ``open_threads``: unresolved ones and those resolved without a fix. ``limited_until``: when GitHub answers again."""

    evidence: PullEvidence | None = None
    instead: GateResult | None = None
    merged: bool = False
    open_threads: int = 0
    limited_until: float = 0.0

    @property
    def pull(self) -> PullRequest | None:
        return None if self.evidence is None else self.evidence.pull


def ask_github(agent: Agent, fleet: Fleet, settings: Settings, head: str, read: Reader) -> PullAnswer:
    """Read the agent's pull request with all evidence on it."""
    try:
        key = pull_key(agent, fleet)
        if key is None:
            said = (
                f"none is recorded: the local gates alone decide (else: {spelled('update-agent')} WINDOW pr_number=N)"
            )
            return PullAnswer(instead=GateResult.passed("pull_request", said))
        pull = read(key)
        if isinstance(pull, GitHubProblem):
            return _unread(pull)
        evidence = evidence_for(agent, pull, head, settings)
        merged = pull.state is PullState.MERGED and pull_request(evidence).status is GateStatus.PASS
        unresolved = sum(not thread.resolved for thread in pull.threads)
        return PullAnswer(evidence, None, merged, unresolved + len(fake_resolutions(evidence)))
    except FleetError as error:
        return PullAnswer(instead=GateResult.unknown("github", str(error)))


@dataclass(frozen=True, slots=True)
class PullAtStart:
    """The pull request as a task begins; None for a task without one, or if GitHub did not answer soon."""

    pull: PullRequest | None = None
    problem: str = ""

    @property
    def open_threads(self) -> int | None:
        """How many review threads wait, if known."""
        return None if self.pull is None else sum(not thread.resolved for thread in self.pull.threads)

    def keep(self, agent: Agent, settings: Settings) -> str:
        """Record which threads are already resolved: the agent is not judged by them. Returns the problem, if any: then
        every resolved thread is judged."""
        try:
            if self.pull is not None:
                SettledThreads(settings.fleet_home / "threads").keep(self.pull, agent.task.started_at)
            problem = self.problem
        except FleetError as error:
            problem = str(error)
        return f"threads that were resolved before this task will be judged too: {problem}" if problem else ""


def beginning(agent: Agent, fleet: Fleet, settings: Settings) -> PullAtStart:
    """The agent's pull request, read before it is sent its task."""
    try:
        key = pull_key(agent, fleet)
        if key is None:
            return PullAtStart()
        found = github(settings, most_seconds=BEGINNING_SECONDS).pull_requests([key])[key]
    except FleetError as error:
        return PullAtStart(problem=str(error))
    return PullAtStart(problem=str(found)) if isinstance(found, GitHubProblem) else PullAtStart(found)


def note_settled_threads(agent: Agent, fleet: Fleet, settings: Settings) -> str:
    """Record which threads are resolved as the task begins; returns the problem, if any."""
    return beginning(agent, fleet, settings).keep(agent, settings)


def evidence_for(agent: Agent, pull: PullRequest, head: str, settings: Settings) -> PullEvidence:
    """The pull request with what git and our own records know."""
    started = agent.task.started_at or agent.spawned_at
    settled = SettledThreads(settings.fleet_home / "threads").read(pull.key, started)
    return PullEvidence(
        pull=pull,
        worktree_head=head,
        worktree_branch=agent.branch,
        task_started_at=started + pull.clock_ahead,
        fresh_run=agent.task.fresh_run,
        ci_required=settings.ci_required,
        facts=_commit_facts(agent, pull, settled),
        settled_before=settled,
        accepted=frozenset(accepted_threads(agent)),
    )


def accepted_threads(agent: Agent) -> dict[str, str]:
    """Thread's id → why somebody accepted its resolution."""
    return dict(agent.task.accepted_threads or {})


def _commit_facts(agent: Agent, pull: PullRequest, settled: frozenset[str]) -> dict[str, dict[str, CommitFacts]]:
    """For each thread to be judged, git's facts on the hashes in its last words."""
    git = Git.in_worktree(agent.worktree_path, agent.repository)
    if not git.says("cat-file", "-e", f"{pull.head}^{{commit}}"):
        return {}  # the head is not here: that gate fails already
    remote = base_remote(git, agent.branch)
    base = f"refs/remotes/{remote}/{pull.base_ref}" if remote else pull.base_ref
    finder = CommitFinder(git, pull.head, base)
    resolved = [thread for thread in pull.threads if thread.resolved and thread.id not in settled]
    judged = [thread for thread in resolved if not is_settled(thread, pull.author)]
    return {thread.id: finder.facts(claimed_hashes(thread, pull.author), thread.reviewed) for thread in judged}


def _unread(problem: GitHubProblem) -> PullAnswer:
    if problem.kind is ProblemKind.NOT_FOUND:
        return PullAnswer(instead=GateResult.failed("github", f"{problem}: check pr_number and repo in the record"))
    until = f"; asked again after {time.strftime('%H:%M:%S', time.localtime(problem.until))}" if problem.until else ""
    limited = problem.until if problem.kind in LIMITS else None
    return PullAnswer(instead=GateResult.unknown("github", f"{problem}{until}"), limited_until=limited or 0.0)
