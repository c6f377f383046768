"""The agents on all hosts, as known here. Only reads files: no host is asked, and none can cause a delay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from fleetscripts import schema
from fleetscripts.adapters.records.host_files import LINK, MIRROR, HostFiles
from fleetscripts.adapters.system.steady_clock import this_moment
from fleetscripts.config import Settings
from fleetscripts.core.hosts.ages import FLEET, from_ages
from fleetscripts.core.hosts.mirror import Mirror, mirror_from, mirror_members
from fleetscripts.core.hosts.names_from_here import HostNames, names_on, text_from_here
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError
from fleetscripts.fleet import Agent, Fleet, read_agent
from fleetscripts.moment import Moment
from fleetscripts.services.hosts.registry import Host, hosts

MIRROR_FILES = frozenset({LINK, MIRROR})
"""The files of a host's folder that change with its news."""

WORDS = {
    "attempts": ("refusal", "obstacle"),
    "escalation": ("reason",),
    "hold": ("reason",),
    "rescue": ("problem",),
    "verdict": ("findings", "waiting"),
}
"""By part of a record: our own words, which may name agents."""

SILENT_SECONDS = 30.0
"""A link hears from its host every ten seconds: after this silence it has lost it, or has died itself."""


@dataclass(frozen=True, slots=True)
class HostView:
    """One host as known here. ``since_seconds``: since it was last heard from, -1 for never. ``fleet`` has its instants
    on our clock. ``problem``: why it is unreachable, or what of it is unreadable."""

    name: str
    reachable: bool
    since_seconds: float
    fleet: Fleet
    facts: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""
    drained: bool = False

    @property
    def names(self) -> HostNames:
        """Its name, and its agents'."""
        return names_on(self.name, self.fleet.agents)

    def agents_from_here(self) -> tuple[Agent, ...]:
        """Its agents under the names by which they are called from here; including their ids, which two hosts may
        share."""
        names = self.names
        return tuple(_from_here(agent, names) for agent in self.fleet.agents)


@dataclass(frozen=True, slots=True)
class LinkState:
    """The state that the link's process records. ``handshakes``: how many log-ins it needed; ``heard_…``: the moment at
    which it last heard from the host."""

    online: bool = False
    problem: str = ""
    handshakes: int = 0
    pid: int = 0
    heard_boot: str = ""
    heard_steady: float = 0
    heard_wall: float = 0
    hello: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def heard(self) -> Moment:
        return Moment(self.heard_boot, self.heard_steady, self.heard_wall)


def _from_here(agent: Agent, names: HostNames) -> Agent:
    called: dict[str, Any] = {
        name: names.from_here(value) for name in ("window", "worktree", "id") if (value := getattr(agent, name))
    }
    for part, texts in WORDS.items():
        said = {text: value for text in texts if (value := getattr(getattr(agent, part), text))}
        if said:
            called[part] = {text: text_from_here(value, names) for text, value in said.items()}
    return agent.changed(**called)


def mirrors(settings: Settings, now: float) -> tuple[HostView, ...]:
    """Every host, by name; ``now`` in Unix seconds."""
    return tuple(view_of(settings, host, now) for host in hosts(settings))


def mirror_folders(settings: Settings) -> list[Path]:
    """Their folders, one per host."""
    return [host.files(settings).folder for host in hosts(settings)]


def view_of(settings: Settings, host: Host, now: float) -> HostView:
    """One host as it is known here."""
    files, moment = host.files(settings), this_moment()
    try:
        link = read_link(files)
        mirror, written = read_mirror(files)
        fleet, unreadable = _fleet(mirror, written, now)
    except FleetError as error:
        return HostView(host.name, False, -1, Fleet(), {}, str(error), bool(host.drained_at))
    silent = moment.seconds_since(link.heard) if link.heard.wall else -1
    reachable = link.online and 0 <= silent < SILENT_SECONDS and mirror.whole
    problem = (unreadable or str(mirror.facts.get("problem", ""))) if reachable else link.problem or "no link runs"
    return HostView(host.name, reachable, silent, fleet, mirror.facts, problem, bool(host.drained_at))


def read_link(files: HostFiles) -> LinkState:
    """The link process's last record."""
    return schema.read(LinkState, "link", files.read(LINK))


def read_mirror(files: HostFiles) -> tuple[Mirror, Moment]:
    """The mirror as last written, and when."""
    members = files.read(MIRROR)
    written = Moment(str(members.get("boot", "")), float(members.get("steady", 0)), float(members.get("wall", 0)))
    return mirror_from(members), written


def write_mirror(files: HostFiles, mirror: Mirror) -> None:
    """Write the mirror where every command reads it."""
    now = this_moment()
    files.note(MIRROR, {"boot": now.boot, "steady": now.steady, "wall": now.wall, **mirror_members(mirror)})


def _fleet(mirror: Mirror, written: Moment, now: float) -> tuple[Fleet, str]:
    """The fleet with its instants on our clock, and what of it is unreadable, in words."""
    moment = this_moment()

    def clock(at: float) -> float:
        """Our clock's time at an instant of the mirror's steady clock."""
        return now - moment.seconds_since(written) - (written.steady - at)

    agents, problems = [], []
    for key, kept in mirror.records.items():
        try:
            agents.append(read_agent(key, from_ages(kept.record, clock(kept.at))))
        except schema.WrongShape as error:
            problems.append(str(error))
    try:
        fleet = Fleet.from_json({**from_ages(mirror.fleet, clock(mirror.top_at), FLEET), "agents": []})
    except schema.WrongShape as error:
        fleet = Fleet()
        problems.append(str(error))
    more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
    return replace(fleet, agents=tuple(agents)), f"cannot read {problems[0]}{more}" if problems else ""
