"""What stands in the way of typing for long: a person is told once, the journal says it once, and it ends by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.e2e.crew import Crew
from tests.e2e.quick import quick_crew, run_loop, wait_for_cycles
from tests.waiting import wait_until

CONFIG = "idle_threshold_seconds = 2\nnudge_cooldown_seconds = 0\nnotify_desktop = false\n"


@pytest.fixture
def crew() -> Iterator[Crew]:
    with quick_crew(config=CONFIG) as made:
        yield made


def _events(crew: Crew, **wanted: str) -> list[dict[str, object]]:
    lines = (crew.stage.folder / "fleet" / "events.jsonl").read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    return [line for line in found if all(line.get(name) == value for name, value in wanted.items())]


def _proposed(crew: Crew, action: str) -> bool:
    return any(one["action"] == action for one in json.loads(crew.run("poll-cycle").stdout or "[]"))


@pytest.mark.parametrize("switch", ["select-pane -d -t PANE", "set-option -w -t PANE synchronize-panes on"])
def test_a_refusal_that_lasts_is_told_once_and_written_once(crew: Crew, switch: str) -> None:
    window = crew.spawn("feat/stops", "Paint it. [[say I stop here.]]")
    wait_until(lambda: crew.resting(window), what="its prompt")
    pane = crew.agent(window)["pane_id"]
    crew.stage.tmux(*switch.replace("PANE", pane).split())
    run_loop(crew)
    wait_until(lambda: _proposed(crew, "obstructed"), 40, "the decision")
    wait_for_cycles(crew, 6)
    assert len(_events(crew, event="send-refused")) == 1
    assert len(_events(crew, event="recovery-ended", action="nudge")) == 1
