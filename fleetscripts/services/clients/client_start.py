"""The command line of a client in a worktree: launched or resumed, with our hooks and permission mode."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from fleetscripts.account import Account
from fleetscripts.adapters.sessions.spool import hook_command, spool_folder
from fleetscripts.agents.kinds import AgentKind, CommandLine, InlineSettings, Launch, known_kinds
from fleetscripts.config import Settings
from fleetscripts.errors import FleetError, UsageProblem
from fleetscripts.services.accounts.account_environment import rivals
from fleetscripts.services.accounts.accounts import account_named, is_listed
from fleetscripts.services.accounts.programs import program_of
from fleetscripts.services.accounts.status_line import with_status_line
from fleetscripts.services.clients.launch import Start, start_of
from fleetscripts.services.worktrees.room import agent_memory
from fleetscripts.services.worktrees.slots import slot_variables

PACKAGE = Path(__file__).resolve().parents[2]
BYPASS = "bypassPermissions"


def client_start(
    settings: Settings,
    environ: Mapping[str, str],
    kind: AgentKind,
    folder: Path,
    session_id: str,
    *,
    reads_only: bool,
    resume: bool = False,
    name: str = "",
    account: str = "",
) -> Start:
    """The command for a new conversation or a resumed one, as in ``launch``.

    ``account``: the launcher ``cl`` then starts the client on it, and gets the secret itself, in the window.
    ``reads_only``: it can change nothing. UsageProblem if this kind cannot be held to that, or to the permission
    mode."""
    mode = kind.read_only.permission_mode if reads_only else settings.permission_mode
    executable = program_of(kind.name, settings, environ)
    wanted = replace(_wanted_settings(settings, kind, folder, account, mode), executable=executable)
    launch = Launch(
        executable=executable,
        session_id=session_id,
        permission_mode=mode,
        name=name,
        settings=kind.inline_settings(wanted),
        as_root=os.geteuid() == 0,
        extra=kind.read_only.words if reads_only else (),
    )
    start = kind.resume if resume else kind.launch
    command = start(launch)
    if reads_only:
        _require_read_only(kind, command, start(replace(launch, permission_mode="", extra=())))
    elif mode != BYPASS and command == start(replace(launch, permission_mode=BYPASS)):
        raise UsageProblem(f"expected a client that can be held to permission_mode {mode}, found {kind.name}'s")
    slot = slot_variables(settings, environ, folder) if folder.parts else {}
    command = replace(command, env_set={**command.env_set, **slot})
    places, memory = settings.places_of(kind.name), agent_memory(settings)
    listed = _listed(settings, account, kind)
    if listed is None:
        return start_of(command, folder, environ, kind.needs(places), memory)
    words = ("--account", listed.name, "--agent", kind.name, "--", *command.argv[1:])
    here = {"FLEET_HOME": str(settings.fleet_home), "ORCHESTRATOR_STATE_FILE": str(settings.state_file)}
    line = replace(command, argv=(*own_command("cl"), *words), env_set={**here, **command.env_set})
    passed = {name: value for name, value in environ.items() if name not in rivals(listed)}
    return start_of(line, folder, passed, kind.needs(places), memory)


def own_command(name: str) -> tuple[str, ...]:
    """The argv of one of our own commands, run as this process was: from the same bundle, by the same interpreter."""
    return (sys.executable, "-I", "-X", "utf8", str(PACKAGE / "__main__.py"), name)


def _require_read_only(kind: AgentKind, command: CommandLine, without: CommandLine) -> None:
    """``without``: the command without what makes it read-only."""
    lost = set(kind.read_only.words) - set(command.argv)
    if not kind.read_only.is_possible or lost or command == without:
        able = ", ".join(known.name for known in known_kinds() if known.read_only.is_possible)
        lacks = "launch drops what makes it so" if kind.read_only.is_possible else "client has no such launch"
        raise UsageProblem(
            f"expected an agent kind that can be started read-only ({able}), found {kind.name}: its {lacks}"
        )


def _listed(settings: Settings, account: str, kind: AgentKind) -> Account | None:
    """The account to start on; None for the user's own if none are listed."""
    if not account:
        return None
    found = account_named(settings, account, kind.name)
    if found.agent != kind.name:
        raise UsageProblem(f"account {account} is one of {found.agent}, not of {kind.name}")
    return found if is_listed(settings, found) else None


def _wanted_settings(settings: Settings, kind: AgentKind, folder: Path, account: str, mode: str) -> InlineSettings:
    """Hooks that report turns and answer permission requests; no file of the user's is touched."""
    asks = mode != BYPASS
    ours = replace(with_status_line(settings, kind, account), skip_bypass_warning=not asks)
    if not settings.hooks:
        return ours
    try:
        hook = hook_command(PACKAGE / "hook.py", spool_folder(settings.fleet_home))
    except OSError as error:
        raise FleetError(f"cannot make the hooks' folder in {settings.fleet_home}: {error.strerror}") from error
    words = [sys.executable, "-I", str(PACKAGE / "permission_hook.py"), str(folder), str(settings.fleet_home)]
    return replace(ours, hook_command=hook, permission_command=shlex.join(words) if asks else "")
