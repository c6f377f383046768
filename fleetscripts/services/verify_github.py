"""What GitHub says of an agent's pull request, as gates. What cannot be read is ``unknown``, never passed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fleetscripts.adapters.commit_facts import CommitFinder
from fleetscripts.adapters.git import Git
from fleetscripts.adapters.github import GitHub
from fleetscripts.adapters.github_budget import Budget
from fleetscripts.adapters.github_problems import GitHubProblem, ProblemKind
from fleetscripts.adapters.remotes import remote_of
from fleetscripts.adapters.settled_threads import SettledThreads
from fleetscripts.config import Settings
from fleetscripts.core.gates import GateResult, GateStatus
from fleetscripts.core.pull_gates import PullEvidence, pull_gates
from fleetscripts.core.repository_name import RepositoryName, from_address, from_slug
from fleetscripts.core.resolutions import claimed_hashes
from fleetscripts.errors import FleetError
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.pull_request import CommitFacts, PullKey, PullRequest, PullState

NOTING_SECONDS = 15
"""How long a spawn waits for GitHub; without an answer it goes on."""


def github(settings: Settings, environ: Mapping[str, str] | None = None) -> GitHub:
    """GitHub as this user sees it, with the fleet's common budget."""
    timeout = settings.extra.get("github_timeout_seconds", 60)
    return GitHub(environ or os.environ, Budget(settings.fleet_home / "github-budget.json"), timeout_seconds=timeout)


def pull_key(agent: Agent, fleet: Fleet) -> PullKey | None:
    """Which pull request the agent works on; None for a task without one. FleetError when it cannot be told."""
    if not agent.pr_number:
        return None
    if not agent.pr_number.isdecimal() or not agent.pr_number.isascii() or int(agent.pr_number) == 0:
        raise FleetError(f"pr_number: expected a number, found {agent.pr_number!a}: update-agent WINDOW pr_number=N")
    repository = repository_of(agent, fleet)
    return PullKey(repository.host, repository.owner, repository.name, int(agent.pr_number))


def repository_of(agent: Agent, fleet: Fleet) -> RepositoryName:
    """The repository of the state file, else that of the worktree's remote, rewritten as git would rewrite it."""
    if fleet.repo:
        named = from_slug(fleet.repo)
        if named is None:
            raise FleetError(f"repo: expected OWNER/NAME, found {fleet.repo!a}: update-agent --top repo=OWNER/NAME")
        return named
    git = Git(Path(agent.worktree_path))
    remote = remote_of(git, agent.branch)
    address = git.text("remote", "get-url", remote) if remote else ""
    found = from_address(address)
    if found is None:
        raise FleetError("no GitHub repository is known for this worktree: update-agent --top repo=OWNER/NAME")
    return found


def pulls_of(agents: Iterable[Agent], fleet: Fleet, hub: GitHub) -> dict[PullKey, PullRequest | GitHubProblem]:
    """The pull requests of several agents, asked for together."""
    keys = []
    for agent in agents:
        try:
            key = pull_key(agent, fleet)
        except FleetError:
            continue  # the agent's own gates say what is wrong with its record
        if key is not None:
            keys.append(key)
    return hub.pull_requests(keys, time.time())


@dataclass(frozen=True, slots=True)
class PullAnswer:
    """The gates of a pull request; none for a task without one. ``merged``: the very commit of the worktree was."""

    gates: tuple[GateResult, ...] = ()
    merged: bool = False


def ask_github(
    agent: Agent,
    fleet: Fleet,
    settings: Settings,
    head: str,
    known: Mapping[PullKey, PullRequest | GitHubProblem] | None = None,
) -> PullAnswer:
    """Read the agent's pull request, unless it is already ``known``, and judge it."""
    try:
        key = pull_key(agent, fleet)
        if key is None:
            return PullAnswer()
        pull = (known or {}).get(key) or github(settings).pull_requests([key], time.time())[key]
        if isinstance(pull, GitHubProblem):
            raise pull
        results = tuple(pull_gates(evidence_for(agent, pull, head, settings)))
        return PullAnswer(results, merged=pull.state is PullState.MERGED and results[0].status is GateStatus.PASS)
    except GitHubProblem as problem:
        return PullAnswer((_unread(problem),))
    except FleetError as error:
        return PullAnswer((GateResult("github", GateStatus.UNKNOWN, str(error)),))


def note_settled_threads(agent: Agent, fleet: Fleet, settings: Settings) -> str:
    """Note which threads are resolved as the task begins: they are not this agent's doing. What stood in the way, if
    anything: then every resolved thread is judged."""
    try:
        key = pull_key(agent, fleet)
        if key is None:
            return ""
        hub = github(settings)
        hub.timeout_seconds = min(hub.timeout_seconds, NOTING_SECONDS)
        pull = hub.pull_requests([key], time.time())[key]
        if isinstance(pull, GitHubProblem):
            raise pull
        SettledThreads(settings.fleet_home / "threads").keep(pull, agent.task_started_at)
    except FleetError as error:
        return f"threads that were resolved before this task will be judged too: {error}"
    return ""


def evidence_for(agent: Agent, pull: PullRequest, head: str, settings: Settings) -> PullEvidence:
    """The pull request beside what git and our own records know."""
    started = agent.task_started_at or agent.spawned_at
    settled = SettledThreads(settings.fleet_home / "threads").read(pull.key, started)
    return PullEvidence(
        pull=pull,
        worktree_head=head,
        worktree_branch=agent.branch,
        task_started_at=started,
        fresh_run=agent.fresh_run,
        ci_required=bool(settings.extra.get("ci_required", False)),
        facts=_commit_facts(agent, pull, settled),
        settled_before=settled,
        accepted=frozenset(name for name, _ in agent.extra.get("accepted_threads", {}).items()),
    )


def _commit_facts(agent: Agent, pull: PullRequest, settled: frozenset[str]) -> dict[str, dict[str, CommitFacts]]:
    """For each thread to be judged, what git knows of the hashes in its last words."""
    git = Git(Path(agent.worktree_path))
    remote = remote_of(git, agent.branch)
    base = f"refs/remotes/{remote}/{pull.base_ref}" if remote else pull.base_ref
    finder = CommitFinder(git, pull.head, base)
    judged = [thread for thread in pull.threads if thread.resolved and thread.id not in settled]
    return {thread.id: finder.facts(claimed_hashes(thread)) for thread in judged}


def _unread(problem: GitHubProblem) -> GateResult:
    if problem.kind is ProblemKind.NOT_FOUND:
        return GateResult("github", GateStatus.FAIL, f"{problem}: check pr_number and repo in the record")
    until = f"; asked again after {time.strftime('%H:%M:%S', time.localtime(problem.until))}" if problem.until else ""
    return GateResult("github", GateStatus.UNKNOWN, f"{problem}{until}")
