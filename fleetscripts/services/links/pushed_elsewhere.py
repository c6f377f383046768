"""Pushed branches of agents on other machines: fetched from the remote that both ends know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from pathlib import Path

from fleetscripts.adapters.git.git import REMOTE_TIMEOUT_SECONDS, Git
from fleetscripts.adapters.git.place import repository_at
from fleetscripts.adapters.git.remotes import base_remote
from fleetscripts.adapters.git.trial_merges import COMMIT
from fleetscripts.config import Settings
from fleetscripts.core.gates.repository_name import from_address
from fleetscripts.core.records.redact import redact
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.services.hosts.mirrors import HostView
from fleetscripts.services.worktrees.overlaps import Branch, lives, trial_repository

_HEADS = "refs/heads/"


@dataclass(frozen=True, slots=True)
class PushedBranches:
    """``branches``: by the common folder of the repository here. ``left_out``: which are not compared, or only in part,
    and why, a line each."""

    branches: Mapping[str, Sequence[Branch]] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    """A repository here, and the address to fetch its branches from."""

    common: str
    url: str


def pushed_elsewhere(
    settings: Settings,
    fleet: Fleet,
    views: Iterable[HostView],
    heads: Mapping[str, str],
    folder: Path,
    most_seconds: float = REMOTE_TIMEOUT_SECONDS,
) -> PushedBranches:
    """Branches of the repositories of this machine's agents, and of the one of ``folder``. No other address is asked: a
    host's records are not trusted. ``heads``: by agent's key, the commit of its branch there."""
    places = _places(fleet, folder)
    wanted: dict[_Place, list[Agent]] = {}
    left_out = []
    for agent in (one for view in views for one in view.agents_from_here() if lives(one)):
        place = places.get(_identity(agent.repository.url)) if agent.repository is not None else None
        if place is None:
            left_out.append(f"{_name(agent)}: its repository is not on this machine: not compared")
        else:
            wanted.setdefault(place, []).append(agent)
    found: dict[str, list[Branch]] = {}
    for place, agents in wanted.items():
        try:
            branches = _fetched(settings, place, agents, most_seconds)
        except FleetError as error:
            left_out += [f"{_name(agent)}: not compared: {redact(sanitize(str(error)))[:200]}" for agent in agents]
            continue
        found.setdefault(place.common, []).extend(branches.values())
        left_out += [line for agent in agents if (line := _short_of(agent, branches.get(agent.key), heads))]
    return PushedBranches(found, tuple(left_out))


def _short_of(agent: Agent, branch: Branch | None, heads: Mapping[str, str]) -> str:
    """How the fetched branch differs from the agent's work, if it does."""
    if branch is None:
        return f"{_name(agent)}: it is not pushed: not compared"
    there = heads.get(agent.key, branch.head)
    return f"{_name(agent)}: compared as it was pushed, at {branch.head[:12]}" if there != branch.head else ""


def _fetched(settings: Settings, place: _Place, agents: Sequence[Agent], most_seconds: float) -> dict[str, Branch]:
    """The existing branches, by their agents' keys."""
    trials = trial_repository(settings, Path(place.common))
    trials.prepare()
    git = Git(trials.folder)
    rows = git.remote("ls-remote", "--heads", "--", place.url, most_seconds=most_seconds).splitlines()
    there = {ref.removeprefix(_HEADS): head for head, _, ref in (row.partition("\t") for row in rows)}
    found = {agent.key: Branch(agent, there[agent.branch]) for agent in agents if agent.branch in there}
    wanted = {branch.head for branch in found.values() if COMMIT.fullmatch(branch.head)}
    missing = [head for head in sorted(wanted) if not git.says("cat-file", "-e", f"{head}^{{commit}}")]
    if missing:
        refs = [f"+{_HEADS}{branch.agent.branch}:refs/pushed/{branch.agent.branch}" for branch in found.values()]
        words = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--refmap=")
        git.remote(*words, "--", place.url, *sorted(set(refs)), most_seconds=most_seconds)
    return {
        key: branch
        for key, branch in found.items()
        if branch.head in wanted and git.says("cat-file", "-e", f"{branch.head}^{{commit}}")
    }


def _places(fleet: Fleet, folder: Path) -> dict[object, _Place]:
    known: dict[object, _Place] = {}
    for agent in fleet.agents:
        if agent.repository is not None and agent.repository.url:
            known.setdefault(_identity(agent.repository.url), _Place(agent.repository.common_dir, agent.repository.url))
    try:
        here, git = repository_at(folder), Git(folder)
        remote = base_remote(git, None)
        url = git.text("remote", "get-url", remote) if remote else ""
    except FleetError:
        return known  # this folder is in no repository
    if url:
        known.setdefault(_identity(url), _Place(here.common_dir, url))
    return known


def _identity(url: str) -> object:
    """What two addresses of one repository have in common."""
    return from_address(url) or url.removesuffix("/").removesuffix(".git")


def _name(agent: Agent) -> str:
    return sanitize(f"{agent.handle} {agent.branch}")
