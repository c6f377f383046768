"""Reads a screen: finds its structure, asks the rules in order, returns evidence.

From the top: a live input box with a busy line above it or a busy footer is a turn in progress; a box with unsent text
is a prompt, whatever older message is above; then how the last turn ended; then the empty box. Without a box something
else is shown there: a dialog, if a rule knows it. All else is ``unknown``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import tzinfo

from fleetscripts.core.screen.rules import Rule, RuleSet
from fleetscripts.core.screen.screen import ClientScreens, Layout, Region, Screen, region_of
from fleetscripts.core.screen.shell_layout import launch_line_last, launched_to_resume, shell_layout
from fleetscripts.dataclass import dataclass
from fleetscripts.models import Evidence, PaneState, Source

SHELL = "shell"
"""The name of the rules for shells."""

# What is in the foreground while a client known by other means is being started.
_LAUNCHERS = frozenset({"node", "env"})
# Clients whose prompt is marked so leave an interrupted prompt in the conversation.
_NEVER_PUTS_BACK = frozenset({">", "›"})
_DIED = frozenset({PaneState.RATE_LIMITED, PaneState.API_ERROR})


@dataclass(frozen=True, slots=True)
class Reading:
    """The screen's own evidence, the title's when it adds any, and the structure they came from.

    ``above``: a digest of what stands above the input box; a status line below it has a clock of its own."""

    agent: str
    screen: Evidence
    title: Evidence | None = None
    layout: Layout = field(default_factory=Layout)
    above: str = ""

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """Both pieces, the title's first."""
        return (self.title, self.screen) if self.title else (self.screen,)


@dataclass(frozen=True, slots=True)
class Reader:
    """The rules of every agent kind (the first is the default for an unmarked screen) and of shells; the time of the
    look, and the time zone that clients use."""

    rules: Mapping[str, RuleSet]
    now: float
    zone: tzinfo

    def read(self, screen: Screen, agent: str = "auto", command: str = "") -> Reading:
        """Read one screen. ``command``: the foreground command by tmux, empty if not asked."""
        told = agent in self.clients
        agent = agent if told else self._agent_of(screen, command)
        reading = self._read_as(screen, agent, command, told)
        if told or command in self.programs or reading.screen.state is not PaneState.UNKNOWN:
            return reading
        differing = (name for name in self.clients if self.rules[name].rules != self.rules[agent].rules)
        others = (self._read_as(screen, other, command, told) for other in differing)
        return next((other for other in others if other.screen.state is not PaneState.UNKNOWN), reading)

    @property
    def clients(self) -> Mapping[str, ClientScreens]:
        """How each kind's screens are read, in the order of the rules."""
        return {name: rules.screens for name, rules in self.rules.items() if rules.screens is not None}

    @property
    def programs(self) -> frozenset[str]:
        """Foreground names that identify a client."""
        return frozenset().union(*(client.programs for client in self.clients.values()))

    def _agent_of(self, screen: Screen, command: str) -> str:
        """Which client drew the screen: by its program's name if that is unique, else by marks that only one has."""
        first, *others = self.clients
        known = next((name for name, client in self.clients.items() if command in client.programs), None)
        texts = screen.texts
        return known or next((name for name in others if self.clients[name].looks_like(texts)), first)

    def _read_as(self, screen: Screen, agent: str, command: str, told: bool) -> Reading:
        rules = self.rules[agent]
        layout = self.clients[agent].layout(screen, rules.finds)
        look = _Look(self, rules, screen, layout, command, told)
        found = look.box() if layout.box else look.no_box()
        return Reading(agent, found, look.title(found), layout)


