"""Windows, the tmux server, the client's process: whatever goes, the agents come back on their own conversations."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from fleetscripts.practice.stage import _alive
from tests.e2e.conftest import on_codex_too, program_of
from tests.e2e.crew import Crew, crew_on
from tests.practice.real_codex import real_stage
from tests.waiting import wait_until

CONFIG = "notify_desktop = false\n"
MOST_SECONDS = 60.0


@pytest.fixture
def crew(request: pytest.FixtureRequest) -> Iterator[Crew]:
    """Agents of one kind, on a stage whose namespace outlasts its tmux server. ``param``: kind, or kind and spares."""
    kind, spares = request.param if isinstance(request.param, tuple) else (request.param, 3)
    with crew_on(lambda folder: real_stage(folder, program_of(kind)), spares, CONFIG) as made:
        made.stage.keep_enclosed()
        try:
            yield made
        finally:
            (made.stage.folder / "port.keep").unlink(missing_ok=True)


def state(crew: Crew) -> list[dict[str, Any]]:
    agents: list[dict[str, Any]] = json.loads((crew.stage.folder / "state.json").read_text(encoding="utf-8"))["agents"]
    return agents


def spawn_all(crew: Crew, objectives: dict[str, str]) -> list[str]:
    """Agents on these branches, begun side by side; their windows."""
    common = ["--session", "fleet", "--repo", str(crew.playground.repository), "--agent", crew.stage.kind]
    begun = [
        subprocess.Popen(
            crew._argv("spawn-agent", (*common, "--branch", branch, "--objective", objective)),
            env=crew.stage.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for branch, objective in objectives.items()
    ]
    said = [process.communicate(timeout=120) for process in begun]
    assert all(process.returncode == 0 for process in begun), f"{said}\n{crew.screens()}"
    return [out.strip() for out, _ in said]


def restore(crew: Crew, *arguments: str, claude: bool = False) -> subprocess.CompletedProcess[str]:
    """restore-agent as a person calls it, or as Claude does; the tmux server that it may start finds the model."""
    port = crew.stage.folder / "port"
    model = {"ANTHROPIC_BASE_URL": f"http://127.0.0.1:{port.read_text()}"} if port.exists() else {}
    return subprocess.run(
        crew.stage.inside(crew._argv("restore-agent", arguments)),
        env={**crew.stage.environment(), **model, **({"CLAUDECODE": "1"} if claude else {})},
        cwd=crew.playground.repository,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def lose_the_server(crew: Crew) -> None:
    pids = crew.stage._on_terminals()
    crew.stage.tmux("kill-server")
    wait_until(lambda: crew.stage.tmux("list-sessions") is None, 20, "the server's end")
    wait_until(lambda: not any(_alive(pid) for pid in pids), 20, "the clients' end")


def live_sessions(crew: Crew) -> Counter[str]:
    """How many live clients each conversation has, by the clients' own registry."""
    found: Counter[str] = Counter()
    for path in (crew.stage.home / ".claude" / "sessions").glob("*.json"):
        try:
            entry = json.loads(path.read_text(encoding="utf-8") or "{}")
        except FileNotFoundError:  # its client has just ended
            continue
        if _alive(entry.get("pid", 0)):
            found[entry["sessionId"]] += 1
    return found


