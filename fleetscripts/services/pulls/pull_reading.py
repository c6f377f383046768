"""Reads pull requests for verification: one, one shared by several uses, or all agents' at once."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.git.remotes import base_remote
from fleetscripts.adapters.github.gh import Gh
from fleetscripts.adapters.github.github import Found, GitHub
from fleetscripts.adapters.github.github_budget import Budget
from fleetscripts.config import Settings
from fleetscripts.core.gates.repository_name import RepositoryName, from_address, from_slug
from fleetscripts.core.planning.policy import verified_until
from fleetscripts.errors import FleetError
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.invocation import spelled
from fleetscripts.models import AgentState
from fleetscripts.pull_request import PullKey
from fleetscripts.services.central.central import has_central
from fleetscripts.services.pulls.from_central import FromCentral

FRESH_SECONDS = 10.0
"""How long a combined reading is used; a later verification reads anew."""

Reader = Callable[[PullKey], Found]


def github(settings: Settings, environ: Mapping[str, str] | None = None, most_seconds: float | None = None) -> GitHub:
    """GitHub with the fleet's common budget; on a central's host, by way of that. ``most_seconds``: per query."""
    if has_central(settings):
        return FromCentral(settings, environ or os.environ, _timeout(settings, most_seconds))
    return own_github(settings, environ, most_seconds)


def own_github(
    settings: Settings, environ: Mapping[str, str] | None = None, most_seconds: float | None = None
) -> GitHub:
    """GitHub by this user's own gh, for explicit requests: to open a pull request, to read an issue."""
    budget = Budget(settings.fleet_home / "github-budget.json")
    return GitHub(Gh(environ or os.environ, budget, timeout_seconds=_timeout(settings, most_seconds)))


def _timeout(settings: Settings, most_seconds: float | None) -> float:
    timeout = settings.github_timeout_seconds
    return float(min(timeout, most_seconds or timeout))


def pull_key(agent: Agent, fleet: Fleet) -> PullKey | None:
    """The agent's pull request; None for a task without one. FleetError if it cannot be determined."""
    if not agent.pr_number:
        return None
    if not agent.pr_number.isdecimal() or not agent.pr_number.isascii() or int(agent.pr_number) == 0:
        raise FleetError(
            f"pr_number: expected a number, found {agent.pr_number!a}: {spelled('update-agent')} WINDOW pr_number=N"
        )
    repository = repository_of(agent, fleet)
    return PullKey(repository.host, repository.owner, repository.name, int(agent.pr_number))


def repository_of(agent: Agent, fleet: Fleet) -> RepositoryName:
    """The state file's repository, else that of the remote for pull requests, as recorded or else as in the worktree;
    rewritten as git would rewrite it."""
    if fleet.repo:
        named = from_slug(fleet.repo)
        if named is None:
            raise FleetError(
                f"repo: expected OWNER/NAME, found {fleet.repo!a}: {spelled('update-agent')} --top repo=OWNER/NAME"
            )
        return named
    if agent.repository is not None:
        found = from_address(agent.repository.base_url)
    else:
        git = Git.in_worktree(agent.worktree_path)
        remote = base_remote(git, agent.branch)
        found = from_address(git.text("remote", "get-url", remote) if remote else "")
    if found is None:
        raise FleetError(
            f"no GitHub repository is known for this worktree: {spelled('update-agent')} --top repo=OWNER/NAME"
        )
    return found


def reading(settings: Settings, known: Mapping[PullKey, Found] | None = None) -> Reader:
    """Reads each pull request that is not ``known`` on first use, and then caches it."""
    kept: dict[PullKey, Found] = dict(known or {})

    def read(key: PullKey) -> Found:
        if key not in kept:
            kept[key] = github(settings).pull_requests([key])[key]
        return kept[key]

    return read


@dataclass
class CyclePulls:
    """Pull requests of all agents that reported DONE, read together when one is first needed.

    One for a whole process: verifications of one cycle run in parallel. ``others``: those that other hosts request."""

    others: Callable[[], Collection[PullKey]] = tuple
    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _fleet: Fleet | None = None
    """Of the cycle that asked last; None after other hosts, with whom what was due here was read for any cycle."""

    _found: dict[PullKey, Found] = field(default_factory=dict)
    _read_at: float = 0.0

    def reader(self, fleet: Fleet, settings: Settings) -> Reader:
        """For the verifications of one cycle, all of which have this very ``fleet``."""
        return lambda key: self._read(key, fleet, settings)

    def _read(self, key: PullKey, fleet: Fleet, settings: Settings) -> Found:
        """A reading serves one verification: the next one of the same agent reads anew."""
        with self._lock:
            if (self._fleet is not None and self._fleet is not fleet) or not self._has([key]):
                self._fleet = fleet
                self._ask([key, *self.others()], fleet, settings)
            return self._found.pop(key)

    def for_others(self, keys: Collection[PullKey], fleet: Fleet, settings: Settings) -> dict[PullKey, Found]:
        """Those that other hosts request, together with what is due here."""
        with self._lock:
            if not self._has(keys):
                self._fleet = None
                self._ask(keys, fleet, settings)
            return {key: self._found.pop(key) for key in keys}

    @property
    def age_seconds(self) -> float:
        """Since GitHub was last asked."""
        return self.clock() - self._read_at

    def _has(self, keys: Collection[PullKey]) -> bool:
        return self.age_seconds <= FRESH_SECONDS and all(key in self._found for key in keys)

    def _ask(self, keys: Collection[PullKey], fleet: Fleet, settings: Settings) -> None:
        due = _due(fleet, settings.poll_interval_seconds, time.time())
        self._found = github(settings).pull_requests([*keys, *keys_of(due, fleet)])
        self._read_at = self.clock()


def keys_of(agents: Iterable[Agent], fleet: Fleet) -> list[PullKey]:
    """The pull requests of several agents; an invalid record is left for its own gates to report."""
    found = []
    for agent in agents:
        try:
            key = pull_key(agent, fleet)
        except FleetError:
            continue
        if key is not None:
            found.append(key)
    return found


def _due(fleet: Fleet, pause_seconds: float, now: float) -> list[Agent]:
    """Agents that reported DONE and were not verified just now, or whose next check before evaluation is due."""
    complete = [agent for agent in fleet.agents if agent.state is AgentState.COMPLETE]
    waiting = [agent for agent in fleet.agents if agent.state is AgentState.PENDING_EVALUATION and agent.verdict.at]
    due = [agent for agent in complete if not 0 <= now - agent.verdict.at < pause_seconds]
    return due + [agent for agent in waiting if not agent.verdict.at <= now < verified_until(agent)]
