"""Runs git in one folder: no hooks, monitors, pagers or prompts, and no settings that change its output.

Filters (git-lfs among them) do run: without them a checkout would be wrong."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from fleetscripts.adapters.git import neutral
from fleetscripts.adapters.git.git_process import GitProcess, TookTooLong
from fleetscripts.adapters.git.place import repository_at, require_same
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError
from fleetscripts.models import Repository

LOCAL_TIMEOUT_SECONDS = 120.0
"""``git status`` of a very large tree on a cold disk takes tens of seconds."""

REMOTE_TIMEOUT_SECONDS = 120.0


class GitFailed(FleetError):
    """A git command failed; the message has the command and git's own words."""


@dataclass(frozen=True, slots=True)
class GitCall:
    """A git process that has begun in a folder."""

    folder: Path
    words: tuple[str, ...]
    process: GitProcess

    def output(self, timeout_seconds: float = LOCAL_TIMEOUT_SECONDS, given: bytes = b"") -> bytes:
        """What git prints, ``given`` this; raises GitFailed with its reason."""
        done = self.done(timeout_seconds, given)
        if done.returncode != 0:
            raise GitFailed(f"git {self.words[0]} failed in {self.folder}: {_reason(done)}")
        return done.stdout

    def done(self, timeout_seconds: float, given: bytes) -> subprocess.CompletedProcess[bytes]:
        """The process, ended; raises GitFailed where it does not end."""
        try:
            return self.process.done(given, timeout_seconds)
        except TookTooLong as slow:
            raise GitFailed(f"git {self.words[0]} in {self.folder} {slow}") from slow


@dataclass(frozen=True, slots=True)
class Git:
    """git in one folder. ``repository``: the one it is known to belong to, so that no other is asked; ``settings``: for
    this object alone, as ``git -c`` takes them."""

    folder: Path
    repository: Repository | None = None
    settings: tuple[str, ...] = ()

    @classmethod
    def in_worktree(cls, path: str, recorded: Repository | None = None) -> Git:
        """git in an agent's worktree: in the repository recorded, else in the one whose links point both ways."""
        return cls(Path(path), recorded or _named(Path(path)))

    @property
    def git_dir(self) -> Path:
        """The git folder of this worktree."""
        if self.repository is not None:
            return Path(self.repository.git_dir)
        return Path(os.fsdecode(self.run("rev-parse", "--absolute-git-dir").removesuffix(b"\n")))

    def branch(self) -> str | None:
        """The branch checked out, even if a tag has the same name; None for a detached HEAD."""
        head = self.maybe("symbolic-ref", "--quiet", "HEAD")
        return head.removeprefix("refs/heads/") if head else None

    def text(self, *words: str, **given: str) -> str:
        """The output, without the last newline."""
        return self.run(*words, env=given).decode("utf-8", "surrogateescape").removesuffix("\n")

    def says(self, *words: str) -> bool:
        """Whether git exits with 0."""
        return self._done(words, None, LOCAL_TIMEOUT_SECONDS).returncode == 0

    def maybe(self, *words: str, given: bytes = b"") -> str | None:
        """The output, with ``given`` as input; None for any exit code but 0."""
        done = self._done(words, None, LOCAL_TIMEOUT_SECONDS, given)
        return os.fsdecode(done.stdout).removesuffix("\n") if done.returncode == 0 else None

    def setting(self, name: str) -> str | None:
        """A setting of the user or the repository, without our overrides."""
        found = (self.maybe("config", "--show-scope", "--null", "--get-all", name) or "").split("\0")
        values = [value for scope, value in zip(found[::2], found[1::2], strict=False) if scope != "command"]
        return values[-1] if values else None

    def patch_id(self, commit: str) -> str | None:
        """The id of a commit's change, equal for the same change elsewhere; None for an empty one or a merge."""
        change = self.run("diff-tree", "--no-ext-diff", "--no-textconv", "--root", "-p", commit)
        listed = self._done(("patch-id", "--stable"), None, LOCAL_TIMEOUT_SECONDS, change).stdout.split()
        return os.fsdecode(listed[0]) if listed else None

    def remote(self, *words: str, most_seconds: float = REMOTE_TIMEOUT_SECONDS) -> str:
        """The output of a command about another repository; never prompts for a password."""
        return os.fsdecode(self.run(*words, timeout_seconds=most_seconds)).removesuffix("\n")

    def run(
        self,
        *words: str,
        env: Mapping[str, str] | None = None,
        timeout_seconds: float = LOCAL_TIMEOUT_SECONDS,
        given: bytes = b"",
    ) -> bytes:
        """The output, with ``given`` as input; raises GitFailed with git's reason."""
        return GitCall(self.folder, words, self._begun(words, env)).output(timeout_seconds, given)

    def begin(self, *words: str) -> GitCall:
        """Have git begin; what it prints can be asked for later, when others have begun as well."""
        return GitCall(self.folder, words, self._begun(words, None))

    def _done(
        self, words: tuple[str, ...], env: Mapping[str, str] | None, timeout_seconds: float, given: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        return GitCall(self.folder, words, self._begun(words, env)).done(timeout_seconds, given)

    def _begun(self, words: tuple[str, ...], env: Mapping[str, str] | None) -> GitProcess:
        if not self.folder.is_dir():
            raise GitFailed(f"no such folder: {self.folder}")
        place: dict[str, str] = {}
        if self.repository is not None:
            require_same(self.folder, self.repository)
            own = self.repository
            place = {"GIT_DIR": own.git_dir, "GIT_COMMON_DIR": own.common_dir, "GIT_WORK_TREE": str(self.folder)}
        argv = ["git", "-C", str(self.folder), *neutral.options(self.settings), *words]
        try:
            return GitProcess(argv, {**neutral.environment(), **place, **(env or {})})
        except FileNotFoundError as missing:
            raise FleetError("git is not installed: install it (apt install git, brew install git)") from missing


def _named(folder: Path) -> Repository | None:
    """The repository that the worktree itself names; None if git has to search for it (a folder further up)."""
    return repository_at(folder) if os.path.lexists(folder / ".git") else None


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    """git's first error line."""
    lines = [line.strip() for line in done.stderr.decode("utf-8", "replace").strip().splitlines()]
    wanted = [line for line in lines if line.startswith(("fatal:", "error:", "!"))] or lines
    return wanted[0] if wanted else f"exit code {done.returncode}"