@on_codex_too
def test_all_come_back_on_their_own_conversations_after_the_tmux_server_went(crew: Crew) -> None:
    words = {f"feat/{name}": name for name in ("amber", "cobalt", "jade")}
    objectives = {branch: f"Remember {word}. [[say Remembered {word}.]]" for branch, word in words.items()}
    for branch, window in zip(words, spawn_all(crew, objectives), strict=True):
        crew.wait_for_words(window, f"Remembered {words[branch]}.")
    before = {agent["branch"]: agent for agent in state(crew)}
    lose_the_server(crew)

    refused = restore(crew, "--all", claude=True)
    assert refused.returncode == 3, refused.stdout + refused.stderr
    assert f"tmux -L {crew.stage.socket} new-session -d -s fleet" in refused.stderr
    assert crew.stage.tmux("list-sessions") is None

    begun = time.monotonic()
    done = restore(crew, "--all")
    seconds = time.monotonic() - begun
    print(f"3 {crew.stage.kind} agents restored in {seconds:.1f} s")
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{crew.screens()}"
    assert done.stdout.splitlines()[-1] == "3 restored"
    after = {agent["branch"]: agent for agent in state(crew)}
    for branch, agent in after.items():
        assert agent["session_id"] == before[branch]["session_id"]
        assert agent["tmux_server"] != before[branch]["tmux_server"]
        assert agent["window"].startswith("fleet:")
        pane = crew.stage.tmux("display-message", "-p", "-t", agent["pane_id"], "#{session_name}:#{window_index}")
        assert pane == agent["window"]
        assert f"Remembered {words[branch]}." in (crew.stage.tmux("capture-pane", "-p", "-t", agent["pane_id"]) or "")
    assert len({agent["pane_id"] for agent in after.values()}) == 3
    assert seconds < MOST_SECONDS

    again = restore(crew, "--all", claude=True)
    assert (again.returncode, again.stdout.splitlines()[-1]) == (0, "3 standing"), again.stdout + again.stderr
    if crew.stage.kind != "codex":
        assert live_sessions(crew) == Counter(agent["session_id"] for agent in after.values())


practice = pytest.mark.parametrize("crew", ["practice"], indirect=True)


@practice
def test_a_closed_window_an_ended_client_and_a_moved_one_each_get_what_they_need(crew: Crew) -> None:
    names = ("closed", "ended", "moved")
    closed, ended, moved = spawn_all(crew, {f"feat/{name}": "[[say Hello.]]" for name in names})
    for window in (closed, ended, moved):
        crew.wait_for_words(window, "Hello.")
    records = {agent["branch"]: agent for agent in state(crew)}
    crew.stage.tmux("kill-window", "-t", records["feat/closed"]["window_id"])
    os.kill(crew.registry(records["feat/ended"]["session_id"])["pid"], 9)
    wait_until(lambda: not live_sessions(crew)[records["feat/ended"]["session_id"]], what="its end")
    crew.run("update-agent", moved, "window=fleet:99")
    done = restore(crew, "--all", claude=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "3 restored"
    after = {agent["branch"]: agent for agent in state(crew)}
    assert after["feat/closed"]["pane_id"] != records["feat/closed"]["pane_id"]
    assert after["feat/ended"]["pane_id"] == records["feat/ended"]["pane_id"]
    assert after["feat/moved"]["pane_id"] == records["feat/moved"]["pane_id"]
    assert after["feat/moved"]["window"] == moved
    assert all(agent.get("kicks", 0) == 0 for agent in after.values())
    assert live_sessions(crew) == Counter(agent["session_id"] for agent in after.values())


@practice
def test_what_a_person_stopped_stays_stopped_until_it_is_named(crew: Crew) -> None:
    window = crew.spawn("feat/held", "[[say Hello.]]")
    crew.wait_for_words(window, "Hello.")
    assert crew.run("update-agent", window, "hold.reason=a person stopped it").returncode == 0
    os.kill(crew.registry(crew.agent(window)["session_id"])["pid"], 9)
    wait_until(lambda: not live_sessions(crew), what="its end")
    everyone = restore(crew, "--all")
    assert (everyone.returncode, live_sessions(crew).total()) == (0, 0), everyone.stdout + everyone.stderr
    assert "left as it is: a person stopped it" in everyone.stdout
    named = restore(crew, window)
    assert (named.returncode, live_sessions(crew).total()) == (0, 1), named.stdout + named.stderr
    assert crew.agent(window).get("held", "") == ""


@practice
def test_a_conversation_that_is_open_elsewhere_is_refused(crew: Crew) -> None:
    window = crew.spawn("feat/elsewhere", "[[say Hello.]]")
    crew.wait_for_words(window, "Hello.")
    agent = crew.agent(window)
    crew.stage.tmux("kill-window", "-t", agent["window_id"])
    wait_until(lambda: not live_sessions(crew), what="the client's end")
    other = ["tmux", "-L", f"{crew.stage.socket}-2", "-f", "/dev/null"]
    client = [str(crew.stage.folder / "bin" / "practice"), "--resume", agent["session_id"]]
    environment = crew.stage.environment()
    subprocess.run(
        [*other, "new-session", "-d", "-c", agent["worktree_path"], *client], env=environment, check=True, timeout=20
    )
    try:
        wait_until(lambda: live_sessions(crew), 20, "the other client")
        refused = restore(crew, window)
        assert refused.returncode == 3, refused.stdout + refused.stderr
        assert "its conversation is open in a terminal outside this tmux (practice, pid" in refused.stderr
        assert crew.run("run-loop", "--once").returncode == 0
        assert crew.agent(window)["pane_id"] == agent["pane_id"]
    finally:
        subprocess.run([*other, "kill-server"], env=environment, check=False, timeout=20)
    wait_until(lambda: not live_sessions(crew), 20, "its end")
    back = restore(crew, window)
    assert back.returncode == 0, back.stdout + back.stderr
    assert restore(crew, "fleet:77").returncode == 1
    assert restore(crew).returncode == 2


@practice
def test_a_live_agent_whose_record_has_no_ids_gets_no_second_client(crew: Crew) -> None:
    window = crew.spawn("feat/seed", "[[say Hello.]]")
    crew.wait_for_words(window, "Hello.")
    path = crew.stage.folder / "state.json"
    fleet = json.loads(path.read_text())
    for name in ("pane_id", "window_id", "tmux_server", "session_id"):
        fleet["agents"][0].pop(name)
    path.write_text(json.dumps(fleet))
    done = restore(crew, "--all")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "1 standing"), done.stdout + done.stderr
    assert live_sessions(crew).total() == 1


