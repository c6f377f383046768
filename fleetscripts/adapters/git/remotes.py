"""What a repository's remote has: its branches as they are there now, and the default one."""

from __future__ import annotations

from dataclasses import dataclass

from fleetscripts.adapters.git.git import Git

_BRANCH = "refs/heads/"


@dataclass(frozen=True, slots=True)
class Standing:
    """HEAD beside a branch of the remote: commits only here, commits only there."""

    ahead: int
    behind: int


def remote_of(git: Git, branch: str | None) -> str | None:
    """The remote a branch is pushed to: its own, else ``origin``, else the only one; None when there is none."""
    remotes = git.text("remote").split()
    own = git.maybe("config", "--get", f"branch.{branch}.remote") if branch else None
    if own in remotes:
        return own
    return "origin" if "origin" in remotes else remotes[0] if len(remotes) == 1 else None


def base_remote(git: Git, branch: str | None) -> str | None:
    """The remote whose repository pull requests are made to, as ``gh`` chooses it: the one that somebody chose for gh,
    else ``upstream``, else where the branch is pushed to."""
    chosen = (git.maybe("config", "--get-regexp", r"^remote\..*\.gh-resolved$") or "").splitlines()
    based = [line.split()[0] for line in chosen if line.endswith(" base")]
    remotes = git.text("remote").split()
    named = [name.removeprefix("remote.").removesuffix(".gh-resolved") for name in based]
    known = [name for name in (*named, "upstream") if name in remotes]
    return known[0] if known else remote_of(git, branch)


def has_remotes(git: Git) -> bool:
    """Whether any remote is configured."""
    return bool(git.text("remote"))


def remote_head(git: Git, remote: str, branch: str) -> str | None:
    """The commit the remote's branch of this name is at now, None when it has none."""
    listed = git.remote("ls-remote", "--", remote, f"{_BRANCH}{branch}").splitlines()
    return next((sha for sha, _, ref in (row.partition("\t") for row in listed) if ref == f"{_BRANCH}{branch}"), None)


def compare(git: Git, remote: str, branch: str, there: str) -> Standing:
    """HEAD against the commit the remote's branch is at; fetches that branch when it is not here yet."""
    if git.text("rev-parse", "HEAD") == there:
        return Standing(0, 0)
    if not git.says("cat-file", "-e", f"{there}^{{commit}}"):
        fetch(git, remote, branch)
    ahead, behind = git.text("rev-list", "--left-right", "--count", f"HEAD...{there}").split()
    return Standing(int(ahead), int(behind))


def fetch(git: Git, remote: str, branch: str) -> str:
    """Fetch one branch; return the commit it is at."""
    tracking = f"refs/remotes/{remote}/{branch}"
    git.remote(
        "fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--", remote, f"+{_BRANCH}{branch}:{tracking}"
    )
    return git.text("rev-parse", "--verify", f"{tracking}^{{commit}}")


def default_branch(git: Git, remote: str) -> str | None:
    """The branch the remote's HEAD points to, asked there; None when it does not say."""
    listed = git.remote("ls-remote", "--symref", "--", remote, "HEAD").splitlines()
    heads = [row.removeprefix("ref: ").partition("\t")[0] for row in listed if row.startswith("ref: ")]
    return next((head.removeprefix(_BRANCH) for head in heads if head.startswith(_BRANCH)), None)
