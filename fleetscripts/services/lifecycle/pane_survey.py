"""What exists before a restore: panes, running conversations, and the agents they belong to."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import field

from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.config import Settings
from fleetscripts.dataclass import dataclass
from fleetscripts.fleet import Agent
from fleetscripts.models import PaneFacts, ServerId
from fleetscripts.services.clients.closing import ends_by_itself
from fleetscripts.services.observe.agent_pane import own_pane_of
from fleetscripts.services.observe.conversations import OpenConversation, open_conversations


@dataclass(frozen=True, slots=True)
class PaneSurvey:
    """One look at panes and processes."""

    server: ServerId | None
    panes: Sequence[PaneFacts]
    conversations: Mapping[str, OpenConversation]
    unmade: Mapping[str, str] = field(default_factory=dict)
    """Why missing tmux sessions could not be created, by name."""

    def conversation_of(self, agent: Agent) -> OpenConversation | None:
        """A live client on its conversation, wherever it runs."""
        return self.conversations.get(agent.session_id) if agent.session_id else None

    def pane_of(self, agent: Agent) -> PaneFacts | None:
        """Its pane, if it still exists on this very server."""
        return own_pane_of(agent, self.panes, self.server, agent.worktree_path)

    def home_of(self, agent: Agent) -> PaneFacts | None:
        """Its own pane, or the one of its client."""
        known = self.conversation_of(agent)
        return (known.pane if known is not None else None) or self.pane_of(agent)


def client_elsewhere(settings: Settings, agent: Agent, own: PaneFacts | None) -> OpenConversation | None:
    """A live client on its conversation that does not run in its own pane."""
    if not agent.session_id:
        return None
    panes = [own] if own is not None else []
    known = open_conversations(settings, panes, time.time()).get(agent.session_id)
    if known is None or (own is not None and known.pane is not None) or is_ending(known, own):
        return None
    return known


def is_ending(known: OpenConversation, own: PaneFacts | None) -> bool:
    """Whether its client ends within a moment, as one does whose window has just been closed. ``own``: its agent's
    pane, if that exists."""
    return own is None and known.pane is None and known.behind is None and ends_by_itself(known.pid)


def survey_panes(settings: Settings, tmux: Tmux) -> PaneSurvey:
    """The panes and processes as they are now."""
    panes, server = tmux.panes_and_server()
    return PaneSurvey(server, panes, open_conversations(settings, panes, time.time()))
