"""An agent's last message in full, from its conversation's file, even after pane and client are gone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from fleetscripts.adapters.sessions.json_lines import parse_line
from fleetscripts.adapters.sessions.transcripts import Cursor, read_new
from fleetscripts.agents import DEFAULT_KIND, KINDS
from fleetscripts.agents.kinds import AgentKind, kind_named
from fleetscripts.agents.session_view import ConversationMessage
from fleetscripts.config import Settings
from fleetscripts.core.planning.observation import Observation
from fleetscripts.core.records.redact import redact
from fleetscripts.core.records.sanitize import sanitize_lines
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import Classification, Client, PaneState
from fleetscripts.services.observe.fleet_look import look_at
from fleetscripts.services.observe.observe import transcript_of

_RECYCLED = Observation(Classification(PaneState.MISSING, "it was recycled"))


@dataclass(frozen=True, slots=True)
class LastAnswer:
    """The agent's pane as it is now, and its last message, secrets masked. ``sent_since``: a message was sent to it
    later. ``problem``: why there is no text."""

    seen: Observation
    text: str = ""
    sent_since: bool = False
    problem: str = ""


def last_answer(settings: Settings, fleet: Fleet, agent: Agent, now: float) -> LastAnswer:
    """Look at the agent, and read the end of its conversation."""
    looks = look_at(replace(fleet, agents=(agent,)), settings, now)
    seen = looks[0][1] if looks else _RECYCLED
    file = transcript_of(seen) or _kept(settings, agent, now)
    if file is None:
        return LastAnswer(seen, problem="no conversation of it is found")
    kind = seen.kind or (agent.agent if agent.agent in KINDS else DEFAULT_KIND)
    said = _messages(kind_named(kind), file)
    at = next((number for number, one in enumerate(reversed(said)) if one.by_agent), None)
    if at is None:
        return LastAnswer(seen, problem=f"it has said nothing yet, by {file}")
    return LastAnswer(seen, sanitize_lines(redact(said[-1 - at].text)).strip(), sent_since=at > 0)


def _kept(settings: Settings, agent: Agent, now: float) -> Path | None:
    """The newest existing conversation file, if no client runs that could name it."""
    if agent.agent not in KINDS:
        return None
    kind, places = kind_named(agent.agent), settings.places_of(agent.agent)
    ended = Client(pid=0, started_at=0.0, cwd=agent.worktree_path)
    for session in dict.fromkeys((agent.session_id, *reversed(agent.session_ids))):
        found = kind.look(ended, places, now, session).transcript if session else None
        if found is not None:
            return found
    return None


def _messages(kind: AgentKind, transcript: Path) -> list[ConversationMessage]:
    """The messages of both sides in the last megabytes; pieces of one message by the agent are joined."""
    reading = read_new(transcript, Cursor())
    found: list[ConversationMessage] = []
    before = ""
    for record in map(parse_line, reading.lines if reading is not None else ()):
        said = kind.said(record) if record is not None else None
        if said is None:
            continue
        if said.message_id and said.message_id == before:
            found[-1] = ConversationMessage(True, f"{found[-1].text}\n\n{said.text}")
        else:
            found.append(said)
        before = said.message_id
    return found
