"""The hosts and the paths on each of them, found once, when it was added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, field, replace
from typing import Any

from fleetscripts import schema
from fleetscripts.adapters.records.host_files import ENTRY, HostFiles, host_folders
from fleetscripts.config import Settings
from fleetscripts.core.hosts.names import valid_address, valid_name
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import UsageProblem
from fleetscripts.invocation import spelled
from fleetscripts.schema import UnixSeconds


@dataclass(frozen=True, slots=True)
class Host:
    """One other machine. Paths are absolute and the machine's own; ``path``: its PATH for everything that we run.
    ``drained_at``: since when it gets no new work; ``gone_at``: when a person declared it lost."""

    name: str
    address: str = ""
    python: str = ""
    bundle: str = ""
    path: str = ""
    fleet_home: str = ""
    state_file: str = ""
    tmux_socket: str = ""
    programs: Mapping[str, Any] | None = None
    added_at: UnixSeconds = 0
    drained_at: UnixSeconds = 0
    gone_at: UnixSeconds = 0
    extra: Mapping[str, Any] = field(default_factory=dict)

    def files(self, settings: Settings) -> HostFiles:
        """Our files about it."""
        return HostFiles.of(settings.fleet_home, self.name)


def hosts(settings: Settings) -> tuple[Host, ...]:
    """All hosts, by name."""
    return tuple(_read(settings, name) for name in host_folders(settings.fleet_home) if valid_name(name))


def host_named(settings: Settings, name: str) -> Host:
    """The host of this name; UsageProblem if there is none."""
    known = host_folders(settings.fleet_home)
    if name not in known or not valid_name(name):
        there_are = f"there are {', '.join(known)}" if known else "there is none"
        raise UsageProblem(f"no host {name!r}: {there_are}; {spelled('hosts add')} adds one")
    return _read(settings, name)


def keep(settings: Settings, host: Host) -> Host:
    """Write the host's entry."""
    members = {name: value for name, value in asdict(replace(host, extra={})).items() if name != "extra"}
    host.files(settings).write(ENTRY, members | dict(host.extra))
    return host


def with_fields(host: Host, fields: Mapping[str, str]) -> Host:
    """The host with these paths changed."""
    return replace(host, **fields)  # type: ignore[arg-type]


def _read(settings: Settings, name: str) -> Host:
    members = HostFiles.of(settings.fleet_home, name).read(ENTRY)
    host = schema.read(Host, f"host {name}", {**members, "name": name})
    if not valid_address(host.address):
        raise UsageProblem(f"host {name}: {schema.describe(host.address)} is no address for ssh: add it again")
    return host
