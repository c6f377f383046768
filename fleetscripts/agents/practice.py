"""The practice agent: Claude Code's files, screens and options, in a small program that costs nothing."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields

from fleetscripts.account import SUBSCRIPTION
from fleetscripts.agents import claude
from fleetscripts.agents.kind_facts import AccountVariables


class PracticeAgent(claude.ClaudeCode):
    """Recognised by its launcher's name; macOS shows its interpreter's."""

    def is_client(self, command: str, argv: Sequence[str]) -> bool:
        """The launcher's link, or an interpreter that runs the agent's file."""
        if command == "practice" or (argv and argv[0].rpartition("/")[2] == "practice"):
            return True
        return any(word.endswith("/practice/agent.py") for word in argv[1:4])

    def serves_all(self, argv: Sequence[str]) -> bool:
        """Never."""
        return False

    def login_question(self, environment: Mapping[str, str]) -> tuple[str, ...]:
        """None: it needs no login."""
        return ()

    def looks_like(self, texts: Sequence[str]) -> bool:
        """By a session's header."""
        return any("Practice · no model" in text for text in texts)


_OWN = {
    "name": "practice",
    "title": "the practice agent",
    "commands": frozenset({"practice"} | ({"Python", "python3"} if sys.platform == "darwin" else set())),
    "launch_words": frozenset({"practice"}),
    "hands_over": False,
    "accounts": AccountVariables(
        tokens={SUBSCRIPTION: (claude.OAUTH,)}, descriptors={}, switches={}, own_login=frozenset({claude.OAUTH})
    ),
    "resume_hint": "",
    "install": "",
}
KIND = PracticeAgent(**{fact.name: getattr(claude.KIND, fact.name) for fact in fields(claude.KIND)} | _OWN)
"""In all else as Claude Code."""
