"""What git knows of the commits that replies in review threads name: are they on the branch, what do they touch?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from fleetscripts.adapters.git import Git
from fleetscripts.pull_request import CommitFacts

MOST_BRANCH_COMMITS = 500
"""Of a branch, this many of its newest commits are searched for a rebased change."""


@dataclass(slots=True)
class CommitFinder:
    """Looks hashes up in one worktree's repository. ``base``: the branch the work started from, as a revision."""

    git: Git
    head: str
    base: str
    _branch: dict[str, str] | None = field(default=None)

    def facts(self, names: Iterable[str]) -> dict[str, CommitFacts]:
        """Hash as written → facts, for those that are on the branch, or whose change is."""
        found = {name: self._find(name) for name in dict.fromkeys(names)}
        return {name: facts for name, facts in found.items() if facts is not None}

    def _find(self, name: str) -> CommitFacts | None:
        oid = self.git.maybe("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        if not oid:
            return None
        if self.git.says("merge-base", "--is-ancestor", oid, self.head):
            return self._read(oid, "hash")
        return self._rebased(oid)

    def _rebased(self, oid: str) -> CommitFacts | None:
        """The commit on the branch that makes the same change, or has the same message and touches a file of it."""
        branch = self._branch_changes()
        change = self._change(oid)
        if change and change in branch:
            return self._read(branch[change], "change")
        gone = self._read(oid, "message")
        message = self.git.text("log", "-1", "--format=%B", oid)
        for other in branch.values():
            if self.git.text("log", "-1", "--format=%B", other) == message:
                kept = self._read(other, "message")
                if kept.paths & gone.paths:
                    return kept
        return None

    def _branch_changes(self) -> dict[str, str]:
        """Patch id → commit, of the branch's own commits."""
        if self._branch is None:
            own = self.git.text(
                "rev-list", "--no-merges", f"--max-count={MOST_BRANCH_COMMITS}", self.head, f"^{self.base}"
            )
            self._branch = {self._change(oid) or oid: oid for oid in own.split()}
        return self._branch

    def _change(self, oid: str) -> str | None:
        """The commit's patch id: the same after a rebase that changed nothing in it."""
        return self.git.patch_id(oid)

    def _read(self, oid: str, found_by: str) -> CommitFacts:
        at = int(self.git.text("log", "-1", "--format=%ct", oid))
        listed = self.git.text("diff-tree", "--no-commit-id", "--name-only", "--root", "-r", "-m", "-z", oid)
        return CommitFacts(oid, float(at), frozenset(path for path in listed.split("\0") if path), found_by)
