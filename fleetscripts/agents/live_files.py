"""Assigns a live client's changed file to its session or process, by its name alone."""

from __future__ import annotations

import re

from fleetscripts.pattern import pattern

_SESSION = pattern(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_CHANGES = (".json", ".jsonl", ".log")


def session_of(path: str) -> str:
    """The session whose transcript, rollout or spool this is; empty if the name does not say."""
    found = _SESSION.findall(path.rpartition("/")[2])
    return str(found[-1]).lower() if found and path.endswith(_CHANGES) else ""


def process_of(path: str) -> int:
    """The client process whose registry record this is; 0 if it is none."""
    folder, _, name = path.rpartition("/")
    number = name.removesuffix(".json")
    return int(number) if folder.endswith("/sessions") and name.endswith(".json") and number.isdecimal() else 0
