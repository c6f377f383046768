"""The practice agent: Claude Code's files, screens and options, in a small program that costs nothing."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from fleetscripts.agents.claude import ClaudeCode


class PracticeAgent(ClaudeCode):
    """Known by the name of its launcher; macOS calls it by its interpreter's."""

    name = "practice"
    commands = frozenset({"practice"} | ({"Python", "python3"} if sys.platform == "darwin" else set()))

    def is_client(self, command: str, argv: Sequence[str]) -> bool:
        """The launcher's link, or an interpreter that runs the agent's file."""
        if command == "practice" or (argv and argv[0].rpartition("/")[2] == "practice"):
            return True
        return any(word.endswith("/practice/agent.py") for word in argv[1:4])


KIND = PracticeAgent()
