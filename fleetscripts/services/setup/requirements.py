"""Checks what a fleet needs on this machine, with the command that fixes each problem."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from fleetscripts.adapters.system.memory_limit import can_limit_memory
from fleetscripts.agents import DEFAULT_KIND
from fleetscripts.agents.kinds import kind_named, known_kinds
from fleetscripts.config import Settings
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError
from fleetscripts.invocation import spelled
from fleetscripts.pattern import pattern
from fleetscripts.services.central.central import has_central
from fleetscripts.services.setup.skill_link import BUNDLE, ClientFolder
from fleetscripts.services.worktrees.room import agent_memory
from fleetscripts.services.worktrees.spares import free, survey

ASK_SECONDS = 10.0
OLDEST_TMUX = (3, 1)
VERSION = pattern(r"[0-9]+(?:\.[0-9]+)+[a-z]?")


@dataclass(frozen=True, slots=True)
class Requirement:
    """``found``: what exists. ``mend``: the command that fixes it, empty if nothing is wrong."""

    name: str
    found: str
    mend: str = ""


def findings(folder: ClientFolder, settings: Settings, environ: Mapping[str, str], repo: Path) -> list[Requirement]:
    """All findings, in the order in which to fix them. What a central does for its hosts is not needed on them."""
    install = f"sh {BUNDLE}/fleetscripts/packages.sh"
    found = [_tmux(f"{install} tmux"), _program("git", "--version", f"{install} git")]
    alone = not has_central(settings)
    found += _github(install) if alone else []
    found += [*_agent_memory(settings), _clients()]
    found += [_link(folder), _rules(folder)] if alone else []
    return [*found, _path(), _spares(settings, repo)]


def _github(install: str) -> list[Requirement]:
    program = _program("gh", "--version", f"{install} gh")
    return [program] if program.mend else [program, _github_login()]


def _program(name: str, option: str, mend: str) -> Requirement:
    return (
        Requirement(name, version, "")
        if (version := _version(name, option))
        else Requirement(name, "none on PATH", mend)
    )


def _tmux(mend: str) -> Requirement:
    found = _program("tmux", "-V", mend)
    if found.mend or tuple(int(part) for part in re.findall(r"[0-9]+", found.found)[:2]) >= OLDEST_TMUX:
        return found
    oldest = ".".join(map(str, OLDEST_TMUX))
    return Requirement("tmux", f"{found.found}, expected {oldest} or newer", mend)


def _version(name: str, option: str = "--version") -> str:
    done = _ask([name, option])
    version = VERSION.search(done.stdout) if done is not None and done.returncode == 0 else None
    return version[0] if version else ""


def _ask(argv: list[str]) -> subprocess.CompletedProcess[str] | None:
    if shutil.which(argv[0]) is None:
        return None
    try:
        return subprocess.run(
            argv, capture_output=True, text=True, check=False, timeout=ASK_SECONDS, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return None


def _github_login() -> Requirement:
    done = _ask(["gh", "auth", "token"])
    there = done is not None and done.returncode == 0
    return Requirement("gh login", "logged in" if there else "not logged in", "" if there else "gh auth login")


def _agent_memory(settings: Settings) -> list[Requirement]:
    """Whether each agent's memory can be limited, if that is configured; tried."""
    size = agent_memory(settings)
    if not size:
        return []
    why = can_limit_memory(size)
    mend = "loginctl enable-linger" if "systemd: " in why else f"$EDITOR {settings.fleet_home / 'config.toml'}"
    return [Requirement("agent_memory", f"cannot be limited here ({why})" if why else "limited", mend if why else "")]


def _clients() -> Requirement:
    installed = [kind for kind in known_kinds() if kind.install]
    versions = {kind.name: _version(kind.name) for kind in installed}
    there = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    return Requirement(
        "clients", there or f"none of {', '.join(versions)} on PATH", "" if there else installed[0].install
    )


def _link(folder: ClientFolder) -> Requirement:
    if folder.linked:
        return Requirement("skill", f"{folder.link}")
    what = "is something else than this bundle" if os.path.lexists(folder.link) else "is not there yet"
    return Requirement("skill", f"{folder.link} {what}", spelled("setup"))


def _rules(folder: ClientFolder) -> Requirement:
    missing = _or_problem(lambda: str(len(folder.missing_rules())))
    if missing == "0":
        return Requirement("permissions", "the rules are in the settings")
    if missing.isdigit():
        return Requirement(
            "permissions", "no rules in the settings (optional); the skill's hook approves its calls", ""
        )
    return Requirement("permissions", missing, f"$EDITOR {folder.settings_file}")


def missing_permissions(environ: Mapping[str, str]) -> str:
    """One line for an orchestrator whose client's settings lack some of our rules; empty elsewhere."""
    if not environ.get(kind_named(DEFAULT_KIND).session_mark):
        return ""
    missing = _or_problem(lambda: str(len(ClientFolder.of(environ).missing_rules())))
    if missing == "0":
        return ""
    lack = f"{missing} rules for these scripts are not in the settings" if missing.isdigit() else missing
    alone = "only the hook of a typed /orchestrate or of the plugin speaks for them"
    return f"permissions: {lack}, {alone}; to mend it: {spelled('setup')} --yes"


def _path() -> Requirement:
    """Optional, unless a command of that name belongs to another copy. pip's commands are beside the one that was
    called."""
    programs = BUNDLE / "bin" if (BUNDLE / "bin").is_dir() else Path(sys.argv[0]).absolute().parent
    line = f'export PATH="{programs}:$PATH"'
    first = shutil.which("fleet-status")
    if first is None:
        return Requirement("PATH", f"no fleet-… commands on it, which are optional: {line}")
    ours = Path(first).resolve() == (programs / "fleet-status").resolve()
    return Requirement("PATH", f"fleet-status is {first}", "" if ours else line)


def _spares(settings: Settings, repo: Path) -> Requirement:
    found = _or_problem(lambda: str(len(free(survey(repo, settings)))))
    mend = "" if found.isdigit() and found != "0" else f"{spelled('add-spare')} 3 --repo PROJECT"
    return Requirement("spare worktrees", f"{found} of {repo}" if found.isdigit() else f"none here ({found})", mend)


def _or_problem(ask: Callable[[], str]) -> str:
    try:
        return ask()
    except FleetError as problem:
        return str(problem)
