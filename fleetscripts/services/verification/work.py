"""An agent's commits: its branch since it left its base."""

from __future__ import annotations

from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.git.remotes import base_remote, default_branch, default_branch_here
from fleetscripts.core.gates.evaluation_page import WorkDone
from fleetscripts.errors import FleetError
from fleetscripts.fleet import Agent
from fleetscripts.pull_request import PullRequest

DIFF_LIMIT = 40_000
"""Characters of the diff on the page: with the rest it fits into one input of the judging model."""
_PLAIN = ("--no-ext-diff", "--no-textconv", "--no-color")


def work_of(agent: Agent, pull: PullRequest | None) -> WorkDone:
    """Commits, files and diff to be judged; the base is asked of the remote."""
    try:
        git = Git.in_worktree(agent.worktree_path, agent.repository)
        base = _base(git, agent, _meant_for(git, agent, pull))
        diff = git.text("diff", *_PLAIN, base, "HEAD")
        since = agent.task.started_at or agent.spawned_at
        rows = [row.split(" ", 1) for row in git.text("log", "--format=%ct %h %s", f"{base}..HEAD").splitlines()]
        return WorkDone(
            base=base[:12],
            commits=[commit for _, commit in rows],
            fresh=[commit for at, commit in rows if float(at) >= since],
            stat=git.text("diff", *_PLAIN, "--stat=100", base, "HEAD"),
            diff=diff[:DIFF_LIMIT],
            cut=len(diff) > DIFF_LIMIT,
        )
    except FleetError as error:
        return WorkDone(problem=str(error))


def touched_files(agent: Agent) -> list[str] | None:
    """The files changed by its commits, as git names them, against the default branch as last fetched; None if
    unknown."""
    try:
        git = Git.in_worktree(agent.worktree_path, agent.repository)
        meant_for = _meant_for(git, agent, None)
        base = git.maybe("merge-base", "HEAD", meant_for) if meant_for else None
        if base is None:
            return None
        return [name for name in git.text("diff", "--name-only", "-z", base, "HEAD").split("\0") if name]
    except FleetError:
        return None


def diff_of(agent: Agent, commit: str = "") -> str:
    """The whole diff of this commit (of its branch without one) against its base, as they are here: no remote is
    asked."""
    git = Git.in_worktree(agent.worktree_path, agent.repository)
    branch = f"refs/heads/{agent.branch}"
    stands = agent.branch and git.says("show-ref", "--verify", "--quiet", branch)
    head = commit or (branch if stands else "HEAD")
    return git.text("diff", *_PLAIN, _base(git, agent, default_branch_here(git), head), head)


def _meant_for(git: Git, agent: Agent, pull: PullRequest | None) -> str | None:
    """The pull request's base, else the remote's default branch, as a ref of this repository."""
    remote = base_remote(git, agent.branch)
    branch = pull.base_ref if pull is not None else default_branch(git, remote) if remote else None
    return f"refs/remotes/{remote}/{branch}" if branch else None


def _base(git: Git, agent: Agent, meant_for: str | None, head: str = "HEAD") -> str:
    """Where the work left that branch; without one, the spare branch that it began at, else the first commit."""
    spare = f"refs/heads/{agent.spare_branch}" if agent.spare_branch else None
    for ref in filter(None, (meant_for, spare)):
        if base := git.maybe("merge-base", head, ref):
            return base
    return git.text("rev-list", "--max-parents=0", head).split("\n")[-1]
