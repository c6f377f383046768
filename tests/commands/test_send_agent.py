"""send-agent and answer-dialog on practice agents: sent with proof, or refused with the reason and nothing typed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.commands import answer_dialog, interrupt_agent, send_agent
from fleetscripts.config import load_settings
from fleetscripts.services.typing.outbox import INTENDED, UNSENT, Outbox
from fleetscripts.services.typing.pane_io import open_pane_io
from tests.adapters.test_keyboard import attached
from tests.places import TmuxServer
from tests.practice.stage import PracticePane
from tests.waiting import wait_until

BOX = "❯\xa0"


@pytest.fixture
def agent(tmux_server: TmuxServer, tmp_path: Path, home: Path) -> PracticePane:
    return PracticePane.in_fleet(tmux_server, tmp_path / "worktree", home / ".claude")


def send(agent: PracticePane, *words: str) -> int:
    return send_agent.main([agent.pane, *words])


def journal(home: Path) -> list[str]:
    lines = (home / "fleet" / "events.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["event"] for line in lines]


def test_a_text_arrives_with_proof(agent: PracticePane, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "\n".join(f'{number} "quoted" $(x) `y` #{{z}} ünïcode 漢字' for number in range(60))
    assert send(agent, f"{text} [[say done with it]]") == 0
    assert "proof: transcript" in capsys.readouterr().out
    assert text in agent.texts("user")[0]
    assert journal(home) == ["send-intended", "send-pasted", "send-entered", "send-confirmed"]
    agent.wait_for_status("idle")
    assert send(agent, "/exit") == 0
    assert agent.texts("user")[1] == "From the orchestrator:\n/exit ."


def test_a_text_comes_from_a_file_or_standard_input(agent: PracticePane, tmp_path: Path) -> None:
    file = tmp_path / "text"
    file.write_text("from a file\n", encoding="utf-8")
    assert send(agent, "--file", str(file)) == 0
    assert send(agent, "--file", str(tmp_path / "none")) == 2
    assert send(agent, "text", "--file", str(file)) == 2
    assert send(agent) == 2
    assert send(agent, " \x1b ") == 2
    assert agent.texts("user") == ["from a file"]


def test_a_busy_turn_is_refused_unless_queued(agent: PracticePane, capsys: pytest.CaptureFixture[str]) -> None:
    assert send(agent, "[[think 30]]") == 0
    agent.wait_for_status("busy")
    before = agent.bytes_read()
    assert send(agent, "another text") == 3
    assert "a turn is in progress" in capsys.readouterr().err
    assert agent.bytes_read() == before
    assert send(agent, "--queue", "for afterwards") == 0
    assert [record["content"] for record in agent.records() if record.get("operation") == "enqueue"] == [
        "for afterwards"
    ]


def test_a_dialog_and_a_shell_are_refused(agent: PracticePane, capsys: pytest.CaptureFixture[str]) -> None:
    agent.order("dialog permission")
    agent.wait_for("Do you want to proceed?")
    before = agent.bytes_read()
    assert send(agent, "yes of course") == 3
    assert "a permission dialog" in capsys.readouterr().err
    assert agent.bytes_read() == before
    agent.order("crash")
    wait_until(lambda: agent.server.show(agent.pane, "#{pane_current_command}") == "sh", what="the shell")
    assert send(agent, "touch evil") == 3
    assert "a shell" in capsys.readouterr().err
    assert "touch evil" not in agent.screen()


def test_a_draft_is_refused_or_kept(agent: PracticePane, capsys: pytest.CaptureFixture[str]) -> None:
    draft = "a person's half typed thought that goes on for so long that it has to be broken into rows, " * 2
    agent.keys("-l", draft.strip())
    agent.wait_for("into rows, a person")
    assert send(agent, "not now please") == 3
    assert "an unsent draft" in capsys.readouterr().err
    assert send(agent, "--keep-draft", "now please [[say kept]]") == 0
    agent.wait_for("● kept")
    assert agent.texts("user") == ["now please [[say kept]]"]
    agent.keys("Enter")
    wait_until(lambda: len(agent.texts("user")) == 2, what="the draft, sent by its person")
    assert agent.texts("user")[1] == draft.strip()


def test_what_cannot_be_put_back_is_left_to_a_person(agent: PracticePane, capsys: pytest.CaptureFixture[str]) -> None:
    agent.keys("-l", "!half a command")
    agent.wait_for("!half a command")
    assert send(agent, "--keep-draft", "now please") == 3
    assert "could not be put back as it is: send or delete it there (attach WINDOW)" in capsys.readouterr().err
    assert "!half a command" in agent.screen()


def test_an_interrupted_prompt_is_no_draft(agent: PracticePane) -> None:
    for text in ("short one [[think 30]]", "\n".join(["a long one"] * 9) + "[[think 30]]"):
        assert send(agent, text) == 0
        agent.wait_for_status("busy")
        agent.keys("Escape")
        agent.wait_for_status("idle")
        wait_until(lambda: f"{BOX}\n" not in agent.screen(), what="the prompt back in the box")
        assert send(agent, "go on [[say fine]]") == 0
        agent.wait_for_status("idle")
    assert agent.texts("user").count("go on [[say fine]]") == 2


def test_a_message_sent_before_a_crash_is_found_and_not_sent_again(
    agent: PracticePane, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert send(agent, "once and no more") == 0
    pane_io = open_pane_io(load_settings(os.environ), None, Tmux(agent.server.socket))
    box = Outbox(home / "fleet", pane_io.server, agent.pane)
    last = box.last()
    assert last is not None
    box.settle(last, INTENDED)
    agent.wait_for_status("idle")
    assert send(agent, "once and no more") == 0
    assert "an earlier call had sent it" in capsys.readouterr().err
    assert agent.texts("user") == ["once and no more"]


@pytest.mark.parametrize(("stands", "code"), [("ours, as the client wrote it", 0), ("ours, as somebody went on", 3)])
def test_what_we_left_in_the_box_is_known_as_ours_later(
    agent: PracticePane, home: Path, stands: str, code: int
) -> None:
    """The client wrote a text of ours in its own way, and it could not be taken out again."""
    pane_io = open_pane_io(load_settings(os.environ), None, Tmux(agent.server.socket))
    box = Outbox(home / "fleet", pane_io.server, agent.pane)
    box.settle(box.intend("as it was sent", 1.0, "", 0), UNSENT, left="ours, as the client  wrote it")
    agent.keys("-l", stands)
    agent.wait_for(stands)
    assert send(agent, "the next one") == code
    assert agent.texts("user") == ["the next one"][: 1 - code // 3]


@pytest.mark.parametrize("interrupted", [False, True], ids=["answered", "interrupted and cleared"])
def test_a_persons_paste_of_as_many_lines_as_ours_is_a_draft(
    agent: PracticePane, interrupted: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both are shown by their number of lines alone."""
    ours, theirs = "\n".join(["a line of ours"] * 9), "\n".join(["a line of theirs"] * 9)
    assert send(agent, f"{ours} {'[[think 30]]' if interrupted else '[[say fine]]'}") == 0
    if interrupted:
        agent.wait_for_status("busy")
        assert interrupt_agent.main([agent.pane]) == 0
    agent.wait_for_status("idle")
    agent.server.run("set-buffer", "-b", "theirs", theirs)
    agent.server.run("paste-buffer", "-p", "-b", "theirs", "-t", agent.pane)
    agent.wait_for("[Pasted text")
    assert send(agent, "the next one") == 3
    assert "an unsent draft ('[Pasted text" in capsys.readouterr().err
    assert "[Pasted text" in agent.screen()
    assert "the next one" not in agent.texts("user")


