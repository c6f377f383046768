"""What the central sends to a host, and fetches there: pull requests, and waiting notifications."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fleetscripts.adapters.github.github import Found
from fleetscripts.adapters.github.github_problems import GitHubProblem
from fleetscripts.adapters.records.host_files import HostFiles
from fleetscripts.config import Settings
from fleetscripts.core.hosts.names_from_here import text_from_here
from fleetscripts.core.hosts.packed_json import MOST_PACKED, in_messages, packed_json
from fleetscripts.core.records.sanitize import sanitize, sanitize_lines
from fleetscripts.errors import EXIT_DONE, FleetError
from fleetscripts.pull_request import PullKey
from fleetscripts.services.central.central import own_name
from fleetscripts.services.central.pulls_told import key_members, pull_members
from fleetscripts.services.hosts.mirrors import view_of
from fleetscripts.services.hosts.registry import Host
from fleetscripts.services.links.asking import Reply, call

TAKE = ("host", "--take")
LEAVE = ("host", "--leave")
HAND = ("host", "--hand-notices")
TELL_SECONDS = 60.0
NOTICES_TOLD = "notices.json"
MOST_REMEMBERED = 1_000
MOST_TEXT = 4_000


def tell_host(settings: Settings, host: Host, members: Mapping[str, Any]) -> None:
    """Send this to the host. Raises HostUnreachable, or FleetError with its own words."""
    _done(host, call(settings, host, TAKE, stdin=message(settings, members), timeout=TELL_SECONDS))


def message(settings: Settings, members: Mapping[str, Any]) -> bytes:
    """The message for the host, with this machine's name as its central."""
    return packed_json({"central": own_name(settings), **members})


def tell_pulls(settings: Settings, host: Host, found: Mapping[PullKey, Found], age_seconds: float) -> None:
    """Send the host these pull requests as read ``age_seconds`` ago."""
    began = time.monotonic()
    for entries in in_messages(_entry(key, one, age_seconds) for key, one in found.items()):
        later = time.monotonic() - began
        tell_host(settings, host, {"pulls": [{**entry, "age": entry["age"] + later} for entry in entries]})


def fetch_notices(settings: Settings, host: Host, tell: Callable[[str, bool], Iterable[str]]) -> int:
    """Send people the notifications that wait on the host, each once; returns how many. ``tell`` gets the text and
    whether it is urgent.

    Each is recorded as sent before the host removes it: no crash of either end sends it twice or never."""
    listed = json.loads(_done(host, call(settings, host, HAND, timeout=TELL_SECONDS)).stdout or b"[]")
    files = host.files(settings)
    told = list(files.read(NOTICES_TOLD).get("told", []))
    names = view_of(settings, host, time.time()).names
    fresh = [one for one in listed if isinstance(one, dict) and str(one.get("id")) not in told]
    for one in fresh:
        text = sanitize_lines(str(one.get("text", "")))[:MOST_TEXT]
        tell(f"{host.name}: {text_from_here(text, names)}", one.get("urgent") is True)
        told.append(str(one.get("id"))[:64])
        files.write(NOTICES_TOLD, {"told": told[-MOST_REMEMBERED:]})
    ids = [str(one.get("id"))[:64] for one in listed if isinstance(one, dict)]
    if ids:
        words = [*HAND, *(word for one in ids for word in ("--told", one))]
        _done(host, call(settings, host, words, timeout=TELL_SECONDS))
    return len(fresh)


def forget_notices(files: HostFiles) -> None:
    """For a host that is added anew: its notifications start afresh."""
    (files.folder / NOTICES_TOLD).unlink(missing_ok=True)


def _entry(key: PullKey, found: Found, age_seconds: float) -> dict[str, Any]:
    told: dict[str, Any] = {"key": key_members(key), "age": age_seconds}
    if isinstance(found, GitHubProblem):
        return {**told, "problem": problem_members(found)}
    whole = {**told, "pull": pull_members(found)}
    if len(packed_json(whole)) > MOST_PACKED:
        return {**told, "problem": ["unexpected", f"{key} is too long to be sent to another machine", 0]}
    return whole


def problem_members(problem: GitHubProblem) -> list[object]:
    """Its kind, its words, and for how many seconds it lasts from now on; 0 if unknown."""
    return [problem.kind.value, str(problem), max(0.0, problem.until - time.time()) if problem.until else 0]


def _done(host: Host, reply: Reply) -> Reply:
    if reply.state != "done" or reply.exit_code != EXIT_DONE:
        said = reply.problem or sanitize(reply.stderr.decode("utf-8", "replace").strip())[:300]
        raise FleetError(f"{host.name}: {said}")
    return reply