@practice
def test_a_session_that_tmux_cannot_make_keeps_no_other_agent_back(crew: Crew) -> None:
    windows = spawn_all(crew, {"feat/odd": "[[say Hello.]]", "feat/even": "[[say Hello.]]"})
    for window in windows:
        crew.wait_for_words(window, "Hello.")
    lose_the_server(crew)
    path = crew.stage.folder / "state.json"
    fleet = json.loads(path.read_text())
    fleet["agents"][0]["window"] = "my.fleet:1"
    path.write_text(json.dumps(fleet))
    done = restore(crew, "--all")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "no tmux session can be called 'my.fleet'" in done.stdout
    assert done.stdout.splitlines()[-1] in ("1 failed, 1 restored", "1 restored, 1 failed")


@practice
@pytest.mark.parametrize("session_there", [True, False])
def test_two_restores_at_once_open_every_conversation_once(crew: Crew, session_there: bool) -> None:
    for window in spawn_all(crew, {f"feat/{name}": "[[say Hello.]]" for name in "abc"}):
        crew.wait_for_words(window, "Hello.")
    sessions = {agent["session_id"] for agent in state(crew)}
    lose_the_server(crew)
    argv = crew._argv("restore-agent", ("--all",))
    if session_there:
        crew.stage.tmux("-f", "/dev/null", "new-session", "-d", "-s", "fleet")
    both = [
        subprocess.Popen(argv, env=crew.stage.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=120) for process in both]
    assert all(process.returncode == 0 for process in both), f"whoever comes second waits for the first: {said}"
    wait_until(lambda: set(live_sessions(crew)) == sessions, 20, f"all of them: {said}")
    assert live_sessions(crew) == Counter(sessions), said


@pytest.mark.stress
@pytest.mark.parametrize("crew", [("practice", 20)], indirect=True)
def test_twenty_come_back_within_a_minute(crew: Crew) -> None:
    for group in range(0, 20, 5):
        objectives = {f"feat/{n}": f"Remember {n}. [[say Kept {n}.]]" for n in range(group, group + 5)}
        for number, window in enumerate(spawn_all(crew, objectives), start=group):
            crew.wait_for_words(window, f"Kept {number}.")
    sessions = {agent["branch"]: agent["session_id"] for agent in state(crew)}
    lose_the_server(crew)
    begun = time.monotonic()
    done = restore(crew, "--all")
    seconds = time.monotonic() - begun
    print(f"20 practice agents restored in {seconds:.1f} s")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "20 restored"
    assert {agent["branch"]: agent["session_id"] for agent in state(crew)} == sessions
    assert live_sessions(crew) == Counter(sessions.values())
    assert seconds < MOST_SECONDS
