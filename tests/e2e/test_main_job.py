"""The main job, end to end, on the practice agent and on the real Claude Code (a scripted model, loopback alone)."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

from tests.e2e.conftest import on_codex_too
from tests.e2e.crew import Crew
from tests.waiting import wait_until

BRIEFING = "\n".join(
    [
        "Improve the parser. Every line below must arrive as it is. [[say Understood.]]",
        *(
            f"{number:02d} 'single' \"double\" `date` $(touch /tmp/never-{number}) #{{pane_id}} \\n %H ; ü ✳ 漢 🚀 -x"
            for number in range(1, 58)
        ),
        "- a line that begins with a dash",
        "the last line",
    ]
)


@on_codex_too
def test_a_briefing_of_sixty_lines_arrives_intact(crew: Crew) -> None:
    assert BRIEFING.count("\n") == 59
    window = crew.spawn("feat/briefing", BRIEFING, "--step", "implement")
    agent = crew.agent(window)
    assert (agent["state"], agent["branch"], agent["steps"]) == ("running", "feat/briefing", ["implement"])
    users = wait_until(lambda: crew.said(window, "user"), what="the message in the transcript")
    assert BRIEFING in users[0]
    assert users[0].count("the last line") == 1
    crew.wait_for_words(window, "Understood.")
    assert not list(Path("/tmp").glob("never-*"))


def test_start_up_dialogs_are_answered(crew: Crew) -> None:
    """Folder and mode have never been accepted in this home: only answered dialogs lead to an answer."""
    window = crew.spawn("feat/dialogs", "[[say Hello.]]")
    crew.wait_for_words(window, "Hello.")
    journal = (crew.stage.folder / "fleet" / "events.jsonl").read_text(encoding="utf-8")
    events = [json.loads(line) for line in journal.splitlines()]
    assert [event for event in events if "dialog" in json.dumps(event)]
    assert not [record for record in crew.transcript(window) if "No, exit" in json.dumps(record)]


def test_a_briefing_that_names_the_marks_completes_nothing(crew: Crew) -> None:
    window = crew.spawn(
        "feat/marks", "Say\nCHECKPOINT:one\nand then\nORCHESTRATOR:DONE\nwhen done. [[say Not yet.]]", "--step", "one"
    )
    crew.wait_for_words(window, "Not yet.")
    assert crew.run("poll-cycle").returncode == 0
    agent = crew.agent(window)
    assert agent["checkpoints"] == []
    assert agent["state"] == "running"


def test_marks_are_read_though_they_have_scrolled_away(crew: Crew) -> None:
    long = "\n".join(str(number) for number in range(120))
    window = crew.spawn(
        "feat/scroll",
        f"[[checkpoint one]] [[lines 150]] [[checkpoint two]] [[say ORCHESTRATOR:DONE\n\n{long}\nend]]",
        "--step", "one", "--step", "two",
    )  # fmt: skip
    crew.wait_for_words(window, "ORCHESTRATOR:DONE")
    pane = crew.agent(window)["pane_id"]
    wait_until(lambda: "119" in (crew.stage.tmux("capture-pane", "-p", "-t", pane) or ""), what="the end on the screen")
    assert "CHECKPOINT" not in (crew.stage.tmux("capture-pane", "-p", "-t", pane) or "")
    wait_until(lambda: polled(crew, window) == ["one", "two"], 20, "the checkpoints")
    wait_until(lambda: polled(crew, window) and crew.agent(window)["state"] == "complete", 20, "completion")


def polled(crew: Crew, window: str) -> list[str]:
    done = crew.run("poll-cycle")
    assert done.returncode == 0, done.stderr
    assert isinstance(json.loads(done.stdout), list)
    checkpoints: list[str] = crew.agent(window)["checkpoints"]
    return checkpoints


@on_codex_too
def test_a_killed_client_is_resumed_in_its_conversation(crew: Crew) -> None:
    window = crew.spawn("feat/killed", "Remember the word cobalt. [[say Remembered.]]")
    crew.wait_for_words(window, "Remembered.")
    session = crew.agent(window)["session_id"]
    first = wait_until(lambda: crew.pid(window), what="the client's process")
    folder = Path(f"/proc/{first}/cwd").readlink()
    os.kill(first, signal.SIGKILL)
    crew.start_loop()
    second = wait_until(lambda: (pid := crew.pid(window)) and pid != first and pid, 40, "a resume")
    assert Path(f"/proc/{second}/cwd").readlink() == folder
    pane = crew.agent(window)["pane_id"]
    wait_until(
        lambda: "cobalt" in (crew.stage.tmux("capture-pane", "-p", "-t", pane) or ""), what="the old conversation"
    )
    wait_until(lambda: crew.agent(window)["state"] == "running", 20, "the record to say so")
    sent = wait_until(lambda: sent_ok(crew, window), 30, f"a message that is taken\n{crew.screens()}")
    assert "proof" in sent
    crew.wait_for_words(window, "Back again.")
    assert "cobalt" in crew.said(window, "user")[0]
    assert crew.agent(window)["session_id"] == session


def sent_ok(crew: Crew, window: str) -> str:
    done = crew.run("send-agent", window, "Go on. [[say Back again.]]")
    return done.stdout if done.returncode == 0 else ""


WORK = "[[write notes/one.txt A first note]] [[commit Add a note]] [[push]] [[checkpoint implement]] [[done]]"


@on_codex_too
def test_work_is_verified_and_its_worktree_recycled(crew: Crew) -> None:
    window = crew.spawn("feat/work", f"Add a note. [[say Planning.]]\n{WORK}", "--step", "implement")
    crew.wait_for_words(window, "ORCHESTRATOR:DONE")
    path = crew.agent(window)["worktree_path"]
    wait_until(lambda: polled(crew, window) == ["implement"], 20, "the checkpoint")
    verdict = crew.run("verify-complete", window)
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr
    recycled = crew.run("recycle-agent", window, path, "spare/1")
    assert recycled.returncode == 0, recycled.stdout + recycled.stderr
    assert crew.agent(window)["state"] == "recycled"
    assert crew.stage.tmux("list-panes", "-t", window) is None
    assert f"{path} spare/1" in crew.run("find-spare", str(crew.playground.repository)).stdout.splitlines()


def test_unfinished_work_is_neither_verified_nor_recycled(crew: Crew) -> None:
    window = crew.spawn("feat/unfinished", "[[write notes/two.txt Not committed]] [[done]]", "--step", "implement")
    crew.wait_for_words(window, "ORCHESTRATOR:DONE")
    agent = crew.agent(window)
    assert crew.run("verify-complete", window).returncode == 3
    assert crew.run("recycle-agent", window, agent["worktree_path"], agent["spare_branch"]).returncode == 3
    assert crew.stage.tmux("list-panes", "-t", agent["pane_id"]) is not None
    forced = crew.run("recycle-agent", window, agent["worktree_path"], agent["spare_branch"], "--force")
    assert forced.returncode == 0, forced.stderr
    ref = next(word for word in forced.stdout.split() if word.startswith("refs/fleet/rescue/"))
    shown = crew.run_git("show", "--stat", ref)
    assert "notes/two.txt" in shown
