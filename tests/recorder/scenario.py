"""Scenarios: functions that bring a client to a state and record it; each names the cases it may write."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tests.recorder.stage import Stage
from tests.recorder.terminal import NotReached


@dataclass(frozen=True)
class Scenario:
    """``wide``: also recorded where only the permission mode, the theme or the status line differs.

    ``own_start``: it starts the client itself; otherwise it is handed a client at its prompt.
    """

    run: Callable[[Any], None]
    names: tuple[str, ...]
    own_start: bool = False
    wide: bool = False
    modes: tuple[str, ...] = ()


_SCENARIOS: dict[str, list[Scenario]] = {}


def scenario(
    agent: str, *names: str, own_start: bool = False, wide: bool = False, modes: tuple[str, ...] = ()
) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """Register a scenario of an agent under the names of the cases it writes."""

    def register(run: Callable[[Any], None]) -> Callable[[Any], None]:
        _SCENARIOS.setdefault(agent, []).append(Scenario(run, names, own_start, wide, modes))
        return run

    return register


def scenarios(agent: str) -> list[Scenario]:
    """All scenarios of an agent, in the order in which they are played."""
    return _SCENARIOS[agent]


def play(stage: Stage, chosen: Iterable[Scenario], ready: Callable[[], None]) -> None:
    """Play scenarios one after the other; one that does not come about is noted and the next gets a fresh client."""
    for each in chosen:
        if not stage.options.wants(each.names) or (each.modes and stage.options.mode not in each.modes):
            continue
        before = len(stage.report.recorded)
        reason = ""
        stage.forget()
        try:
            if not each.own_start:
                ready()
            each.run(stage)
        except NotReached as error:
            reason = str(error).splitlines()[0][:300]
            stage.remember()
            if not each.own_start:
                stage.script.release()
                if stage.terminal.command() != "bash":
                    stage.terminal.kill_client()
        written = set(stage.report.recorded[before:])
        for name in each.names:
            if name not in written and stage.options.wants([name]):
                stage.report.missed[name] = reason or "this release does not show it"
                stage.keep_missed(name, stage.report.missed[name])
                print(f"  {stage.options.folder.name} {name}: MISSED {stage.report.missed[name]}", file=sys.stderr)
