"""Facts for the dialog policy beyond the screen: the folder's owner, and what its settings run or deny."""

from __future__ import annotations

import os
from pathlib import Path

from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.git.remotes import default_branch_here, has_remotes
from fleetscripts.adapters.git.worktrees import worktrees
from fleetscripts.adapters.system.regular_file import read_regular
from fleetscripts.agents.kinds import known_kinds
from fleetscripts.config import Settings
from fleetscripts.core.dialogs.dialog_policy import DialogContext
from fleetscripts.errors import FleetError
from fleetscripts.models import Frame

HOOKS = (".husky", ".githooks")
"""From which git runs programs."""

LARGEST_SETTINGS_BYTES = 1_000_000
_RESTRICTS = ('"deny"', '"ask"', "disableBypassPermissionsMode", '"sandbox"')


def dialog_context(settings: Settings, folder: Path | None, frame: Frame | None = None) -> DialogContext:
    """For a client in ``folder``, a worktree of the fleet; None: no known one."""
    doubt = "it is no worktree of this fleet" if folder is None else trust_doubt(folder)
    return DialogContext(
        trusted_folder=not doubt,
        trust_doubt=doubt,
        bypass_configured=settings.permission_mode == "bypassPermissions",
        settings_deny=_denied(settings, folder, frame),
    )


def trust_doubt(folder: Path) -> str:
    """Why trusting this worktree could run something that the default branch does not have; empty if it cannot.

    A repository without a remote is compared with its main worktree's commit."""
    runs_code = _runs_code()
    try:
        git = Git.in_worktree(str(folder))
        found = worktrees(folder)
        if os.path.realpath(folder) not in {os.path.realpath(known.path) for known in found}:
            return "it is no worktree of its repository"
        reference = default_branch_here(git) if has_remotes(git) else found[0].head
        if not reference:
            return "its repository has no default branch to compare with"
        differing = git.text(
            "diff",
            "--name-only",
            "--no-ext-diff",
            "--no-textconv",
            "--ignore-submodules=dirty",
            reference,
            "--",
            *runs_code,
        ).splitlines()
        extra = git.text("ls-files", "--others", "--", *runs_code).splitlines()
        hooks = git.setting("core.hooksPath")
    except FleetError as error:
        return str(error)
    if differing or extra:
        return f"{(differing + extra)[0]} is not as on {reference}"
    return _hooks_doubt(folder, hooks)


def _hooks_doubt(folder: Path, configured: str | None) -> str:
    """A hooks path inside the worktree is checked only if it is one of the folders compared above."""
    if not configured:
        return ""
    inside = Path(os.path.realpath(folder / configured))
    if not inside.is_relative_to(os.path.realpath(folder)):
        return ""
    known = inside.relative_to(os.path.realpath(folder)).parts[:1]
    return "" if known and known[0] in _runs_code() else f"git hooks run from {configured}"


def _runs_code() -> tuple[str, ...]:
    """What a client, or git for it, would run once the folder is trusted."""
    return tuple(dict.fromkeys((*(name for kind in known_kinds() for name in kind.runs_code), *HOOKS)))


def _denied(settings: Settings, folder: Path | None, frame: Frame | None) -> str:
    """Permissions that the broken settings files on the screen would have denied; empty if none."""
    files = [file for kind in known_kinds() for file in kind.settings_files(settings.home_of(kind.name), folder)]
    on_screen = "" if frame is None else "".join("".join(frame.lines).split())
    named = [file for file in files if "".join(str(file).split()) in on_screen]
    if not named:
        return "the file it names is not one of the worktree's or the user's own"
    for file in named:
        try:
            text = read_regular(file, LARGEST_SETTINGS_BYTES).decode("utf-8", "replace")
        except OSError as error:
            return f"{file} cannot be read: {error.strerror}"
        found = next((word for word in _RESTRICTS if word in text), None)
        if found:
            return f"{file} has {found}"
    return ""
