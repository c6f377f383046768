"""Two that start one agent's client: the second leaves it alone, and says why in words."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fleetscripts.adapters.records.journal import Journal
from fleetscripts.adapters.records.locks import LockTaken
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import Action, ActionKind
from fleetscripts.services.actions.case import Case
from fleetscripts.services.actions.perform import perform
from fleetscripts.services.actions.resume import alone
from fleetscripts.services.context import load_settings_here
from tests.places import TmuxServer


def test_a_client_that_another_process_is_starting_is_left_to_it(home: Path, tmux_server: TmuxServer) -> None:
    settings = load_settings_here(os.environ)
    agent = Agent("fleet:1", "worktree-1", session_id="a-conversation")
    case = Case(agent, Action("fleet:1", "", "resume", ActionKind.RECOVERY, "x"), Fleet(), settings, os.environ)
    with alone(case), pytest.raises(LockTaken):
        perform(case)
    (ended,) = [line for line in Journal(settings.journal_file).read() if line["event"] == "recovery-ended"]
    assert ended["outcome"] == "refused: fleet:1 (worktree-1): another process is starting its client just now"
