"""A repository's remotes: their branches as they are now, and the default one."""

from __future__ import annotations

from dataclasses import replace

from fleetscripts.adapters.git.git import Git, GitFailed
from fleetscripts.dataclass import dataclass
from fleetscripts.models import Repository

_BRANCH = "refs/heads/"
MOST_REWRITES = 5
"""One ``insteadOf`` may lead to another; a circle leads nowhere."""


@dataclass(frozen=True, slots=True)
class AheadBehind:
    """HEAD beside a branch of the remote: commits only here, commits only there."""

    ahead: int
    behind: int


def remote_of(git: Git, branch: str | None) -> str | None:
    """The remote a branch is pushed to: its own, else ``origin``, else the only one; None if there is none."""
    remotes = git.text("remote").split()
    own = git.maybe("config", "--get", f"branch.{branch}.remote") if branch else None
    if own in remotes:
        return own
    return "origin" if "origin" in remotes else remotes[0] if len(remotes) == 1 else None


def base_remote(git: Git, branch: str | None) -> str | None:
    """The remote that pull requests go to, as ``gh`` chooses it: the one set for gh, else ``upstream``, else where the
    branch is pushed to."""
    chosen = (git.maybe("config", "--get-regexp", r"^remote\..*\.gh-resolved$") or "").splitlines()
    based = [line.split()[0] for line in chosen if line.endswith(" base")]
    remotes = git.text("remote").split()
    keys = ("checkout.defaultRemote", *(f"branch.{name}.remote" for name in ("main", "master", "develop")))
    hint = next((name for key in keys if (name := git.maybe("config", "--get", key)) in remotes), None)
    named = [name.removeprefix("remote.").removesuffix(".gh-resolved") for name in based]
    known = [name for name in (*named, "upstream") if name in remotes]
    return known[0] if known else remote_of(git, branch) or hint


def push_remote(git: Git, branch: str) -> str | None:
    """Where a plain ``git push`` of this branch goes; None if that is unclear."""
    remotes = git.text("remote").split()
    keys = (f"branch.{branch}.pushRemote", "remote.pushDefault")
    said = [name for key in keys if (name := git.maybe("config", "--get", key)) in remotes]
    return said[0] if said else remote_of(git, branch)


def recorded_remote(git: Git, branch: str) -> Repository | None:
    """The worktree's repository with its current remotes; None outside a worktree."""
    if git.repository is None:
        return None
    base = base_remote(git, branch)
    remote = push_remote(git, branch) or base
    return replace(
        git.repository,
        remote=remote or "",
        url=address(git, remote) if remote else "",
        base_url=address(git, base) if base else "",
    )


def address(git: Git, remote: str) -> str:
    """The URL that git makes of a remote or a URL, with every ``insteadOf`` applied."""
    for _ in range(MOST_REWRITES):
        before, remote = remote, git.text("ls-remote", "--get-url", "--", remote)
        if remote == before:
            break
    return remote


def has_remotes(git: Git) -> bool:
    """Whether any remote is configured."""
    return bool(git.text("remote"))


def remote_head(git: Git, remote: str, branch: str) -> str | None:
    """The commit of the remote's branch of this name now, None if it has none."""
    listed = git.remote("ls-remote", "--", remote, f"{_BRANCH}{branch}").splitlines()
    return next((sha for sha, _, ref in (row.partition("\t") for row in listed) if ref == f"{_BRANCH}{branch}"), None)


def compare(git: Git, remote: str, branch: str, there: str, url: str = "") -> AheadBehind:
    """HEAD against the commit of the remote's branch; fetches that branch (from ``url``) if it is not here yet. Only
    identical commits are zero apart, even if git's history was rewritten here."""
    if (head := git.text("rev-parse", "HEAD")) == there:
        return AheadBehind(0, 0)
    if not git.says("cat-file", "-e", f"{there}^{{commit}}"):
        fetch(git, remote, branch, url)
    ahead, behind = git.text("rev-list", "--left-right", "--count", f"HEAD...{there}").split()
    if not int(ahead) and not int(behind):
        raise GitFailed(
            f"git counts no commits between {head[:12]} and {there[:12]}, which differ: its history is forged"
        )
    return AheadBehind(int(ahead), int(behind))


def fetch(git: Git, remote: str, branch: str, url: str = "") -> str:
    """Fetch one branch, whatever the remote is configured to fetch; return its commit."""
    tracking = f"refs/remotes/{remote}/{branch}"
    _clear_the_way(git, remote, branch)
    words = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--refmap=")
    git.remote(*words, "--", url or remote, f"+{_BRANCH}{branch}:{tracking}")
    return git.text("rev-parse", "--verify", f"{tracking}^{{commit}}")


@dataclass(frozen=True, slots=True)
class FetchedRef:
    """A tracking ref and the commit fetched to it."""

    ref: str
    commit: str


def fetch_default(git: Git, remote: str, url: str = "") -> FetchedRef | None:
    """Fetch the default branch, from ``url`` if known; None if the remote does not name one."""
    if url and (leads := address(git, url)) != url:
        raise GitFailed(f"git makes {leads} of {url}: take that insteadOf out of its settings")
    name = default_branch(git, url or remote)
    return None if name is None else FetchedRef(f"refs/remotes/{remote}/{name}", fetch(git, remote, name, url))


def _clear_the_way(git: Git, remote: str, branch: str) -> None:
    """Delete tracking refs of branches that can no longer exist, since this one's name is a folder of theirs or theirs
    of it."""
    parts = branch.split("/")
    above = [f"refs/remotes/{remote}/{'/'.join(parts[:number])}" for number in range(1, len(parts))]
    below = git.text("for-each-ref", "--format=%(refname)", f"refs/remotes/{remote}/{branch}/").splitlines()
    for ref in (*above, *below):
        if git.says("show-ref", "--verify", "--quiet", ref):
            git.run("update-ref", "--no-deref", "-d", ref)


def default_branch(git: Git, remote: str) -> str | None:
    """The branch of the remote's HEAD, asked there; None if it does not say."""
    listed = git.remote("ls-remote", "--symref", "--", remote, "HEAD").splitlines()
    heads = [row.removeprefix("ref: ").removesuffix("\tHEAD") for row in listed if row.startswith("ref: ")]
    heads = [head for head in heads if "\t" not in head]
    return next((head.removeprefix(_BRANCH) for head in heads if head.startswith(_BRANCH)), None)


def default_branch_here(git: Git) -> str | None:
    """The base remote's default branch as a ref of this repository; None if unknown."""
    remote = base_remote(git, None)
    if remote is None:
        return None
    pointed = git.maybe("symbolic-ref", "--quiet", f"refs/remotes/{remote}/HEAD")
    guesses = [pointed, *(f"refs/remotes/{remote}/{name}" for name in ("main", "master", "dev", "develop"))]
    return next((ref for ref in guesses if ref and git.says("show-ref", "--verify", "--quiet", ref)), None)
