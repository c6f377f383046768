"""One git process in one folder: nothing it reads from the repository starts a program, asks a person or opens a pager.

Filters (git-lfs among them) do run: without them a checkout would be wrong.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fleetscripts.errors import FleetError

LOCAL_TIMEOUT_SECONDS = 120.0
"""``git status`` of a very large tree on a cold disk takes tens of seconds."""

REMOTE_TIMEOUT_SECONDS = 120.0

_SAFE = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.quotePath=false",
    "gc.auto=0",
    "maintenance.auto=false",
)
_ENVIRONMENT = {
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "GIT_EDITOR": "true",
    "SSH_ASKPASS_REQUIRE": "never",
}
# What `git rev-parse --local-env-vars` names: set inside a hook, they would mean another repository than the folder's.
_LOCAL_VARIABLES = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
)


class GitFailed(FleetError):
    """A git command failed; the message has the command and git's own words."""


@dataclass(frozen=True, slots=True)
class Git:
    """git in one folder."""

    folder: Path

    def text(self, *words: str, **given: str) -> str:
        """What git prints, without the last newline."""
        return self.run(*words, env=given).decode("utf-8", "surrogateescape").removesuffix("\n")

    def says(self, *words: str) -> bool:
        """Whether git exits with 0."""
        return self._done(words, None, LOCAL_TIMEOUT_SECONDS).returncode == 0

    def maybe(self, *words: str) -> str | None:
        """What git prints, None when it exits with anything but 0."""
        done = self._done(words, None, LOCAL_TIMEOUT_SECONDS)
        return os.fsdecode(done.stdout).removesuffix("\n") if done.returncode == 0 else None

    def patch_id(self, commit: str) -> str | None:
        """The id of a commit's change, the same for the same change elsewhere; None for an empty one or a merge."""
        change = self.run("diff-tree", "--no-ext-diff", "--no-textconv", "--root", "-p", commit)
        listed = self._done(("patch-id", "--stable"), None, LOCAL_TIMEOUT_SECONDS, change).stdout.split()
        return os.fsdecode(listed[0]) if listed else None

    def remote(self, *words: str) -> str:
        """What git prints of another repository; asks nobody for a password."""
        return os.fsdecode(self.run(*words, timeout_seconds=REMOTE_TIMEOUT_SECONDS)).removesuffix("\n")

    def run(
        self, *words: str, env: Mapping[str, str] | None = None, timeout_seconds: float = LOCAL_TIMEOUT_SECONDS
    ) -> bytes:
        """What git prints; raises GitFailed with its reason."""
        done = self._done(words, env, timeout_seconds)
        if done.returncode != 0:
            raise GitFailed(f"git {words[0]} failed in {self.folder}: {_reason(done)}")
        return done.stdout

    def _done(
        self, words: tuple[str, ...], env: Mapping[str, str] | None, timeout_seconds: float, given: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        if not self.folder.is_dir():
            raise GitFailed(f"no such folder: {self.folder}")
        safe = [word for setting in _SAFE for word in ("-c", setting)]
        inherited = {name: value for name, value in os.environ.items() if name not in _LOCAL_VARIABLES}
        try:
            return subprocess.run(
                ["git", "-C", str(self.folder), "--no-pager", *safe, *words],
                input=given,
                capture_output=True,
                env={**inherited, **_ENVIRONMENT, **(env or {})},
                timeout=timeout_seconds,
                start_new_session=True,  # no terminal: ssh cannot ask there
                check=False,
            )
        except FileNotFoundError as missing:
            raise FleetError("git is not installed: install it (apt install git, brew install git)") from missing
        except subprocess.TimeoutExpired as slow:
            raise GitFailed(f"git {words[0]} in {self.folder} did not finish in {timeout_seconds:g} s") from slow


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    """git's own first complaint, on one line."""
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    wanted = [line for line in lines if line.startswith(("fatal:", "error:", "!"))] or lines
    return wanted[0].strip() if wanted else f"exit code {done.returncode}"
