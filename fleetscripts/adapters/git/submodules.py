"""Submodules of a worktree. Only one whose git folder is in the repository's own is entered, without any of its
settings that would run a program."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.system.regular_file import read_regular
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError
from fleetscripts.models import Repository

_POINTER = "gitdir: "
_OWN = "a git repository of its own"
_RUNS = ("clean", "smudge", "process", "textconv", "command", "driver", "sshcommand", "helper", "gitproxy", "askpass")
_OVERRIDES = {"core.sshcommand": "ssh"}


@dataclass(frozen=True, slots=True)
class Submodule:
    """One link in the index and what is at its path. ``git`` None: nothing checked out, or ``foreign``: something that
    is no submodule of this repository, and is not entered."""

    path: str
    pin: str
    git: Git | None = None
    foreign: str = ""


def submodules(git: Git, links: Mapping[str, str]) -> list[Submodule]:
    return [_look(git, path, pin) for path, pin in links.items()]


def _look(git: Git, path: str, pin: str) -> Submodule:
    place = git.folder / path
    if place.is_symlink() or not place.is_dir():
        return Submodule(path, pin)  # a change that git itself tells
    dot_git = place / ".git"
    if not os.path.lexists(dot_git):
        held = any(place.iterdir())
        return Submodule(path, pin, foreign="files in a submodule that is not checked out" if held else "")
    module = _module(git, dot_git)
    if module is None:
        return Submodule(
            path,
            pin,
            foreign=_OWN if dot_git.is_file() else f"{_OWN}; git submodule absorbgitdirs, if it is a submodule",
        )
    return Submodule(path, pin, Git(place, Repository(str(module), str(module)), _harmless(git, module)))


def _module(git: Git, dot_git: Path) -> Path | None:
    """The git folder that ``.git`` names, if git keeps it for a submodule of this very worktree."""
    try:
        text = os.fsdecode(read_regular(dot_git, 8192)).removesuffix("\n")
    except (OSError, ValueError):
        return None
    if dot_git.is_symlink() or not text.startswith(_POINTER) or "\0" in text:
        return None
    place = Path(os.path.realpath(dot_git.parent / text.removeprefix(_POINTER)))
    homes = {git.git_dir / "modules", Path(git.repository.common_dir if git.repository else git.git_dir) / "modules"}
    ours = any(place != home and place.is_relative_to(os.path.realpath(home)) for home in homes)
    return place if ours and not (place / "commondir").exists() else None


def _harmless(git: Git, module: Path) -> tuple[str, ...]:
    """Settings that disable what the submodule's own configuration would run."""
    names = git.text("config", "--file", str(module / "config"), "--includes", "--name-only", "--list", "-z")
    running = [name for name in names.split("\0") if name.rpartition(".")[2].lower() in _RUNS]
    off = [f"{name}={_OVERRIDES.get(name.lower(), '')}" for name in dict.fromkeys(running)]
    filters = {name.rpartition(".")[0] for name in running if name.lower().startswith("filter.")}
    return (*off, *(f"{name}.required=false" for name in sorted(filters)))


def bring_to_pin(module: Submodule) -> str:
    """Check the pinned commit out, fetching it if needed; returns the error, empty on success."""
    git = module.git
    if git is None or git.maybe("rev-parse", "HEAD") == module.pin:
        return ""
    try:
        if not git.says("cat-file", "-e", f"{module.pin}^{{commit}}"):
            words = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--upload-pack=git-upload-pack")
            url = git.text("config", "--get", "remote.origin.url")
            git.remote(*words, "--", url, "+refs/heads/*:refs/remotes/origin/*")
            if not git.says("cat-file", "-e", f"{module.pin}^{{commit}}"):
                git.remote(*words, "--", url, module.pin)
        git.run("checkout", "--quiet", "--force", "--detach", module.pin)
    except FleetError as error:
        return f"{module.path} could not be brought to {module.pin[:12]}: {error}"
    return ""
