"""Ensures before a client starts that its conversation is open nowhere, or only in an idle background service."""

from __future__ import annotations

import time
from collections.abc import Sequence

from fleetscripts.adapters.system.processes import read_trees
from fleetscripts.config import Settings
from fleetscripts.errors import Refusal
from fleetscripts.fleet import Agent
from fleetscripts.models import PaneFacts
from fleetscripts.services.clients.closing import HANGUP_SECONDS, ask_to_end, end
from fleetscripts.services.observe.conversations import open_conversations


def free_conversation(settings: Settings, agent: Agent, panes: Sequence[PaneFacts]) -> None:
    """End the background process that holds the agent's conversation; Refusal if it is at work, or open in a
    terminal."""
    known = open_conversations(settings, panes, time.time()).get(agent.session_id) if agent.session_id else None
    if known is None:
        return
    if not known.at_rest_behind:
        raise Refusal(f"{agent.called}: its conversation is open in {known.place}")
    holder = [process for process in read_trees([known.pid]).by_pid.values() if process.pid == known.pid]
    ask_to_end(holder)
    end(holder, HANGUP_SECONDS)
