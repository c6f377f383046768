"""Pull requests that hosts request from the central: collected, and read for all of them together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from fleetscripts.adapters.github.github import Found
from fleetscripts.adapters.github.github_problems import GitHubProblem, ProblemKind
from fleetscripts.config import Settings
from fleetscripts.core.gates.repository_name import from_slug
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.pull_request import PullKey
from fleetscripts.schema import WrongShape
from fleetscripts.services.central.pulls_told import key_from
from fleetscripts.services.hosts.mirrors import HostView
from fleetscripts.services.hosts.registry import host_named
from fleetscripts.services.links.facts import ASKED, NOTICES
from fleetscripts.services.links.telling import tell_pulls
from fleetscripts.services.pulls.pull_reading import CyclePulls, pull_key, repository_of

PUBLIC = "github.com"
MOST_ASKED = 200
"""Per host and time."""


@dataclass(frozen=True, slots=True)
class PullQuestion:
    """One request of a host; ``at`` tells it from an earlier one for the same."""

    host: str
    key: PullKey
    at: float


def asked_by(host: str, facts: Mapping[str, Any]) -> list[PullQuestion]:
    """The host's requests; invalid ones are left out."""
    found = []
    listed = facts.get(ASKED)
    for one in listed[:MOST_ASKED] if isinstance(listed, list) else []:
        try:
            key = key_from(one[:4])
            found.append(PullQuestion(host, key, float(one[4])))
        except (WrongShape, TypeError, ValueError, LookupError):
            continue
    return found


def may_be_asked(settings: Settings, fleet: Fleet, keys: Collection[PullKey]) -> list[PullKey]:
    """Without those of servers that this machine does not work with: gh would show them a login."""
    servers = servers_asked(settings, fleet)
    return [key for key in keys if key.host in servers and from_slug(f"{key.owner}/{key.name}") is not None]


def read_for(
    settings: Settings, fleet: Fleet, keys: Collection[PullKey], reading: CyclePulls
) -> tuple[dict[PullKey, Found], float]:
    """Each of them, and how many seconds ago it was read. A host decides what is asked, not of whom."""
    known = may_be_asked(settings, fleet, keys)
    found: dict[PullKey, Found] = {
        key: GitHubProblem(
            ProblemKind.LOGIN, f"the central asks nothing of {key.host}: name it in github_servers of its config.toml"
        )
        for key in keys
        if key not in known
    }
    return (found | reading.for_others(known, fleet, settings), reading.age_seconds) if known else (found, 0.0)


def tell_pull_of(settings: Settings, fleet: Fleet | None, view: HostView, handle: str) -> None:
    """Read the pull request of an agent there now and send it to the host, before a call there that judges by it.
    Nothing without a recorded one, or if the host has another central."""
    if NOTICES not in view.facts:
        return
    agent = next((one for one in view.fleet.agents if handle in (one.window, one.worktree, one.id, one.handle)), None)
    key = _key_of(agent, view.fleet) if agent is not None else None
    if key is not None:
        found, age_seconds = read_for(settings, fleet or Fleet(), [key], CyclePulls())
        tell_pulls(settings, host_named(settings, view.name), found, age_seconds)


def _key_of(agent: Agent, fleet: Fleet) -> PullKey | None:
    """From the record alone: its folder is on another machine."""
    try:
        return pull_key(agent, fleet) if fleet.repo or agent.repository is not None else None
    except FleetError:
        return None


def servers_asked(settings: Settings, fleet: Fleet) -> frozenset[str]:
    """Servers that hosts may ask: the public one, those of this machine's own agents, and those configured."""
    own = set()
    for agent in fleet.agents:
        try:
            if fleet.repo or agent.repository is not None:
                own.add(repository_of(agent, fleet).host)
        except FleetError:
            continue
    return frozenset({PUBLIC, *settings.github_servers, *own})
