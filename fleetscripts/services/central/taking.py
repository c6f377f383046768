"""Stores what the central sends this machine. Idempotent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fleetscripts.config import Settings
from fleetscripts.core.hosts.packed_json import unpacked_json
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.errors import UsageProblem
from fleetscripts.schema import WrongShape
from fleetscripts.services.central.caps_told import keep_caps
from fleetscripts.services.central.central import join_central, require_central
from fleetscripts.services.central.pulls_told import keep_pull
from fleetscripts.services.central.questions import keep_answer

MOST_NAME = 100


def take_in(settings: Settings, content: bytes) -> list[dict[str, Any]]:
    """Store it; returns its account figures, with ages. UsageProblem for an invalid message."""
    said = unpacked_json(content)
    name = said.get("central") if isinstance(said, dict) else None
    if not isinstance(name, str) or not name:
        raise UsageProblem("expected a central's message with its name, found something else")
    name = sanitize(name)[:MOST_NAME]
    if said.get("join") is True:
        others = said.get("hosts", [])
        others = [one for one in others if isinstance(one, str)] if isinstance(others, list) else []
        join_central(settings, name, str(said.get("boot", "")), sanitize(str(said.get("host", "")))[:MOST_NAME], others)
    require_central(settings, name)
    pulls, answers = _objects(said, "pulls"), _objects(said, "answers")
    try:
        for one in pulls:
            keep_pull(settings, one)
        for one in answers:
            keep_answer(settings, one)
        if "caps" in said:
            keep_caps(settings, said["caps"])
    except WrongShape as error:
        raise UsageProblem(str(error)) from error
    figures = said.get("figures", [])
    return [one for one in figures if isinstance(one, dict)] if isinstance(figures, list) else []


def named_in(content: bytes) -> str:
    """The central whose message it is."""
    said = unpacked_json(content)
    return sanitize(str(said.get("central", "")))[:MOST_NAME] if isinstance(said, dict) else ""


def _objects(said: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    listed = said.get(name, [])
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise UsageProblem(f"{name}: expected a list of objects")
    return listed
