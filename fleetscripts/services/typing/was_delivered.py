"""Was a message delivered although its sender crashed? Checks the outbox, then the transcript."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fleetscripts.agents.kinds import kind_named
from fleetscripts.config import Settings
from fleetscripts.fleet import Agent
from fleetscripts.models import ServerId
from fleetscripts.services.typing.outbox import CONFIRMED, INTENDED, Outbox
from fleetscripts.services.typing.receipt import Mark, in_transcript


def was_told(settings: Settings, agent: Agent, intent: Mapping[str, Any]) -> bool:
    """Whether the agent has received this intent's ``text`` since its ``at``."""
    server = agent.tmux_server
    if not isinstance(server, ServerId) or not agent.pane_id:
        return False
    sent = Outbox(settings.fleet_home, server, agent.pane_id).last()
    if sent is None or sent.text != intent.get("text") or sent.at < float(intent.get("at", 0)):
        return False
    if sent.outcome == CONFIRMED:
        return True
    path = Path(sent.transcript) if sent.transcript else None
    return sent.outcome == INTENDED and in_transcript(kind_named(agent.agent), path, Mark(path, sent.offset), sent.text)
