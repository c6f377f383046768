"""Where the paths of a request lead on this machine's disk, and whether the agent may read or change that."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from fleetscripts.adapters.system.regular_file import read_regular
from fleetscripts.core.permissions.command_policy import PathUse
from fleetscripts.core.permissions.command_rules import CommandRules
from fleetscripts.core.permissions.path_policy import why_not_readable, why_not_writable
from fleetscripts.core.permissions.word_kinds import is_protected
from fleetscripts.dataclass import dataclass

DEVICES = ("/dev", "/proc", "/sys")
MOST_LINKS = 40
MOST_ENTRIES = 20_000
MOST_BYTES = 20_000_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request is judged: the worktree and the folder the agent stands in, both with links resolved, and the
    worktree as it may be spelled."""

    root: str
    here: str
    spelled: str

    def join(self, path: str) -> str:
        """The absolute path, links not resolved except those above the worktree."""
        if path == self.spelled or path.startswith(self.spelled + "/"):
            path = self.root + path[len(self.spelled) :]
        return os.path.join(self.here, path)


class Unclear(Exception):
    """What the path is cannot be told, or changes from process to process; the message says why."""


def why_not(use: PathUse, place: Place, rules: CommandRules) -> str | None:
    """The reason why this use of a path needs a person, or None."""
    try:
        if use.use == "git":
            return _why_not_git(os.path.normpath(place.join(use.path)), place.root)
        if use.use == "node":
            return _why_not_node(Path(place.join(use.path)), place.root)
        for path in _expanded(use, place):
            reason = _why_not_one(path, use, place, rules)
            if reason:
                return reason
    except (Unclear, OSError, ValueError) as problem:
        return str(problem)
    return None


def _why_not_one(path: str, use: PathUse, place: Place, rules: CommandRules) -> str | None:
    """Both ways to follow ``..`` after a link must stay inside: from the link's target, and in the text."""
    spelled = place.join(path)
    lexical = os.path.normpath(spelled)
    targets = dict.fromkeys((resolve(spelled), resolve(lexical), lexical))
    if use.use == "enter" and len(targets) > 1:
        return f"{path!a} leads through a link"
    writes = use.use in ("write", "rewrite")
    if writes and os.path.islink(lexical):
        return f"{path!a} is a link"
    for target in targets:
        if writes:
            reason = why_not_writable(target, place.root, rules.steering, whole_folders=use.use == "write")
        else:
            reason = why_not_readable(target, place.root)
        if reason:
            return reason
    if use.use == "rewrite" and os.path.isdir(spelled):
        return _why_not_rewritten(spelled, use.suffixes, place.root, rules)
    return None


def resolve(path: str) -> str:
    """``path`` with every link followed. Raises Unclear where a link leads through a folder of devices or processes,
    whose links mean something else in each process."""
    done, todo, links = "/", [part for part in path.split("/") if part not in ("", ".")], 0
    while todo:
        part = todo.pop(0)
        if part == "..":
            done = os.path.dirname(done)
            continue
        candidate = os.path.join(done, part)
        if candidate in DEVICES:
            raise Unclear(f"{path!a} is no file of the worktree")
        if not os.path.islink(candidate):
            done = candidate
            continue
        links += 1
        if links > MOST_LINKS:
            raise Unclear(f"{path!a} leads through too many links")
        target = os.readlink(candidate)
        done = "/" if target.startswith("/") else done
        todo = [part for part in target.split("/") if part not in ("", ".")] + todo
    return done


def _expanded(use: PathUse, place: Place) -> Iterator[str]:
    """The path, or every path that any shell may put in place of its wildcards, and the pattern for when none is."""
    yield use.path
    if not use.wild:
        return
    found, count, begin = [""], 0, 0
    for part in use.path.split("/"):
        pattern = _pattern(part, {at - begin for at in use.wild})
        begin += len(part) + 1
        if pattern is None:
            found = [before + part + "/" for before in found]
            continue
        names = [(before, name) for before in found for name in _names(place.join(before))]
        count += len(names)
        if count > MOST_ENTRIES:
            raise Unclear("a wildcard meets too many files")
        found = [f"{before}{name}/" for before, name in names if pattern.fullmatch(name)]
    for path in found:
        if use.bare and path[use.wild[0] :].startswith("-"):
            raise Unclear(f"a wildcard meets {path[:-1]!a}, which looks like an option")
        yield path[:-1]


def _pattern(part: str, wild: set[int]) -> re.Pattern[str] | None:
    """The names that one part of a path stands for, hidden ones too, in any case; None without a wildcard."""
    if not wild & set(range(len(part))):
        return None
    shown = {"*": ".*", "?": "."}
    pieces = (shown[char] if at in wild else re.escape(char) for at, char in enumerate(part))
    return re.compile("".join(pieces), re.IGNORECASE | re.DOTALL)


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _why_not_git(folder: str, root: str) -> str | None:
    """Between a folder and the worktree's root there is nothing that git would take for a repository."""
    while folder != root:
        if why_not_readable(folder, root):
            return f"{folder!a} lies outside the worktree"
        names = {name.casefold() for name in _names(folder)}
        if ".git" in names or {"head", "objects"} <= names:
            return f"{folder!a} looks like a repository of its own"
        folder = os.path.dirname(folder)
    return None


def _why_not_node(program: Path, root: str) -> str | None:
    """npx runs this program from the folder itself, and the lock file of npm knows it."""
    for folder in (program.parents[2], *program.parents[2].parents):
        if why_not_readable(os.path.normpath(folder), root):
            break
        if not (folder / "node_modules" / ".bin" / program.name).exists():
            continue
        lock = json.loads(read_regular(folder / "package-lock.json", MOST_BYTES))
        packages = lock.get("packages") if isinstance(lock, dict) else None
        for package in packages.values() if isinstance(packages, dict) else ():
            names = package.get("bin") if isinstance(package, dict) else None
            if isinstance(names, dict) and program.name in names:
                return None
        return f"{program.name!a} is not in package-lock.json"
    return f"{program.name!a} is not in node_modules/.bin, so that npx would fetch it"


def _why_not_rewritten(folder: str, suffixes: tuple[str, ...], root: str, rules: CommandRules) -> str | None:
    count = 0
    for at, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in (".git", "node_modules", ".venv", "venv")]
        count += len(names)
        if count > MOST_ENTRIES:
            return "it would rewrite a folder too large to look through"
        for name in names:
            path = os.path.join(at, name)
            if name.endswith(suffixes) and (why_not_writable(path, root, rules.steering) or os.path.islink(path)):
                return f"it may rewrite {path!a}, which steers agents or runs code, or is a link"
    return None


def why_not_own_branch(root: str, rules: CommandRules) -> str | None:
    """None when the branch that is checked out may be pushed to without a person."""
    try:
        git = Path(root, ".git")
        if not git.is_dir():
            git = Path(root, read_regular(git, 4096).decode().removeprefix("gitdir:").strip())
        head = read_regular(git / "HEAD", 4096).decode().strip()
    except (OSError, ValueError) as problem:
        return f"which branch is checked out cannot be told: {problem}"
    branch = head.removeprefix("ref: refs/heads/")
    if branch == head or is_protected(branch, rules.protected_branches):
        return f"{branch!a} is checked out, and a person decides about pushes to it"
    return None
