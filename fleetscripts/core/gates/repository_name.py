"""Parses a remote's address into a GitHub repository: ssh, https and git forms, Enterprise hosts included."""

from __future__ import annotations

from fleetscripts.dataclass import dataclass
from fleetscripts.pattern import pattern

DEFAULT_HOST = "github.com"
_NAME = r"[A-Za-z0-9_.-]{1,100}"
_ADDRESS = pattern(
    rf"(?:(?:https?|ssh|git|git\+ssh)://(?:[^@/\s]+@)?(?P<host>[A-Za-z0-9.-]+)(?::\d+)?/"
    rf"|(?:[^@/\s]+@)?(?P<scp>[A-Za-z0-9.-]+):)/?(?P<owner>{_NAME})/(?P<name>{_NAME}?)(?:\.git)?/?"
)
_SLUG = pattern(rf"(?:(?P<host>[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)/)?(?P<owner>{_NAME})/(?P<name>{_NAME})")
_SAME_HOST = {"ssh.github.com": DEFAULT_HOST, "www.github.com": DEFAULT_HOST}


@dataclass(frozen=True, slots=True)
class RepositoryName:
    """A repository on a GitHub host."""

    host: str
    owner: str
    name: str

    def __str__(self) -> str:
        prefix = "" if self.host == DEFAULT_HOST else f"{self.host}/"
        return f"{prefix}{self.owner}/{self.name}"


def from_address(address: str) -> RepositoryName | None:
    """The repository of a remote's address; None for a path, or another kind of address."""
    match = _ADDRESS.fullmatch(address.strip())
    if match is None:
        return None
    host = (match["host"] or match["scp"]).lower()
    return RepositoryName(_SAME_HOST.get(host, host), match["owner"], match["name"])


def from_slug(slug: str) -> RepositoryName | None:
    """``owner/name`` or ``host/owner/name``, as in the state file's ``repo``."""
    match = _SLUG.fullmatch(slug.strip())
    return RepositoryName((match["host"] or DEFAULT_HOST).lower(), match["owner"], match["name"]) if match else None
