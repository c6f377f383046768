"""Sends the client's exit keys, each only while the screen shows the state it is for.

The keys are defined by each agent kind. If they have no effect, the client's process group gets a signal, once it is
proven to be the client of this very pane. No menu row is chosen."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import NoReturn

from fleetscripts.adapters.system.processes import Process, ProcessTable, read_processes
from fleetscripts.adapters.tmux.keyboard import press
from fleetscripts.agents.kind_facts import EndingKey, Shown
from fleetscripts.agents.kinds import kind_named, known_kinds
from fleetscripts.core.dialogs.dialog_policy import DialogContext, rule
from fleetscripts.core.planning.classify import AT_REST
from fleetscripts.core.planning.observation import Observation
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError, Refusal
from fleetscripts.models import DialogKind, PaneFacts, PaneState
from fleetscripts.services.observe.clients import find_client
from fleetscripts.services.observe.launching import still_launching
from fleetscripts.services.typing import input_box as drafts
from fleetscripts.services.typing.dialogs import Dialog, close_by, menu_on
from fleetscripts.services.typing.pane_io import PAUSE_SECONDS, PaneIO, excerpt, wait_for

MOST_KEYS = 8
"""Claude Code at a limit takes three: cancel waiting, ask to press again, exit."""

NOTICE_SECONDS = 1.0
"""For a key's effect to show on the screen; the clients take up to 0.2 s. Ctrl-C counts as double within a second."""

BETWEEN = frozenset({PaneState.UNKNOWN, PaneState.STARTING})
"""States that a pane may show between two screens, after a key."""

KEYS_SECONDS = 15.0
END_SECONDS = 5.0
"""After the last key or a signal; the clients take 0.1 s to write their files."""


@dataclass(frozen=True, slots=True)
class EndResult:
    """``facts``: the pane with its shell, None if the window closed. ``draft``: the unsent text in its box."""

    facts: PaneFacts | None
    how: str
    draft: str = ""


def end_client(
    pane_io: PaneIO,
    pane_id: str,
    *,
    states: frozenset[PaneState] = AT_REST,
    keep_draft: bool = False,
    by_force: bool = False,
    why: str = "",
) -> EndResult:
    """End the client in this pane; Refusal, with the pane's state, if that is not allowed now.

    ``states``: the allowed ones, checked before every key. ``keep_draft``: an unsent draft is taken out and returned;
    otherwise it refuses. ``by_force``: in any state; if no key is known, by a signal."""
    with pane_io.turn(pane_id):
        return _ClientExit(pane_io, pane_id, states, keep_draft, by_force, why).run()


OCCASIONS: Mapping[Shown, Callable[[Observation], bool]] = {
    Shown.LIMIT_MENU: lambda observation: (
        observation.box is None and observation.classification.dialog is DialogKind.LIMIT
    ),
    Shown.EMPTY_BOX: lambda observation: (
        observation.box is not None
        and observation.box.draft == ""
        and observation.classification.dialog is None
        and observation.classification.state in AT_REST
    ),
}
"""The pane's states in which a key applies."""


