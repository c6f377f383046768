"""Resolves a request's paths on disk, and decides whether the agent may read or change them."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path

from fleetscripts.adapters.records.json_files import load
from fleetscripts.adapters.system.regular_file import read_regular
from fleetscripts.core.permissions.command_policy import PathUse
from fleetscripts.core.permissions.command_rules import CommandRules
from fleetscripts.core.permissions.path_policy import Steering, why_not_readable, why_not_writable
from fleetscripts.core.permissions.word_kinds import is_protected
from fleetscripts.dataclass import dataclass
from fleetscripts.pattern import pattern
from fleetscripts.services.typing.path_patterns import MOST_ENTRIES, UnclearPath, expanded, names_in, without_pattern
from fleetscripts.services.typing.steered_by import steered_by

DEVICES = ("/dev", "/proc", "/sys")
MOST_LINKS = 40
MOST_BYTES = 20_000_000
CUTS = pattern(r"[:\[]")
"""Where programs split a path: pytest at ``::`` and ``[``, lists of folders at every colon."""


@dataclass(frozen=True)
class RequestPlace:
    """A request's place: the worktree and the agent's folder, both with links resolved, and the worktree's other
    spellings. ``steering``: files that may not be written there."""

    root: str
    here: str
    spelled: str
    steering: Steering

    @cached_property
    def steered_by(self) -> set[str]:
        """Paths that steer under other names."""
        return steered_by(self.root, self.steering)

    def join(self, path: str) -> str:
        """The absolute path, links not resolved except those above the worktree."""
        if path == self.spelled or path.startswith(self.spelled + "/"):
            path = self.root + path[len(self.spelled) :]
        return os.path.join(self.here, path)


def why_not(use: PathUse, place: RequestPlace) -> str | None:
    """Why this use of a path needs a person, or None."""
    try:
        if use.use == "git":
            return _why_not_git(os.path.normpath(place.join(use.path)), place.root)
        if use.use == "node":
            return _why_not_node(Path(place.join(use.path)), place.root)
        if use.use == "rewrite":
            use = without_pattern(use)
        for path in expanded(use, place.join):
            reason = _why_not_on_the_way(path, place) or _why_not_one(path, use, place)
            if reason:
                return reason
    except (UnclearPath, OSError, ValueError) as problem:
        return str(problem)
    return None


def _why_not_on_the_way(path: str, place: RequestPlace) -> str | None:
    """Wherever a program may split the path, that part is in the worktree, and so is each folder on the way."""
    for piece in dict.fromkeys((path, *filter(None, CUTS.split(path)))):
        spelled = place.join(piece)
        if spelled != place.root and not spelled.startswith(place.root + "/"):
            return f"{piece!a} lies outside the worktree"
        here = there = place.root
        for part in spelled[len(place.root) :].split("/"):
            here, there = os.path.normpath(os.path.join(here, part)), resolve(os.path.join(there, part))
            reason = why_not_readable(here, place.root) or why_not_readable(there, place.root)
            if reason:
                return reason
    return None


def _why_not_one(path: str, use: PathUse, place: RequestPlace) -> str | None:
    """Both readings of ``..`` after a link must stay inside: from the link's target, and in the text."""
    spelled = place.join(path)
    lexical = os.path.normpath(spelled)
    targets = dict.fromkeys((resolve(spelled), resolve(lexical), lexical))
    if use.use == "file" and os.path.isdir(spelled):
        return f"{path!a} is a folder, and links in it would be followed"
    if use.use == "enter":
        reason = f"{path!a} leads through a link" if len(targets) > 1 else _why_not_git(lexical, place.root)
        if reason:
            return reason
    writes = use.use in ("write", "rewrite")
    if writes and os.path.islink(lexical):
        return f"{path!a} is a link"
    for target in targets:
        if writes:
            reason = _why_not_changed(target, place, whole_folders=use.use == "write")
        else:
            reason = why_not_readable(target, place.root)
        if reason:
            return reason
    if use.use == "rewrite" and os.path.isdir(spelled):
        return _why_not_rewritten(spelled, use.suffixes, place)
    return None


def resolve(path: str) -> str:
    """``path`` with every link followed. Raises UnclearPath if a link leads through a folder of devices or processes,
    whose links differ in each process."""
    done, todo, links = "/", [part for part in path.split("/") if part not in ("", ".")], 0
    while todo:
        part = todo.pop(0)
        if part == "..":
            done = os.path.dirname(done)
            continue
        candidate = os.path.join(done, part)
        if candidate in DEVICES:
            raise UnclearPath(f"{path!a} is no file of the worktree")
        if not os.path.islink(candidate):
            done = candidate
            continue
        links += 1
        if links > MOST_LINKS:
            raise UnclearPath(f"{path!a} leads through too many links")
        target = os.readlink(candidate)
        done = "/" if target.startswith("/") else done
        todo = [part for part in target.split("/") if part not in ("", ".")] + todo
    return done


def _why_not_git(folder: str, root: str) -> str | None:
    """Between a folder and the worktree's root there is nothing that git would take for a repository."""
    while folder != root:
        if why_not_readable(folder, root):
            return f"{folder!a} lies outside the worktree"
        names = {name.casefold() for name in names_in(folder)}
        if ".git" in names or {"head", "objects"} <= names:
            return f"{folder!a} looks like a repository of its own"
        folder = os.path.dirname(folder)
    return None


def _why_not_node(program: Path, root: str) -> str | None:
    """npx runs this program from the folder itself, and npm's lock file lists it."""
    for folder in (program.parents[2], *program.parents[2].parents):
        if why_not_readable(os.path.normpath(folder), root):
            break
        if not (folder / "node_modules" / ".bin" / program.name).exists():
            continue
        lock = load(folder / "package-lock.json", MOST_BYTES)
        packages = lock.get("packages") if isinstance(lock, dict) else None
        for package in packages.values() if isinstance(packages, dict) else ():
            names = package.get("bin") if isinstance(package, dict) else None
            if isinstance(names, dict) and program.name in names:
                return None
        return f"{program.name!a} is not in package-lock.json"
    return f"{program.name!a} is not in node_modules/.bin, so that npx would fetch it"


def _why_not_changed(path: str, place: RequestPlace, *, whole_folders: bool = False) -> str | None:
    reason = why_not_writable(path, place.root, place.steering, whole_folders=whole_folders)
    if not reason and any(path == named or path.startswith(named + "/") for named in place.steered_by):
        return f"a file that steers agents or runs code names {path!a}"
    return reason


def _why_not_rewritten(folder: str, suffixes: tuple[str, ...], place: RequestPlace) -> str | None:
    count = 0
    for at, folders, names in os.walk(os.path.normpath(folder)):
        folders[:] = [name for name in folders if name not in (".git", "node_modules", ".venv", "venv")]
        count += len(names)
        if count > MOST_ENTRIES:
            return "it would rewrite a folder too large to look through"
        for path in (os.path.join(at, name) for name in names if name.endswith(suffixes)):
            if _why_not_changed(path, place) or os.path.islink(path):
                return f"it may rewrite {path!a}, which steers agents or runs code, or is a link"
    return None


def why_not_own_branch(root: str, rules: CommandRules) -> str | None:
    """None if the current branch may be pushed to without a person."""
    try:
        git = Path(root, ".git")
        if not git.is_dir():
            git = Path(root, read_regular(git, 4096).decode().removeprefix("gitdir:").strip())
        head = read_regular(git / "HEAD", 4096).decode().strip()
    except (OSError, ValueError) as problem:
        return f"the current branch cannot be determined: {problem}"
    branch = head.removeprefix("ref: refs/heads/")
    if branch == head or is_protected(branch, rules.protected_branches):
        return f"{branch!a} is checked out, and a person decides about pushes to it"
    return None
