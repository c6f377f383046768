"""Prepares a worktree before its agent starts: copies files, runs the operator's command, records both."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from fleetscripts.adapters.git.brought_files import CopyResult, bring
from fleetscripts.adapters.git.changes import changed_paths
from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.git.ignored import remove_ignored
from fleetscripts.adapters.git.lock_digest import lock_digest
from fleetscripts.adapters.git.notes import NoteBook
from fleetscripts.adapters.git.place import repository_at
from fleetscripts.adapters.git.worktrees import worktrees
from fleetscripts.config import Settings
from fleetscripts.core.planning.capacity import WorktreeListing, WorktreeUse
from fleetscripts.core.planning.set_up_state import Readiness, SetUp, set_up_of
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError, UsageProblem
from fleetscripts.services.worktrees.command_log import CommandLog
from fleetscripts.services.worktrees.logged_command import LoggedCommand, Noted
from fleetscripts.services.worktrees.slots import slot_book
from fleetscripts.services.worktrees.worktree_settings import WorktreeSettings, worktree_settings

SHOWN = 3


@dataclass(frozen=True, slots=True)
class Preparation:
    """One worktree and its configuration."""

    settings: Settings
    environ: Mapping[str, str]
    folder: Path
    about: WorktreeSettings

    @property
    def git(self) -> Git:
        return Git.in_worktree(str(self.folder))

    @property
    def notes(self) -> NoteBook:
        """The result of each worktree's last set-up."""
        return NoteBook(self.settings.fleet_home / "set-up")

    @property
    def digest(self) -> str:
        """What a set-up depends on, as it is now."""
        return lock_digest(self.git, self.about.lock_files, about=self.about.setup)

    def standing(self) -> SetUp:
        """Whether it is ready now."""
        note = self.notes.read(str(self.folder))
        left = [name for name in (note or {}).get("cached", []) if isinstance(name, str)]
        missing = [name for name in left if not (self.folder / name).exists()]
        slot = slot_book(self.settings, self.environ).known().get(repository_at(self.folder).git_dir, 0)
        return set_up_of(note, self.digest, missing, slot)

    def set_up(self, noted: Noted) -> list[str]:
        """Copy the files, and run the command unless the worktree is ready; returns messages for the caller."""
        said = self._bring()
        if not self.about.setup or self.standing().readiness is Readiness.READY:
            return said
        began, branch = time.time(), self.git.branch()
        self._note(Readiness.STALE, "its set-up was cut short")
        try:
            log = self._run("setup", self.about.setup, noted)
            self._require_branch(branch)
        except FleetError as error:
            self._note(Readiness.FAILED, str(error))
            raise
        cached = [name for name in self.about.cache if (self.folder / name).exists()]
        self._note(Readiness.READY, "", digest=self.digest, cached=cached)
        said.append(f"{self.folder.name} was set up in {time.time() - began:.1f} s: {log.path}")
        return said + self._told_of_changes()

    def tear_down(self) -> list[str]:
        """Run the tear-down command; its failure does not stop recycling, and is reported.

        Packages installed for the agent's own lock files do not suit the spare branch: the worktree is then to be set
        up again."""
        note = self.notes.read(str(self.folder))
        if note is not None and note.get("outcome") == Readiness.READY and note.get("digest") != self.digest:
            self._note(Readiness.STALE, "its agent changed lock files")
        if not self.about.teardown:
            return []
        try:
            self._run("teardown", self.about.teardown, lambda group: None)
        except FleetError as error:
            self._note(Readiness.STALE, "its tear-down failed")
            return [str(error)]
        return []

    def clean(self) -> list[str]:
        """Remove ignored files that the rules name; failures are reported."""
        try:
            remove_ignored(self.git, self.about.clean)
        except (FleetError, OSError) as error:
            return [f"not all of {', '.join(self.about.clean)} could be removed: {error}"]
        return []

    def _bring(self) -> list[str]:
        main = worktrees(self.folder)[0]
        if not self.about.include or main.bare or Path(main.path) == self.folder:
            return []
        brought = bring(Git.in_worktree(main.path), self.git, self.about.include, self.about.include_by)
        return _told(brought)

    def _run(self, name: str, command: str, noted: Noted) -> CommandLog:
        """Run one command to its end; FleetError with its last lines unless it exits with 0 in time."""
        asked = LoggedCommand(name, command, "set-up", self.about.timeout_seconds, self.about.environment)
        ended = asked.run(self.settings, self.environ, self.folder, noted)
        if ended.code != 0:
            raise FleetError(ended.sentence)
        return ended.log

    def _require_branch(self, branch: str | None) -> None:
        """A successful command may still have moved or removed the agent's worktree."""
        if not self.folder.is_dir():
            raise FleetError(f"setup ({self.about.setup}) removed the worktree {self.folder}")
        if (found := self.git.branch()) != branch:
            where = found or "no branch"
            raise FleetError(f"setup ({self.about.setup}) left the worktree on {where}, expected {branch or 'none'}")

    def _told_of_changes(self) -> list[str]:
        """A set-up should leave the branch unchanged; the agent would have to commit its changes."""
        found = changed_paths(self.git)
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        return [f"the set-up changed {found[0]}{more}, which git does not ignore"] if found else []

    def _note(self, outcome: Readiness, why: str, **more: object) -> None:
        self.notes.write(str(self.folder), {"outcome": outcome, "why": sanitize(why), "at": time.time(), **more})


def preparation(settings: Settings, environ: Mapping[str, str], folder: Path) -> Preparation | None:
    """This worktree's configuration; None if there is none."""
    common = repository_at(folder).common_dir
    about = worktree_settings(settings, common)
    return None if about is None else Preparation(settings, environ, folder, about)


def set_ups(settings: Settings, environ: Mapping[str, str], places: Sequence[WorktreeListing]) -> dict[str, SetUp]:
    """The readiness of each worktree with an agent, by path; empty without a set-up."""
    found: dict[str, SetUp] = {}
    for place in places:
        if place.standing is WorktreeUse.UNUSABLE:
            continue
        try:
            prepared = preparation(settings, environ, Path(place.worktree.path))
            if prepared is not None and prepared.about.prepares:
                found[place.worktree.path] = prepared.standing()
        except UsageProblem:
            raise
        except FleetError as error:
            found[place.worktree.path] = SetUp(Readiness.FAILED, str(error))
    return found


def _told(brought: CopyResult) -> list[str]:
    said = [f"{name} was not brought: {why}" for name, why in list(brought.left.items())[:SHOWN]]
    if len(brought.left) > SHOWN:
        said.append(f"and {len(brought.left) - SHOWN} more were not brought")
    if brought.copied_whole:
        said.append("files were copied whole: this file system cannot clone them")
    return said
