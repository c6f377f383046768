"""Pull requests from the central, each with its time of arrival, and open requests for them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from fleetscripts.adapters.github.github_problems import GitHubProblem, ProblemKind
from fleetscripts.adapters.records.json_files import cache, encode, read_json, write_json
from fleetscripts.adapters.records.locks import hold
from fleetscripts.adapters.system.steady_clock import steady_seconds, this_moment
from fleetscripts.config import Settings
from fleetscripts.core.records.typed_json import typed
from fleetscripts.dataclass import dataclass
from fleetscripts.moment import Moment
from fleetscripts.pull_request import PullKey, PullRequest
from fleetscripts.schema import WrongShape
from fleetscripts.services.central.central import central_folder

ASKED_SECONDS = 60.0
"""A request this old is dropped: whoever made it has gone."""

SAME_CLOCK_SECONDS = 15
"""Smaller clock differences are ignored, as when GitHub is asked directly."""

MOST_KEPT = 500
LOCK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class PullTold:
    """``age_seconds``: since the central asked GitHub."""

    found: PullRequest | GitHubProblem
    age_seconds: float


def keep_pull(settings: Settings, members: Mapping[str, Any]) -> None:
    """Store one: ``key``, ``age`` in seconds, and ``pull`` or ``problem``. Raises WrongShape."""
    key = key_from(members.get("key"))
    if "problem" not in members:
        pull_from(members.get("pull"))
    kept = {**members, "received": asdict(this_moment())}
    cache(_file(settings, key), encode(kept), MOST_KEPT)
    _change_asked(settings, lambda asked: {name: at for name, at in asked.items() if name != _named(key)})


def pull_told(settings: Settings, key: PullKey) -> PullTold | None:
    """The latest on it; None if there is none, or an unreadable one."""
    said = read_json(_file(settings, key))
    try:
        received, age = Moment(**said["received"]), float(said["age"])
        return PullTold(_found(said, received.wall, age), max(0.0, age) + this_moment().seconds_since(received))
    except (WrongShape, ValueError, LookupError, TypeError):
        return None


def ask_central(settings: Settings, keys: Iterable[PullKey]) -> None:
    """Request these from the central now."""
    wanted = {_named(key): steady_seconds() for key in keys}
    _change_asked(settings, lambda asked: {**asked, **wanted})


def asked_of_central(settings: Settings) -> list[list[object]]:
    """``[server, owner, name, number, when]`` of each; ``when`` tells one request from the next."""
    now = steady_seconds()
    listed = [(_members_of(name), at) for name, at in _asked(settings).items() if 0 <= now - at <= ASKED_SECONDS]
    return sorted([*key, at] for key, at in listed if key)


def key_from(value: object) -> PullKey:
    """``[server, owner, name, number]`` as a key; raises WrongShape."""
    if isinstance(value, list) and len(value) == 4:
        host, owner, name, number = value
        texts = all(isinstance(one, str) and 0 < len(one) <= 255 and one.isprintable() for one in (host, owner, name))
        if texts and isinstance(number, int) and not isinstance(number, bool) and number > 0:
            return PullKey(host, owner, name, number)
    raise WrongShape("key: expected a server, an owner, a repository and a number")


def key_members(key: PullKey) -> list[object]:
    """The inverse."""
    return [key.host, key.owner, key.name, key.number]


def _found(said: Mapping[str, Any], received_wall: float, age: float) -> PullRequest | GitHubProblem:
    """With our own clock beside the server's: the central's may differ."""
    if "problem" in said:
        kind, text, seconds = said["problem"]
        return GitHubProblem(ProblemKind(kind), str(text), received_wall + float(seconds) if seconds else None)
    pull = pull_from(said["pull"])
    ahead = pull.read_at + age - received_wall
    return replace(pull, clock_ahead=ahead if abs(ahead) > SAME_CLOCK_SECONDS else 0.0)


def _change_asked(settings: Settings, change: Callable[[dict[str, float]], dict[str, float]]) -> None:
    with hold(settings.locks / "central-asked.lock", LOCK_SECONDS):
        before, now = _asked(settings), steady_seconds()
        after = {name: at for name, at in change(before).items() if 0 <= now - at <= ASKED_SECONDS}
        if after != before:
            write_json(_asked_file(settings), after)


def _asked(settings: Settings) -> dict[str, float]:
    said = read_json(_asked_file(settings))
    members = said if isinstance(said, dict) else {}
    return {name: float(at) for name, at in members.items() if isinstance(at, int | float)}


def _asked_file(settings: Settings) -> Path:
    return central_folder(settings) / "asked.json"


def _members_of(name: str) -> list[object]:
    """The key by its file's name; empty if invalid."""
    try:
        return key_members(key_from(json.loads(name)))
    except (WrongShape, ValueError):
        return []


def _named(key: PullKey) -> str:
    return json.dumps(key_members(key))


def _file(settings: Settings, key: PullKey) -> Path:
    return central_folder(settings) / "pulls" / f"{hashlib.sha256(_named(key).encode()).hexdigest()[:32]}.json"


def pull_members(pull: PullRequest) -> dict[str, Any]:
    """The object that tells it whole."""
    return dataclasses.asdict(pull)


def pull_from(members: object) -> PullRequest:
    """The pull request in such an object; raises WrongShape for anything else."""
    return typed("pull request", PullRequest, members)