@dataclass
class _ClientExit:
    pane_io: PaneIO
    pane_id: str
    states: frozenset[PaneState]
    keep_draft: bool
    by_force: bool
    why: str
    draft: str = field(default="", init=False)
    keys: int = field(default=0, init=False)

    def run(self) -> EndResult:
        deadline = time.monotonic() + KEYS_SECONDS
        while time.monotonic() < deadline and self.keys < MOST_KEYS:
            observation = self.pane_io.look(self.pane_id)
            if observation is None:
                return self._ended(None, "its window closed with it")
            facts, said = observation.frame.facts, observation.classification
            if said.state is PaneState.IDLE:
                if not still_launching(facts):
                    return self._ended(facts, "by its keys" if self.keys else "it had ended")
                time.sleep(PAUSE_SECONDS)
                continue
            if said.dialog is DialogKind.EXIT:
                self._stay(observation)
            self._permitted(observation)
            self._take_out_draft(observation)
            key = _key(observation)
            if key is not None:
                self._press(observation, key)
            elif self.keys or self.draft:
                time.sleep(PAUSE_SECONDS)  # between two screens: the next look tells
            else:
                break
        return self._by_signal()

    def _permitted(self, observation: Observation) -> None:
        """Refuse if the client's state is no longer an allowed one: it may have continued by itself."""
        said, window = observation.classification, observation.frame.facts.window
        if self.by_force or said.state in self.states or (self.keys and said.state in BETWEEN):
            return
        raise Refusal(f"{window}: expected it at {_names(self.states)}, it is {said.state} ({said.reason})")

    def _stay(self, observation: Observation) -> NoReturn:
        """Something that runs behind the client would end with it: leave the client as it was."""
        menu, window = menu_on(observation.frame), observation.frame.facts.window
        ruling = rule(DialogKind.EXIT, menu, DialogContext())
        if menu is not None and ruling.row is not None:
            close_by(self.pane_io, Dialog(observation, DialogKind.EXIT, menu, ruling), menu, ruling.row)
            self.pane_io.journal.write("end-given-up", window=window, why=ruling.reason, pane_id=self.pane_id)
        raise Refusal(f"{window}: background work is running: it is ended when that is over")

    def _take_out_draft(self, observation: Observation) -> None:
        if observation.box is None or not observation.box.draft:
            return
        if not self.keep_draft and not self.by_force:
            shown = " ".join(observation.box.draft.split())[:60]
            raise Refusal(f"{observation.frame.facts.window}: its input box holds an unsent draft ({shown!r})")
        frame = self.pane_io.screen(self.pane_id)
        self.draft += drafts.taken_out(self.pane_io, kind_named(observation.kind), self.pane_id, frame)

    def _press(self, observation: Observation, key: EndingKey) -> None:
        facts = observation.frame.facts
        about = {"pane_id": self.pane_id, "key": key.key, "shows": key.shows}
        self.pane_io.journal.write("end-intended", window=facts.window, why=self.why, **about)
        pressed = press(self.pane_io.tmux, self.pane_io.guard(observation.frame, kind_named(observation.kind)), key.key)
        self.pane_io.journal.write("end-pressed" if pressed else "end-not-pressed", window=facts.window, **about)
        if pressed:
            self.keys += 1
            wait_for(lambda: self._moved(observation), NOTICE_SECONDS)

    def _moved(self, before: Observation) -> bool:
        frame = self.pane_io.tmux.read(self.pane_id, styled=True)
        return frame is None or frame.facts.command != before.frame.facts.command or frame.lines != before.frame.lines

    def _by_signal(self) -> EndResult:
        """SIGTERM, then SIGKILL to its process group; refused if keys were not tried and force is not intended."""
        observation = self.pane_io.look(self.pane_id)
        if observation is None:
            return self._ended(None, "its window closed with it")
        facts, said = observation.frame.facts, observation.classification
        if not self.keys and not self.by_force:
            raise Refusal(f"{facts.window}: no known key ends it in this state: {said.state} ({said.reason})")
        self._permitted(observation)
        for number in (signal.SIGTERM, signal.SIGKILL):
            client = self._group(facts)
            if client is None:
                break
            about = {"pane_id": self.pane_id, "pid": client.pid, "signal": number.name}
            self.pane_io.journal.write(
                "end-signalled", window=facts.window, why=self.why or "keys did nothing", **about
            )
            _signal_group(client, number)
            if wait_for(self._shell_stands, END_SECONDS):
                return self._ended(self.pane_io.screen(self.pane_id).facts, f"by {number.name}")
        if self._shell_stands():
            return self._ended(self.pane_io.screen(self.pane_id).facts, "by its keys")
        raise FleetError(f"{facts.window}: its client does not end: {excerpt(self.pane_io.screen(self.pane_id))}")

    def _group(self, facts: PaneFacts) -> Process | None:
        """The listing is not of one instant: a process just started may be missing."""
        deadline = time.monotonic() + NOTICE_SECONDS
        while (client := client_group(read_processes(), facts, time.time())) is None:
            if time.monotonic() >= deadline:
                return None
            time.sleep(PAUSE_SECONDS)
        return client

    def _shell_stands(self) -> bool:
        observation = self.pane_io.look(self.pane_id)
        if observation is None:
            raise FleetError(f"pane {self.pane_id} closed as its client was ended")
        return observation.classification.state is PaneState.IDLE and not still_launching(observation.frame.facts)

    def _ended(self, facts: PaneFacts | None, how: str) -> EndResult:
        window = facts.window if facts is not None else ""
        self.pane_io.journal.write("ended", window=window, why=self.why, pane_id=self.pane_id, how=how)
        return EndResult(facts, how, self.draft)


def client_group(table: ProcessTable, facts: PaneFacts, now: float) -> Process | None:
    """The pane's client, if it leads or belongs to a process group of its own, entirely below the pane."""
    client = find_client(table, facts, known_kinds(), now).client
    process = table.by_pid.get(client.pid) if client is not None else None
    first = table.by_pid.get(facts.pid)
    if client is None or process is None or first is None or process.start_ticks != client.start_ticks:
        return None
    below = {found.pid for found in table.tree(facts.pid)}
    group = [found for found in table.by_pid.values() if found.group == process.group]
    members = {found.pid for found in group if not found.status.startswith("Z")}
    alone = process.group not in (first.group, os.getpgrp()) and process.group > 1
    return process if alone and members <= below else None


def _signal_group(client: Process, number: signal.Signals) -> None:
    """Only while it is still the process that was looked at."""
    seen = read_processes().by_pid.get(client.pid)
    if seen is None or (seen.start_ticks, seen.group) != (client.start_ticks, client.group):
        return
    try:
        os.killpg(client.group, number)
    except ProcessLookupError:
        return


def _key(observation: Observation) -> EndingKey | None:
    return next((key for key in kind_named(observation.kind).ending if OCCASIONS[key.shows](observation)), None)


def _names(states: frozenset[PaneState]) -> str:
    return " or ".join(sorted(states))
