"""Whether this machine is a host of a central, and where their exchange is stored."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from fleetscripts.adapters.records.json_files import read_json, write_json
from fleetscripts.config import Settings
from fleetscripts.errors import FleetError, Refusal

NAMED = "central.json"
TOLD = ("asked.json", "caps.json", "questions.json")
FOLDERS = ("pulls", "answers")
"""Data from the central, and questions to it."""

LINKED_SECONDS = 30.0
"""The central sends a ping every ten seconds."""


def central_folder(settings: Settings) -> Path:
    """Data from the central, and what waits to be sent to it."""
    return settings.fleet_home / "central"


def has_central(settings: Settings) -> bool:
    """Whether another machine reads GitHub, counts spending and sends notifications for this one."""
    return (central_folder(settings) / NAMED).exists()


def central_name(settings: Settings) -> str:
    """The central's own name; empty if there is none."""
    said = read_json(central_folder(settings) / NAMED)
    return str(said.get("name", "")) if isinstance(said, dict) else ""


def own_name(settings: Settings) -> str:
    """This machine's name as a central: one machine may have several fleets."""
    return f"{platform.node() or 'central'}:{settings.fleet_home}"


def join_central(settings: Settings, name: str, boot: str, host: str, others: Collection[str]) -> None:
    """Make this machine that central's ``host``, whatever it was before. Refusal if it is one of its ``others``, or the
    central itself, which has this ``boot``."""
    from fleetscripts.adapters.system.steady_clock import boot_id  # every report asks this module for the central

    if name == own_name(settings) and boot == boot_id():
        raise Refusal("it is the machine that adds it, with the same FLEET_HOME: expected another one")
    said = read_json(central_folder(settings) / NAMED)
    known = said.get("host") if isinstance(said, dict) and said.get("name") == name else None
    if known != host and known in others:
        raise Refusal(f"it is your host {known} already: hosts remove {known} first, if it is to have another name")
    write_json(central_folder(settings) / NAMED, {"name": name, "host": host})


def require_central(settings: Settings, name: str) -> None:
    """Refusal unless that one is this machine's central."""
    known = central_name(settings)
    if known != name:
        raise Refusal(f"this machine is {f'a host of {known}' if known else 'no host'}: add it again from {name}")


def leave_central(settings: Settings) -> None:
    """Make this machine independent; the central's data is deleted, what waits for it is not."""
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
    """Signal a change to the link process, which watches this folder and sends it to the central."""
    write_json(central_folder(settings) / "changed.json", time.time())


def note_linked(settings: Settings) -> None:
    """The central was just heard from."""
    with suppress(OSError):  # not a host of a central, or a disk that takes nothing
        os.utime(central_folder(settings) / NAMED)


def is_linked(settings: Settings) -> bool:
    """Whether the central was heard from a moment ago."""
    try:
        return 0 <= time.time() - (central_folder(settings) / NAMED).stat().st_mtime < LINKED_SECONDS
    except OSError:
        return False
