"""Runs the operator's command on merged commits, in one spare worktree that is spare again afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import field
from functools import partial
from pathlib import Path
from typing import Any

from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.git.restore import Base, empty_out, put_on
from fleetscripts.adapters.git.trial_merges import TrialRepository
from fleetscripts.config import Settings
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError
from fleetscripts.services.worktrees.abandoned_spawns import note_integration
from fleetscripts.services.worktrees.branching import check_out_commit
from fleetscripts.services.worktrees.logged_command import LoggedCommand
from fleetscripts.services.worktrees.new_spares import claim_or_make
from fleetscripts.services.worktrees.set_up import preparation
from fleetscripts.services.worktrees.spares import Spare
from fleetscripts.services.worktrees.undo import undisturbed

LAST_LINES = 40
"""How many of a failed command's last lines are shown."""


@dataclass(frozen=True, slots=True)
class CheckFailure:
    """How the command ended on a commit: a part of a sentence, the last lines, and the path of the rest."""

    how: str
    lines: tuple[str, ...] = ()
    log: str = ""


@dataclass
class UnionCheck:
    """One spare, claimed while the check is in use. ``notes``: messages for the caller."""

    settings: Settings
    environ: Mapping[str, str]
    spare: Spare
    trials: TrialRepository
    command: str
    notes: list[str] = field(default_factory=list)
    _known: dict[str, CheckFailure | None] = field(default_factory=dict)

    def red(self, commit: str) -> CheckFailure | None:
        """None if the command passes. A failure counts only if it occurs twice in a row on the same commit."""
        if commit not in self._known:
            found = self._tried(commit)
            again = self._tried(commit) if found is not None else None
            if found is not None and again is None:
                self.notes.append(f"flaky on {commit[:12]}: the command {found.how}, then passed on the same commit")
            self._known[commit] = again
        return self._known[commit]

    def _tried(self, commit: str) -> CheckFailure | None:
        git = Git.in_worktree(str(self.spare.path))
        note = partial(note_integration, self.settings, self.spare.path, self.spare.branch, commit)
        empty_out(git)
        note({})
        self._fetch(git, commit)
        if said := check_out_commit(self.spare.path, commit):
            self.notes.append(said)
        prepared = preparation(self.settings, self.environ, self.spare.path)
        try:
            if prepared is not None:
                prepared.set_up(note)
        except FleetError as error:
            return CheckFailure(f"could not be run: {error}")
        return self._run(note)

    def _run(self, note: Any) -> CheckFailure | None:
        seconds = self.settings.verify_timeout_seconds
        asked = LoggedCommand("verify", self.command, "integrate", seconds, kept=LAST_LINES)
        ended = asked.run(self.settings, self.environ, self.spare.path, note)
        if ended.code == 0:
            return None
        return CheckFailure(ended.words, tuple(ended.log.last_lines()), str(ended.log.path))

    def _fetch(self, git: Git, commit: str) -> None:
        """Fetch the merged objects into the worktree's repository; none of its refs changes."""
        ref = self.trials.offer(commit)
        here = Git(git.folder, git.repository, ("protocol.file.allow=always",))
        here.run("fetch", "-q", "--no-tags", "--no-write-fetch-head", "--refmap=", "--", str(self.trials.folder), ref)


@contextmanager
def checking(
    settings: Settings, environ: Mapping[str, str], repo: Path, trials: TrialRepository, command: str
) -> Iterator[UnionCheck]:
    """A check in the next spare worktree of the repository; the command's files there are discarded."""
    notes: list[str] = []
    with ExitStack() as held:
        spare = claim_or_make(held, repo, settings, notes)
        before = Git.in_worktree(str(spare.path)).text("rev-parse", "--verify", "HEAD")
        try:
            yield UnionCheck(settings, environ, spare, trials, command, notes)
        finally:
            with undisturbed():
                _make_spare(Git.in_worktree(str(spare.path)), spare, before)


def _make_spare(git: Git, spare: Spare, commit: str) -> None:
    """Also removes what git ignored in the merged result, and does not ignore on the spare branch."""
    empty_out(git)
    put_on(git, spare.branch, Base(commit, ""))
    empty_out(git)
