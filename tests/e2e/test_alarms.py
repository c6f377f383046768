"""A real client that has set itself to be woken waits by itself until then: nobody nudges it."""

from __future__ import annotations

import json
import time

import pytest

from tests.e2e.conftest import CLAUDE
from tests.e2e.crew import Crew
from tests.e2e.quick import heartbeat
from tests.waiting import wait_until

EVERY_HALF_HOUR = json.dumps({"cron": "*/30 * * * *", "prompt": "Look again.", "recurring": True})
IN_TWENTY_MINUTES = json.dumps({"delaySeconds": 1200, "prompt": "Look again.", "reason": "CI runs"})

ALARMS = {
    "CronCreate": f"Do it. [[tool CronCreate {EVERY_HALF_HOUR}]] [[say Set.]]",
    "ScheduleWakeup": f"Do it. [[tool ScheduleWakeup {IN_TWENTY_MINUTES}]] [[say Set.]]",
    "none": "Do it. [[say Set.]]",
}
LOOP = f"/loop 30m [[tool CronCreate {EVERY_HALF_HOUR}]] [[say Looped.]]"


@pytest.mark.stress
@pytest.mark.parametrize("crew", [CLAUDE], indirect=True)
def test_who_has_set_itself_to_be_woken_waits_by_itself(crew: Crew) -> None:
    windows = {name: crew.spawn(f"feat/{name}", script) for name, script in ALARMS.items()}
    for window in windows.values():
        crew.wait_for_words(window, "Set.")
        wait_until(lambda window=window: crew.resting(window), what="the end of its turn")
    assert crew.run("update-agent", "--top", "idle_threshold_seconds=1").returncode == 0

    def proposed() -> set[str]:
        return {action["window"] for action in json.loads(crew.run("poll-cycle").stdout)}

    wait_until(lambda: windows["none"] in proposed(), 30, lambda: f"the one that waits for nothing\n{crew.screens()}")
    for name in ("CronCreate", "ScheduleWakeup"):
        assert windows[name] not in proposed(), name
        assert 0 < crew.agent(windows[name])["seen"]["wakes_at"] - time.time() <= 1860, name
    waiting = {item["window"]: item["what"] for item in heartbeat(crew)["waiting"]}
    assert set(waiting) == {windows["CronCreate"], windows["ScheduleWakeup"]}
    assert all("it wakes at" in what for what in waiting.values()), waiting

    done = crew.run("send-agent", windows["none"], LOOP)
    assert done.returncode == 0, done.stdout + done.stderr
    crew.wait_for_words(windows["none"], "Looped.")
    wait_until(lambda: crew.resting(windows["none"]), what="the end of its turn")
    wait_until(lambda: proposed() == set(), 30, lambda: f"nobody to be nudged\n{crew.screens()}")
    assert crew.agent(windows["none"])["seen"]["wakes_at"] > time.time()
    assert windows["none"] in {item["window"] for item in heartbeat(crew)["waiting"]}
