"""The client's program, found once and named by its full path."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from fleetscripts.errors import FleetError


def executable(name: str, configured: str, environ: Mapping[str, str]) -> str:
    """The client's absolute path, looked up by us: a shell in the window may have another PATH."""
    if configured:
        path = Path(configured).expanduser()
        if not path.is_absolute() or shutil.which(str(path)) is None:
            raise FleetError(f"{name}_path is {configured!r}, which is no absolute path of an executable file")
        return str(path)
    found = shutil.which(name, path=environ.get("PATH"))
    homes = [Path(environ["HOME"]) / place / name for place in _KNOWN_PLACES] if environ.get("HOME") else []
    found = found or next((str(path) for path in homes if shutil.which(str(path))), None)
    if found is None:
        raise FleetError(f"expected the {name} client on PATH, found none: install it, or set {name}_path")
    return str(Path(found).absolute())


_KNOWN_PLACES = (".local/bin", ".claude/local", ".npm-global/bin")
