"""The journal entries of one agent."""

from __future__ import annotations

from fleetscripts.adapters.records.journal import Journal
from fleetscripts.config import Settings
from fleetscripts.core.reports.journal_story import Line, Story, at_of, stories, text_of
from fleetscripts.fleet import Agent

BEFORE_SPAWN_SECONDS = 180.0


def all_stories(settings: Settings) -> list[Story]:
    """Every agent that the journal knows."""
    return list(stories(Journal(settings.journal_file).read()).values())


def whole_journal(settings: Settings) -> list[Line]:
    """All of it, oldest first."""
    return list(Journal(settings.journal_file).read())


def history(settings: Settings, agent: Agent) -> list[Line]:
    """The agent's lines, oldest first; if the journal never names it, those of its window since it was spawned."""
    lines = whole_journal(settings)
    found = stories(lines)
    for key, story in found.items():
        if key == (agent.worktree, agent.spawned_at):
            return story.lines
    begun = agent.spawned_at - BEFORE_SPAWN_SECONDS
    return [line for line in lines if text_of(line, "window") == agent.window and at_of(line) >= begun]
