"""Which conversation a client's own arguments would open."""

from __future__ import annotations

import re
from pathlib import Path

from fleetscripts.agents.kinds import AgentKind, Words
from fleetscripts.config import Settings


def session_of(kind: AgentKind, words: Words, settings: Settings, folder: Path) -> str:
    """The id of the conversation that they name, resolved for the folder's newest; empty if not known yet."""
    if words.session_id:
        return words.session_id if _is_id(kind, words.session_id) else ""
    path = transcript_of(kind, words, settings, folder) if words.continues else None
    return path.stem if path is not None and _is_id(kind, path.stem) else ""


def transcript_of(kind: AgentKind, words: Words, settings: Settings, folder: Path) -> Path | None:
    """The transcript of the conversation that they name, else of the folder's newest."""
    if not words.resumes or (words.session_id and not _is_id(kind, words.session_id)):
        return None
    return kind.conversation(settings.home_of(kind.name), folder, words.session_id)


def _is_id(kind: AgentKind, text: str) -> bool:
    return bool(re.fullmatch(kind.session_id, text))
