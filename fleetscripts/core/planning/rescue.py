"""Usage limits for the policy: where an agent could continue, and when one that cannot is woken. Pure."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping

from fleetscripts.account import Account
from fleetscripts.dataclass import dataclass
from fleetscripts.fleet import Agent
from fleetscripts.models import Classification, PaneState
from fleetscripts.usage import model_of

CONTINUES = "limit-continues-by-itself"
"""The screen rule (rules/claude.toml) for a client that continues by itself when its limit resets."""

WAKE_SPREAD_SECONDS = 15.0
"""Agents on one account are woken over at most this span, so that they do not storm it at its reset."""

OVERDUE_SECONDS = 180.0
"""Claude Code 2.1.329 continues about a minute after the reset; one that has not by then is woken."""

SOON_SECONDS = 600.0
"""An agent whose limit resets this soon waits: a move costs a new start, and another account's budget."""

LONGEST_PAUSE_SECONDS = 3600.0
"""Between two tries to wake an agent whose limit should have reset."""

PARKED = "parked"
"""``rescue.stage`` after every move has failed: restarted where it was, it waits for the reset."""

UNKNOWN_RESET_SECONDS = 3600.0
"""If the reset is unknown, retry this much later: being refused costs nothing."""


@dataclass(frozen=True, slots=True)
class Pick:
    """The account to work on. ``kind_changes``: it belongs to another client, to which the conversation is handed
    over."""

    account: Account
    reason: str
    kind_changes: bool = False
    saves: bool = False
    """The agent's account bills by use, and this one is a subscription."""


Picks = Mapping[str, Pick]
"""By ``Agent.key``; an agent without an entry has none."""


def continues_by_itself(found: Classification) -> bool:
    """Whether the client says that it waits for the reset and then continues."""
    return any(piece.rule == CONTINUES for piece in found.evidence)


def has_reset(found: Classification, now: float) -> bool:
    """Whether its limit is over: it is woken where it is, not moved."""
    return bool(found.resets_at) and (found.resets_at or 0) <= now


def resets_soon(found: Classification, now: float) -> bool:
    """Whether waiting for the reset costs less than a move."""
    return bool(found.resets_at) and (found.resets_at or 0) - now < SOON_SECONDS


def pause_seconds(agent: Agent, first_seconds: float) -> float:
    """Before the next wake-up: doubled with each refusal."""
    return min(first_seconds * 2.0 ** min(agent.attempts.wakes, 12), LONGEST_PAUSE_SECONDS)


def wake_at(agent: Agent, found: Classification, now: float) -> float:
    """When an agent at its limit continues, by itself or woken by us, in Unix seconds. A time computed earlier is kept
    while the limit is the same: an unknown reset is not put off for ever."""
    same = agent.seen.pane_state == PaneState.RATE_LIMITED and agent.seen.resets_at == (found.resets_at or 0)
    if same and agent.rescue.parked_until:
        return agent.rescue.parked_until
    return (found.resets_at or now + UNKNOWN_RESET_SECONDS) + spread(agent)


def spread(agent: Agent) -> float:
    """Its offset in the spread: constant for an agent, so that a restart does not change it."""
    return zlib.crc32(f"{agent.session_id}{agent.worktree_path}".encode()) % 1000 / 1000 * WAKE_SPREAD_SECONDS


def due(agent: Agent, found: Classification, now: float) -> bool:
    """Whether it is time to prompt an agent at its limit to continue."""
    if not agent.rescue.parked_until:
        return False
    patience = OVERDUE_SECONDS if continues_by_itself(found) else 0.0
    return now >= agent.rescue.parked_until + patience


_WINDOWS = (
    (re.compile(r"usage limit for (?P<model>\S{1,30}?)\. Switch", re.IGNORECASE), "model_"),
    (re.compile(r"\b(?:5|five)[- ]hour|\bsession\b", re.IGNORECASE), "five_hour"),
    (re.compile(r"\b(?P<model>opus|sonnet|haiku|fable|mythos)\b", re.IGNORECASE), "seven_day_"),
    (re.compile(r"\bweekly\b", re.IGNORECASE), "weekly"),
)


def limit_of(found: Classification) -> str:
    """The usage window whose limit it is at: by the client's own record, else by its wording."""
    walls = [piece for piece in found.evidence if piece.state is PaneState.RATE_LIMITED]
    named = next((piece.limit for piece in walls if piece.limit), "")
    return named or next((window for piece in walls if (window := window_of(piece.reason))), window_of(found.reason))


def window_of(reason: str) -> str:
    """The usage window that a limit text names: ``five_hour``, ``weekly``, ``seven_day_opus``; empty if none."""
    for pattern, window in _WINDOWS:
        if match := pattern.search(reason):
            model = match.groupdict().get("model") or ""
            return f"{window}{re.sub('[^a-z0-9]+', '-', model.lower())}"
    return ""


def models_used(agent: Agent, found: Classification) -> frozenset[str]:
    """The conversation's model, as far as its limit or transcript names one, and those whose limits it has reached
    since its last progress: a client that changes its model by itself would be moved to and fro."""
    now = model_of(limit_of(found)) or next((piece.model for piece in found.evidence if piece.model), "")
    return frozenset({now, *agent.attempts.limited_models} - {""})
