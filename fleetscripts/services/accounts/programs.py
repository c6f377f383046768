"""Finds the client's program as an absolute path."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from fleetscripts.agents.kinds import kind_named
from fleetscripts.config import Settings, program_setting
from fleetscripts.errors import FleetError

USUAL_FOLDERS = (".local/bin", ".npm-global/bin")
"""Below the user's home: installers' folders that may not be on PATH."""


def program_of(kind: str, settings: Settings, environ: Mapping[str, str]) -> str:
    """The absolute path of that kind's client."""
    return executable(kind, settings.programs[kind], environ, kind_named(kind).program_folders)


def executable(name: str, configured: str, environ: Mapping[str, str], folders: Sequence[str] = ()) -> str:
    """The client's absolute path, found here: a shell in the window may have another PATH. ``folders``: below the
    user's home, besides the usual ones."""
    if configured:
        path = Path(configured).expanduser()
        if not path.is_absolute() or shutil.which(str(path)) is None:
            setting = program_setting(name)
            raise FleetError(f"{setting} is {configured!r}, which is no absolute path of an executable file")
        return str(path)
    found = shutil.which(name, path=environ.get("PATH"))
    home = environ.get("HOME")
    places = [Path(home) / folder / name for folder in (*USUAL_FOLDERS, *folders)] if home else []
    found = found or next((str(path) for path in places if shutil.which(str(path))), None)
    if found is None:
        raise FleetError(f"expected the {name} client on PATH, found none: install it, or set {program_setting(name)}")
    return str(Path(found).absolute())
