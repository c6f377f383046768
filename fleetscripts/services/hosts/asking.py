"""A call of one of our commands on another machine: done once, whatever happens to the link."""

from __future__ import annotations

from collections.abc import Sequence

from fleetscripts.config import Settings
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import Refused
from fleetscripts.services.hosts.registry import Host

ANSWER_SECONDS = 120.0


class HostUnreachable(Refused):
    """The host does not answer. Nothing follows from that about its agents."""


@dataclass(frozen=True, slots=True)
class Reply:
    """How a call ended. ``state``: ``done``, or ``lost`` when it was begun there and nobody knows how it ended, or
    ``refused`` when it was not begun; ``problem`` says why, in words."""

    exit_code: int
    stdout: bytes = b""
    stderr: bytes = b""
    state: str = "done"
    problem: str = ""


def call(
    settings: Settings, host: Host, argv: Sequence[str], stdin: bytes = b"", timeout: float = ANSWER_SECONDS
) -> Reply:
    """Run ``argv`` (a command of ours and its arguments) on the host. Raises HostUnreachable in one line."""
    raise HostUnreachable(f"{host.name} is not linked yet")
