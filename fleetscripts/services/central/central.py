"""Whether this machine is a host of a central, and where what passes between the two is kept."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from fleetscripts.adapters.records.json_files import read_json, write_json
from fleetscripts.config import Settings
from fleetscripts.errors import FleetError, Refused

NAMED = "central.json"
TOLD = ("asked.json", "caps.json", "questions.json")
FOLDERS = ("pulls", "answers")
"""What a central has told, and what it is asked."""

LINKED_SECONDS = 30.0
"""The central asks every ten seconds whether anybody is here."""


def central_folder(settings: Settings) -> Path:
    """What the central has told, and what waits to be told to it."""
    return settings.fleet_home / "central"


def has_central(settings: Settings) -> bool:
    """Whether another machine reads GitHub, counts what is spent and notifies people for this one."""
    return (central_folder(settings) / NAMED).exists()


def central_name(settings: Settings) -> str:
    """The central's own name; empty where there is none."""
    said = read_json(central_folder(settings) / NAMED)
    return str(said.get("name", "")) if isinstance(said, dict) else ""


def join_central(settings: Settings, name: str) -> None:
    """From now on this machine is a host of that one, whatever it was before."""
    write_json(central_folder(settings) / NAMED, {"name": name})


def require_central(settings: Settings, name: str) -> None:
    """Refused unless that one is the central of this machine."""
    known = central_name(settings)
    if known != name:
        raise Refused(f"this machine is {f'a host of {known}' if known else 'no host'}: add it again from {name}")


def leave_central(settings: Settings) -> None:
    """From now on it answers for itself; what the central has told is forgotten, what waits for it is not."""
    import shutil  # loads three compressors, and every report asks this module whether there is a central

    folder = central_folder(settings)
    try:
        (folder / NAMED).unlink(missing_ok=True)
        for name in TOLD:
            (folder / name).unlink(missing_ok=True)
        for name in FOLDERS:
            if (folder / name).exists():
                shutil.rmtree(folder / name)
    except OSError as error:
        raise FleetError(f"cannot leave the central: {folder}: {error.strerror}") from error


def tell_again(settings: Settings) -> None:
    """Something that the central is told of has changed elsewhere: tell it now. Whoever does watches this folder."""
    write_json(central_folder(settings) / "changed.json", time.time())


def note_linked(settings: Settings) -> None:
    """The central was heard now."""
    with suppress(OSError):  # not a host of a central, or a disk that takes nothing
        os.utime(central_folder(settings) / NAMED)


def is_linked(settings: Settings) -> bool:
    """Whether the central was heard a moment ago."""
    try:
        return 0 <= time.time() - (central_folder(settings) / NAMED).stat().st_mtime < LINKED_SECONDS
    except OSError:
        return False
