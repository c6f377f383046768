"""A practice repository: a bare origin, a clone of it, and spare worktrees."""

from __future__ import annotations

import subprocess
from pathlib import Path

from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError


@dataclass(frozen=True, slots=True)
class Playground:
    """The paths under ``root``. ``shared``: another playground's origin, which this one clones."""

    root: Path
    shared: Path | None = None

    @property
    def origin(self) -> Path:
        return self.shared or self.root / "origin.git"

    @property
    def repository(self) -> Path:
        return self.root / "repository"

    def spare(self, number: int) -> Path:
        """The worktree of branch ``spare/NUMBER``."""
        return self.root / f"worktree-{number}"

    def build(self, spares: int, environment: dict[str, str]) -> None:
        """Creates it all, with one commit on ``main``."""
        self.root.mkdir(parents=True)
        if self.shared is None:
            _git(self.root, environment, "init", "-q", "--bare", "-b", "main", str(self.origin))
        _git(self.root, environment, "clone", "-q", str(self.origin), str(self.repository))
        for name, value in (
            ("user.name", "Practice"),
            ("user.email", "practice@localhost"),
            ("commit.gpgsign", "false"),
        ):
            _git(self.repository, environment, "config", name, value)
        if self.shared is None:
            (self.repository / "README.md").write_text("# A repository to practise in\n", encoding="utf-8")
            _git(self.repository, environment, "add", "README.md")
            _git(self.repository, environment, "commit", "-q", "-m", "Begin")
            _git(self.repository, environment, "push", "-q", "-u", "origin", "HEAD:main")
        _git(self.repository, environment, "remote", "set-head", "origin", "main")
        for number in range(1, spares + 1):
            path = str(self.spare(number))
            _git(self.repository, environment, "worktree", "add", "-q", "-b", f"spare/{number}", path, "main")

    def holds(self, branch: str, file: str, environment: dict[str, str]) -> bool:
        """Whether origin has the file on that branch."""
        argv = ["git", "cat-file", "-e", f"refs/heads/{branch}:{file}"]
        return subprocess.run(argv, cwd=self.origin, env=environment, capture_output=True, check=False).returncode == 0


def _git(folder: Path, environment: dict[str, str], *arguments: str) -> None:
    done = subprocess.run(["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise FleetError(f"git {arguments[0]} failed in {folder}: {done.stderr.strip()}")
