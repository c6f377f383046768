"""Copies a reviewer's verdict to the author's record, and sends its findings to the author."""

from __future__ import annotations

import time
from pathlib import Path

from fleetscripts.adapters.git.head import head_commit
from fleetscripts.core.gates.review import FAIL, verdict_in
from fleetscripts.core.records.redact import redact
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import AgentState
from fleetscripts.services.actions.case import Case
from fleetscripts.services.briefing.briefing import review_findings
from fleetscripts.services.typing.pane_io import open_pane_io

LONGEST_FINDINGS = 8000
"""The last characters of the reviewer's last message."""

_JUDGED = (AgentState.PENDING_EVALUATION, AgentState.DONE)


def conclude_review(case: Case) -> str:
    """The verdict counts only for the reviewed commit: an author that has moved on is sent nothing."""
    reviewer = case.current()
    head = reviewer.task.reviewed_head
    verdict = verdict_in(reviewer.checkpoints, head)
    findings = _last_message(case, reviewer) if verdict == FAIL else ""
    outcome: list[str] = []

    def put(fleet: Fleet) -> Fleet:
        fleet = fleet.change(reviewer, state=AgentState.DONE)
        author = next((agent for agent in fleet.agents if reviewer.task.reviews in agent.keys), None)
        if author is None or author.state is AgentState.RECYCLED:
            outcome.append("its author is gone")
            return fleet
        said = {"head": head, "verdict": verdict, "by": reviewer.handle, "at": time.time()}
        changes: dict[str, object] = {"verdict": {"review": said}}
        if verdict == FAIL and head_commit(Path(author.worktree_path)) != head:
            outcome.append(f"{author.called} has moved on since, and is sent nothing")
        elif verdict == FAIL:
            changes = {"verdict": {"review": said, "waiting": review_findings(head[:12], findings)}}
            changes |= {"state": AgentState.COMPLETE} if author.state in _JUDGED else {}
            outcome.append(f"{author.called} is notified as soon as possible")
        return fleet.change(author, **changes)

    case.store.update(put)
    return "; ".join([f"reviewed {head[:12]}: {verdict}", *outcome])


def _last_message(case: Case, reviewer: Agent) -> str:
    """All of the reviewer's last turn, secrets masked."""
    seen = open_pane_io(case.settings, case.fleet).look_at(reviewer)
    text = "\n".join(message.text for message in seen.messages) if seen is not None else ""
    return redact(text)[-LONGEST_FINDINGS:] or "It wrote nothing that could be read."
