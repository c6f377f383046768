"""git's facts on the commits that replies in review threads name: are they on the branch, what do they touch?"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from fleetscripts.adapters.git.git import Git
from fleetscripts.pull_request import CommitFacts

MOST_BRANCH_COMMITS = 500
"""How many of a branch's newest commits are searched for a rebased change."""
MOST_NAMES = 1000
"""How many hashes in comments are looked up: a comment may have hundreds of made-up ones."""


@dataclass(slots=True)
class CommitFinder:
    """Looks hashes up in one worktree's repository. ``base``: the branch the work started from, as a revision."""

    git: Git
    head: str
    base: str
    _branch: dict[str, str] | None = field(default=None)
    _messages: dict[str, list[str]] | None = field(default=None)
    _known: dict[str, CommitFacts | None] = field(default_factory=dict)
    _changes: dict[str, frozenset[str]] = field(default_factory=dict)

    def facts(self, names: Iterable[str], reviewed: str = "") -> dict[str, CommitFacts]:
        """Hash as written → facts, for those that are on the branch, or whose change is. Each is looked up once.
        ``reviewed``: the commit that a change was requested on."""
        found = {}
        for name in names:
            if name not in self._known and len(self._known) >= MOST_NAMES:
                continue
            if name not in self._known:
                self._known[name] = self._find(name)
            found[name] = self._known[name]
        known = {name: facts for name, facts in found.items() if facts is not None}
        return {name: replace(facts, reviewed=self._was_in(facts.oid, reviewed)) for name, facts in known.items()}

    def _was_in(self, oid: str, reviewed: str) -> bool | None:
        """Whether the reviewed commit contained this one, or after a rebase one that makes the same change."""
        is_hash = re.fullmatch(r"[0-9a-f]{40,64}", reviewed)
        if not is_hash or not self.git.says("cat-file", "-e", f"{reviewed}^{{commit}}"):
            return None
        if self.git.says("merge-base", "--is-ancestor", oid, reviewed):
            return True
        if self.git.says("merge-base", "--is-ancestor", reviewed, self.head):
            return False
        if reviewed not in self._changes:
            listed = self.git.text("rev-list", *self._own_commits(reviewed)).split()
            self._changes[reviewed] = frozenset(filter(None, map(self._change, listed)))
        return self._change(oid) in self._changes[reviewed]

    def _find(self, name: str) -> CommitFacts | None:
        oid = self.git.maybe("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        if not oid:
            return None
        if self.git.says("merge-base", "--is-ancestor", oid, self.head):
            return self._read(oid)
        return self._rebased(oid)

    def _rebased(self, oid: str) -> CommitFacts | None:
        """The commit on the branch that makes the same change, or has the same message and touches a file of it."""
        branch = self._branch_changes()
        change = self._change(oid)
        if change and change in branch:
            return self._read(branch[change])
        gone = self._read(oid)
        message = self.git.text("log", "-1", "--format=%B", oid).strip()
        for other in self._branch_messages().get(message, ()):
            kept = self._read(other)
            if kept.paths & gone.paths:
                return kept
        return None

    def _branch_changes(self) -> dict[str, str]:
        """Patch id → commit, of the branch's own commits."""
        if self._branch is None:
            listed = self.git.text("rev-list", *self._own_commits())
            self._branch = {self._change(oid) or oid: oid for oid in listed.split()}
        return self._branch

    def _branch_messages(self) -> dict[str, list[str]]:
        """Message → commits, of the same."""
        if self._messages is None:
            self._messages = {}
            for entry in self.git.text("log", "-z", "--format=%H%n%B", *self._own_commits()).split("\0"):
                oid, _, message = entry.partition("\n")
                self._messages.setdefault(message.strip(), []).append(oid)
        return self._messages

    def _own_commits(self, head: str = "") -> tuple[str, ...]:
        """The revision range of the branch's own commits; if its base is unknown here, of its newest ones."""
        known = self.git.says("rev-parse", "--verify", "--quiet", "--end-of-options", f"{self.base}^{{commit}}")
        return (
            "--no-merges",
            f"--max-count={MOST_BRANCH_COMMITS}",
            head or self.head,
            *([f"^{self.base}"] if known else []),
        )

    def _change(self, oid: str) -> str | None:
        """The commit's patch id: unchanged by a rebase that leaves the change as it is."""
        return self.git.patch_id(oid)

    def _read(self, oid: str) -> CommitFacts:
        """For a merge only its own changes: the rest came from one side."""
        at = int(self.git.text("log", "-1", "--format=%ct", oid))
        listed = self.git.text("diff-tree", "--no-commit-id", "--name-only", "--root", "-r", "-c", "-z", oid)
        return CommitFacts(oid, float(at), frozenset(path for path in listed.split("\0") if path))
