"""integrate, end to end: who does not fit is told in its own window and mends it; the next call merges all."""

from __future__ import annotations

import json

import pytest

from tests.e2e.crew import Crew
from tests.waiting import wait_until


@pytest.mark.parametrize("crew", ["practice"], indirect=True)
def test_who_does_not_fit_is_told_in_its_window_and_fits_after_it_mended_that(crew: Crew) -> None:
    config = crew.stage.folder / "fleet" / "config.toml"
    config.parent.mkdir(mode=0o700, exist_ok=True)
    config.write_text("notify_desktop = false\nverify_command = '[ ! -e bad.txt ] || { echo bad is there; exit 3; }'\n")
    first = crew.spawn("feat/one", "[[write one.txt 1]] [[write list.txt one]] [[commit One]] [[done]]")
    second = crew.spawn("feat/two", "[[write bad.txt 2]] [[commit Two]] [[done]]")
    for window in (first, second):
        crew.wait_for_words(window, "ORCHESTRATOR:DONE")
        wait_until(lambda window=window: crew.resting(window), what="the end of its turn")
    found = crew.run("integrate", first, second, "--json")
    assert found.returncode == 3, found.stderr
    (came_out,) = json.loads(found.stdout)["repositories"]
    assert came_out["merged"] == ["feat/one"]
    (back,) = came_out["sent_back"]
    assert (back["branch"], back["told"]) == ("feat/two", "told (proof: transcript)")
    told = crew.said(second, "user")[-1]
    assert "```\nbad is there\n```" in told
    assert "feat/two" in told
    wait_until(lambda: crew.resting(second), what="the end of its turn")
    assert crew.run("send-agent", second, "[[bash git rm -q bad.txt]] [[commit Mend it]] [[done]]").returncode == 0
    wait_until(lambda: crew.run("integrate", first, second).returncode == 0, 30, "all to fit")
