"""Interprets ssh's error messages."""

from __future__ import annotations

from enum import StrEnum

from fleetscripts.errors import Refusal


class SshProblemKind(StrEnum):
    """Why there is no connection."""

    ASKS = "asks"
    """A password, a token, a touch, or an unknown host key: only a person can answer."""
    KEY_CHANGED = "key_changed"
    REFUSED = "refused"
    """The machine itself answered, without an ssh server."""
    SILENT = "silent"
    """Nothing answered."""
    NO_NETWORK = "no_network"
    """This machine has no network."""
    FULL = "full"
    """The connection accepts no further channel."""
    OTHER = "other"


WORDS: tuple[tuple[str, SshProblemKind], ...] = (
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", SshProblemKind.KEY_CHANGED),
    ("Host key verification failed", SshProblemKind.ASKS),
    ("Permission denied", SshProblemKind.ASKS),
    ("Too many authentication failures", SshProblemKind.ASKS),
    ("No more authentication methods", SshProblemKind.ASKS),
    ("Session open refused", SshProblemKind.FULL),
    ("administratively prohibited", SshProblemKind.FULL),
    ("Connection refused", SshProblemKind.REFUSED),
    ("banner exchange", SshProblemKind.OTHER),
    ("not responding", SshProblemKind.OTHER),
    ("Temporary failure in name resolution", SshProblemKind.NO_NETWORK),
    ("Network is unreachable", SshProblemKind.NO_NETWORK),
    ("Network is down", SshProblemKind.NO_NETWORK),
    ("Could not resolve hostname", SshProblemKind.SILENT),
    ("timed out", SshProblemKind.SILENT),
    ("No route to host", SshProblemKind.SILENT),
    ("Host is down", SshProblemKind.SILENT),
)
"""By the first of these in its output."""

MOST_CHARACTERS = 300


class SshProblem(Refusal):
    """No connection, or no channel on it; the message is ssh's own last words."""

    def __init__(self, said: str, kind: SshProblemKind | None = None) -> None:
        lines = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith("@@@")]
        super().__init__((lines[-1] if lines else "ssh said nothing")[:MOST_CHARACTERS])
        self.kind = kind or next((kind for words, kind in WORDS if words in said), SshProblemKind.OTHER)
