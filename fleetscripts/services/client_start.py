"""The command line of a client for one worktree: launched or resumed, with our hooks, in the configured mode."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from fleetscripts.adapters.spool import hook_command, spool_folder
from fleetscripts.agents.claude import ClaudeCode, settings_json
from fleetscripts.agents.kinds import AgentKind, Launch, Places
from fleetscripts.config import Settings
from fleetscripts.errors import FleetError
from fleetscripts.services.launch import Start, executable, start_of

PACKAGE = Path(__file__).resolve().parent.parent
BYPASS = "bypassPermissions"


def client_start(
    settings: Settings,
    environ: Mapping[str, str],
    kind: AgentKind,
    folder: Path,
    session_id: str,
    *,
    resume: bool = False,
    name: str = "",
) -> Start:
    """What ``launch`` starts for a new conversation, or for the same one again."""
    configured = str(getattr(settings, f"{kind.name}_path", ""))
    launch = Launch(
        executable=executable(kind.name, configured, environ),
        session_id=session_id,
        permission_mode=settings.permission_mode,
        name=name,
        settings=_inline_settings(settings, folder) if isinstance(kind, ClaudeCode) else "",
        as_root=os.geteuid() == 0,
    )
    command = kind.resume(launch) if resume else kind.launch(launch)
    places = Places(settings.claude_config_dir, settings.codex_home, settings.fleet_home)
    return start_of(command, folder, environ, kind.needs(places))


def _inline_settings(settings: Settings, folder: Path) -> str:
    """Hooks that tell us of turns and answer permission requests; no file of the user's is touched."""
    if not settings.hooks:
        return settings_json(skip_bypass_warning=settings.permission_mode == BYPASS)
    try:
        hook = hook_command(PACKAGE / "hook.py", spool_folder(settings.fleet_home))
    except OSError as error:
        raise FleetError(f"cannot make the hooks' folder in {settings.fleet_home}: {error.strerror}") from error
    asks = settings.permission_mode != BYPASS
    words = [sys.executable, "-I", str(PACKAGE / "permission_hook.py"), str(folder), str(settings.fleet_home)]
    permission = shlex.join(words) if asks else None
    return settings_json(hook, permission_command=permission, skip_bypass_warning=not asks)
