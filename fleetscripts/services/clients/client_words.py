"""What a client's own arguments say of the conversation that is to be opened."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from fleetscripts.agents.claude_session import transcript_path
from fleetscripts.config import Settings
from fleetscripts.dataclass import dataclass

RESUME, CONTINUE = ("--resume", "-r"), ("--continue", "-c")
PRINT = ("--print", "-p")

_SESSION = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

_WITH_VALUE = frozenset({
    "--session-id", "--permission-mode", "-n", "--name", "--settings", "--model", "--add-dir", "--agent", "--agents",
    "--allowedTools", "--allowed-tools", "--append-system-prompt", "--disallowedTools", "--disallowed-tools",
    "--fallback-model", "--input-format", "--mcp-config", "--output-format", "--plugin-dir", "--system-prompt",
    "--setting-sources", "--effort", "--betas", "--json-schema", "--tools", "--max-budget-usd", "--max-turns",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Words:
    """Claude Code's arguments as far as they matter when the account changes.

    ``session_id`` empty with ``resumes``: the newest conversation of this folder, or the user is asked."""

    resumes: bool = False
    continues: bool = False
    session_id: str = ""
    prompt: str = ""
    permission_mode: str = ""
    prints: bool = False
    has_settings: bool = False
    forks: bool = False
    model: str = ""
    others: tuple[str, ...] = ()
    """Options that another client would not understand."""


def read_words(words: Sequence[str], agent: str = "claude") -> Words:
    """Only looks: the words themselves go to the client as they are."""
    if agent == "codex":
        return _codex_words(words)
    found: dict[str, object] = {"others": ()}
    others: list[str] = []
    left = list(words)
    while left:
        word = left.pop(0)
        name, equals, value = word.partition("=")
        if word == "--":
            found["prompt"] = " ".join(left)
            break
        if name in RESUME:
            found["resumes"] = True
            if equals:
                found["session_id"] = value
            elif left and not left[0].startswith("-"):
                found["session_id"] = left.pop(0)
        elif name in CONTINUE:
            found["resumes"] = found["continues"] = True
        elif name in PRINT:
            found["prints"] = True
        elif name == "--dangerously-skip-permissions":
            found["permission_mode"] = "bypassPermissions"
        elif name == "--fork-session":
            found["forks"] = True
        elif not name.startswith("-"):
            found["prompt"] = word
        else:
            value = value if equals else left.pop(0) if name in _WITH_VALUE and left else ""
            if name == "--permission-mode":
                found["permission_mode"] = value
            elif name == "--settings":
                found["has_settings"] = True
            elif name == "--model":
                found["model"] = value
                others.append(name)
            elif name != "--session-id":
                others.append(name)
    found["others"] = tuple(others)
    return Words(**found)  # type: ignore[arg-type]


def _codex_words(words: Sequence[str]) -> Words:
    """``codex resume ID``, ``codex resume --last``, ``codex exec …``."""
    resumes = "resume" in words
    after = words[words.index("resume") + 1 :] if resumes else ()
    named = next((word for word in after if _SESSION.fullmatch(word)), "")
    model = next((value for name, value in pairwise(words) if name in ("-m", "--model")), "")
    others = tuple(word for word in words if word.startswith("-"))
    return Words(resumes, session_id=named, prints="exec" in words[:1], model=model, others=others)


def session_of(words: Words, settings: Settings, folder: Path) -> str:
    """The id of the conversation that they name, the folder's newest among them; empty when it is not known yet."""
    if words.session_id:
        return words.session_id if _SESSION.fullmatch(words.session_id) else ""
    path = transcript_of(words, settings, folder) if words.continues else None
    return path.stem if path is not None and _SESSION.fullmatch(path.stem) else ""


def transcript_of(words: Words, settings: Settings, folder: Path) -> Path | None:
    """The transcript of the conversation that they name; the folder's newest where they name none."""
    if not words.resumes:
        return None
    here = os.path.realpath(folder)
    if words.session_id:
        rollouts = settings.codex_home.glob(f"sessions/*/*/*/rollout-*-{words.session_id}.jsonl")
        if _SESSION.fullmatch(words.session_id) and (rollout := max(rollouts, default=None)) is not None:
            return rollout
        return transcript_path(settings.claude_config_dir, here, words.session_id)
    kept = settings.claude_config_dir / "projects" / re.sub(r"[^a-zA-Z0-9]", "-", here)
    return max(kept.glob("*.jsonl"), key=lambda path: path.stat().st_mtime, default=None)