@dataclass(frozen=True, slots=True)
class _Look:
    reader: Reader
    rules: RuleSet
    screen: Screen
    layout: Layout
    command: str
    told: bool

    def box(self) -> Evidence:
        """A live input box at the bottom: busy, ended in some way, or waiting for input."""
        if not self.command and (shell := self._shell_in_box()):
            return shell
        over = self._match(PaneState.WAITING_APPROVAL, "above_box", "footer")
        if over:
            return self._said(over, over.note or over.name)
        busy = self._match(PaneState.RUNNING, "above_box", "mode_line", "footer")
        if busy:
            return self._said(busy, f"{busy.note or busy.name} above the input box")
        lost = self._match(PaneState.API_ERROR, "above_box")
        if lost:
            return self._said(lost, lost.note or lost.name)
        wall = self._match(PaneState.RATE_LIMITED, "footer", "notice")
        if wall:
            return self._said(wall, wall.note or wall.name, self.layout.region("footer").flat)
        loading = self._match(PaneState.STARTING, "footer")
        if loading and not self.layout.region("last_message"):
            return self._said(loading, loading.note or loading.name)
        if self._draft() and self._may_be_put_back():
            return self._evidence(PaneState.PROMPT, "an input box with unsent text at the bottom")
        for name in ("last_message", "last_line"):
            rule = self.rules.first(name, self.layout.region(name))
            if rule and not (rule.state in _DIED and self._fresh()):
                return self._said(rule, rule.note or rule.name, self.layout.region(name).flat)
        if self.layout.unfinished:
            growing = PaneState.RUNNING if self.layout.marks_ends else PaneState.UNKNOWN
            return self._evidence(growing, "an input box, but the agent's last message lacks the end of its turn")
        return self._evidence(PaneState.PROMPT, "an empty input box at the bottom, nothing busy above it")

    def no_box(self) -> Evidence:
        """No live input box: a shell's prompt (if the command is unknown), a dialog, a client that is starting."""
        if not self.command and not self._starting() and (shell := self._shell()):
            return shell
        region = self.layout.region("dialog")
        rule = self.rules.first_of(self.layout.regions)
        if rule:
            return self._said(rule, rule.note or rule.name, region.flat)
        title = self._title_rule()
        if region and title and title.state is PaneState.WAITING_APPROVAL:
            return self._said(title, f"{title.note or title.name}, no input box on the screen")
        if self._starting():
            return self._evidence(PaneState.STARTING, "the client has drawn nothing yet")
        what = "no known dialog is shown in its place" if region else "no dialog either"
        return self._evidence(PaneState.UNKNOWN, f"no input box at the bottom, {what}")

    def title(self, found: Evidence) -> Evidence | None:
        """The title counts if a live box is drawn: a dead client's title stays."""
        rule = self._title_rule() if self.layout.box else None
        if rule is None or rule.state is found.state:
            return None
        return Evidence(Source.TITLE, rule.state, rule.note or rule.name, dialog=rule.dialog, rule=rule.name)

    def _title_rule(self) -> Rule | None:
        return next((rule for rule in self.rules.by_region["title"] if rule.matches(_line(self.screen.title))), None)

    def _shell(self) -> Evidence | None:
        rules = self.reader.rules[SHELL]
        layout = shell_layout(self.screen.texts, self.layout.region("dialog").lines)
        for name in ("bottom", "left_edge"):
            rule = rules.first(name, layout.region(name))
            if rule:
                return self._said(rule, rule.note or rule.name)
        return None

    def _shell_in_box(self) -> Evidence | None:
        """A shell's prompt in the box of a client that was asked to exit: the box is a remnant."""
        box = self.layout.box
        if box is None or not self.rules.finds("ending", self.layout.region("footer").flat):
            return None
        rule = self.reader.rules[SHELL].first("in_box", region_of(box.draft.splitlines()[:1]))
        return self._said(rule, rule.note or rule.name) if rule else None

    def _starting(self) -> bool:
        """A client in the foreground, and a screen that is empty or ends with the shell's line that started it."""
        if launch_line_last(self.screen, self.reader.programs):
            return self.told or not self.command or self.command in self.reader.programs
        known = self.command in self.reader.programs or (self.told and self.command in _LAUNCHERS)
        return known and not any(self.screen.texts)

    def _match(self, state: PaneState, *regions: str) -> Rule | None:
        for name in regions:
            region = self.layout.region(name)
            for rule in self.rules.by_region.get(name, ()):
                if rule.state is state and rule.matches(region):
                    return rule
        return None

    def _draft(self) -> str:
        box = self.layout.box
        if box is None or not box.draft:
            return ""
        return "" if self.rules.finds("suggestion", " ".join(box.draft.split())) else box.draft

    def _may_be_put_back(self) -> bool:
        """Whether an interrupt puts the prompt's text back into the box: the message above is then the one before."""
        return self.layout.box is not None and self.layout.box.mark not in _NEVER_PUTS_BACK

    def _fresh(self) -> bool:
        """Whether nothing may have been sent since the client started: limits and errors shown are then old."""
        if launched_to_resume(self.screen.texts, self.reader.programs):
            return True
        box = self.layout.box
        return box is not None and self.rules.finds("fresh", " ".join((box.suggestion or box.draft).split()))

    def _besides(self, of_kind: Callable[[Rule], bool]) -> bool:
        """Whether a rule of this kind matches text around the box, apart from the turn's state."""
        for name in ("footer", "above_box", "notice"):
            region = self.layout.region(name)
            if any(of_kind(rule) and rule.matches(region) for rule in self.rules.by_region.get(name, ())):
                return True
        return False

    def _said(self, rule: Rule, reason: str, text: str = "") -> Evidence:
        resets = None
        if rule.state is PaneState.RATE_LIMITED:
            from fleetscripts.core.screen.reset_time import (
                reset_instant,  # time zones load slowly and are seldom needed
            )

            above = " ".join(self.screen.texts[-60:]) if self.layout.box is None else ""
            everything = f"{self.layout.region('last_message').flat} {text} {above}"
            resets = reset_instant(everything, self.reader.now, self.reader.zone)
        return self._evidence(rule.state or PaneState.UNKNOWN, reason, rule, resets)

    def _evidence(
        self, state: PaneState, reason: str, rule: Rule | None = None, resets: float | None = None
    ) -> Evidence:
        return Evidence(
            Source.SCREEN,
            state,
            reason,
            dialog=rule.dialog if rule else None,
            error=rule.error if rule else None,
            resets_at=resets,
            draft=self._draft() or None,
            background=self._besides(lambda rule: rule.background),
            spends=self._besides(lambda rule: rule.spends),
            rule=rule.name if rule else None,
        )


def _line(text: str) -> Region:
    return Region((text,), text.strip())