@pytest.mark.parametrize("mode", ["copy-mode", "clock-mode"])
def test_a_mode_that_nobody_watches_is_left(agent: PracticePane, mode: str) -> None:
    agent.server.run(mode, "-t", agent.pane)
    assert send(agent, "out of the mode") == 0
    assert agent.texts("user") == ["out of the mode"]
    assert agent.server.run("display-message", "-p", "-t", agent.pane, "#{pane_in_mode}").strip() == "0"


def test_a_mode_that_somebody_watches_and_unknown_windows_are_refused(
    agent: PracticePane, capsys: pytest.CaptureFixture[str]
) -> None:
    agent.server.run("select-window", "-t", agent.pane)
    with attached(agent.server, 1):
        wait_until(lambda: agent.server.run("list-clients"), what="a terminal")
        agent.server.run("copy-mode", "-t", agent.pane)
        assert send(agent, "into copy mode") == 3
        assert "copy mode" in capsys.readouterr().err
    assert send_agent.main(["nowhere:7", "some text"]) == 1
    assert "no such window" in capsys.readouterr().err


def test_a_dialog_is_shown_and_answered_by_text(agent: PracticePane, capsys: pytest.CaptureFixture[str]) -> None:
    assert send(agent, "[[ask Which one?|Alpha|Beta thing]]") == 0
    agent.wait_for("Which one?\n", seconds=10)
    agent.wait_for_status("waiting")
    assert answer_dialog.main([agent.pane]) == 3
    shown = capsys.readouterr().out
    assert "| Which one?" in shown
    assert "2. Beta thing" in shown
    assert "policy: decision" in shown
    assert answer_dialog.main([agent.pane, "--choose", "2"]) == 3
    assert answer_dialog.main([agent.pane, "--choose", "beta"]) == 0
    assert "chosen: Beta thing" in capsys.readouterr().out
    agent.wait_for_status("idle")
    assert "Beta thing" in json.dumps(agent.records())
    assert answer_dialog.main([agent.pane]) == 3
    assert "no dialog is open" in capsys.readouterr().err


def test_a_limit_menu_waits_and_never_spends(agent: PracticePane, capsys: pytest.CaptureFixture[str]) -> None:
    agent.order("dialog limit")
    agent.wait_for("Upgrade your plan")
    for row in ("Upgrade your plan", "Switch to usage credits"):
        assert answer_dialog.main([agent.pane, "--choose", row]) == 3
        assert "it may spend money" in capsys.readouterr().err
    assert answer_dialog.main([agent.pane]) == 0
    assert "chosen: Wait here, then continue automatically" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text",
    [
        "look at se\u0301ance.txt please",
        "well done \U0001f44d\U0001f3fd indeed",
        "flag \U0001f3f4\U000e0067\U000e007f here",
        "می\u200cخواهم and more",
    ],
    ids=["NFD", "skin tone", "tags", "joiner"],
)
def test_a_text_that_a_client_writes_otherwise_arrives(agent: PracticePane, text: str) -> None:
    assert send(agent, text) == 0
    agent.wait_for_status("idle")
    assert send(agent, "and another one") == 0
