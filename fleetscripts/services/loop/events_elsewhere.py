"""Events on other machines: noticed in their mirrors here, fetched from where they are handed out."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from fleetscripts.config import Settings
from fleetscripts.core.planning.event_dedup import may_wait
from fleetscripts.core.reports.status_text import FOR_SOMEBODY
from fleetscripts.errors import EXIT_DONE, FleetError
from fleetscripts.fleet import Agent
from fleetscripts.services.hosts.mirrors import MIRROR_FILES, HostView, mirror_folders, mirrors
from fleetscripts.services.hosts.registry import host_named
from fleetscripts.services.links.asking import call
from fleetscripts.services.links.everywhere import HERE_ONLY, Answer

ASK_SECONDS = 30.0


def elsewhere(settings: Settings, flags: tuple[str, ...] = ()) -> EventsElsewhere | None:
    """The events of other hosts; None if there are none."""
    return EventsElsewhere(settings, flags) if mirror_folders(settings) else None


@dataclass
class EventsElsewhere:
    """Events handed out by other hosts. ``flags`` are passed to the call there: ``--json``, ``--again``."""

    settings: Settings
    flags: tuple[str, ...] = ()
    answers: list[Answer] = field(default_factory=list)
    _asked: dict[str, tuple[float, frozenset[tuple[str, ...]]]] = field(default_factory=dict)

    @property
    def files(self) -> set[str]:
        """Files that change when there may be something new, by their real paths."""
        return {str(folder.resolve() / name) for folder in mirror_folders(self.settings) for name in MIRROR_FILES}

    @property
    def folders(self) -> list[Path]:
        return mirror_folders(self.settings)

    def at_work(self) -> bool:
        """Whether an agent elsewhere has not ended, as far as is known here."""
        return any(not agent.finished for agent in self.agents())

    def agents(self) -> list[Agent]:
        """All of them there, as far as is known here."""
        return [agent for view in mirrors(self.settings, time.time()) for agent in view.fleet.agents]

    def found(self) -> bool:
        """Whether a host has handed something out to us; it stays in ``answers`` until ``taken``."""
        for view in mirrors(self.settings, time.time()):
            if view.reachable and self._news(view):
                self._fetch(view)
        return bool(self.answers)

    def taken(self) -> list[Answer]:
        """What was handed out; now delivered, it is not handed out again."""
        told, self.answers = self.answers, []
        return told

    def _news(self, view: HostView) -> bool:
        """Whether something may wait there that was not asked for yet, or only long ago."""
        waiting = frozenset(
            (agent.key, str(agent.state), agent.notices.last)
            for agent in view.fleet.agents
            if (may_wait(agent) or agent.state in FOR_SOMEBODY) and not agent.finished
        )
        asked_at, known = self._asked.get(view.name, (0.0, frozenset()))
        again = time.monotonic() - asked_at >= self.settings.orchestrator_unseen_seconds
        if waiting and (again or not waiting <= known):
            self._asked[view.name] = (time.monotonic(), waiting)
            return True
        self._asked[view.name] = (asked_at, waiting)
        return False

    def _fetch(self, view: HostView) -> None:
        argv = ["wait-event", "--timeout", "0", *self.flags, HERE_ONLY]
        try:
            reply = call(self.settings, host_named(self.settings, view.name), argv, timeout=ASK_SECONDS)
        except FleetError:
            del self._asked[view.name]  # heard again, it is asked again
            return
        if reply.exit_code == EXIT_DONE and reply.stdout.strip():
            self.answers.append(Answer(view, reply))
