"""Texts and answers on the practice agent and on the real client: the same tests for both."""

from __future__ import annotations

import json

import pytest

from tests.e2e.conftest import CLAUDE, CODEX, on_codex_too
from tests.e2e.crew import Crew
from tests.e2e.quick import said
from tests.waiting import wait_until


def pane_of(crew: Crew, window: str) -> str:
    return str(crew.agent(window)["pane_id"])


def screen(crew: Crew, window: str) -> str:
    return crew.stage.tmux("capture-pane", "-p", "-t", pane_of(crew, window)) or ""


def wait_for_rest(crew: Crew, window: str) -> None:
    """Waits until the client itself says that no turn is in progress."""
    wait_until(lambda: crew.resting(window), 30, f"a client at rest\n{crew.screens()}")


def wait_for_user(crew: Crew, window: str, words: str) -> None:
    """Waits until the conversation has it from its user: the client's hook may have told of it before."""
    wait_until(lambda: any(words in said for said in crew.said(window, "user")), 20, f"{words!r} from the user")


@on_codex_too
def test_texts_that_a_client_could_mistake_arrive_as_texts(crew: Crew) -> None:
    window = crew.spawn("feat/texts", "[[say ready.]]")
    crew.wait_for_words(window, "ready.")
    wait_for_rest(crew, window)
    for text, marked in (
        ("/clear", "\n/clear"),
        ("!touch evil", "\n!touch evil"),
        ("exit", "\nexit"),
        ("what is in @README.md", "@README.md"),
        ("ends with a backslash \\", "backslash \\"),
        ("\n".join(f'{n} "$(x)" `y` #{{z}} 漢字' for n in range(30)), "漢字\n7 "),
    ):
        sent = crew.run("send-agent", window, text)
        assert sent.returncode == 0, f"{text!r}: {sent.stderr}\n{crew.screens()}"
        wait_for_user(crew, window, marked)
        wait_for_rest(crew, window)
    assert crew.pid(window), "the client lives on, in the same conversation"
    assert crew.run("send-agent", window, "[[think 4]]").returncode == 0
    queued = crew.run("send-agent", "--queue", window, "after it [[say later.]]")
    assert queued.returncode == 0, f"{queued.stderr}\n{crew.screens()}"
    crew.wait_for_words(window, "later.")
    assert crew.said(window, "user").count("after it [[say later.]]") == 1
    wait_for_rest(crew, window)
    assert crew.run("send-agent", window, "[[ratelimit 3600]]").returncode == 0
    wait_until(lambda: "usage limit" in crew.run("send-agent", window, "past the wall").stderr, 30, "the wall")
    assert "past the wall" not in crew.said(window, "user")


@on_codex_too
def test_an_interrupted_prompt_is_cleared_and_a_draft_put_back(crew: Crew) -> None:
    window = crew.spawn("feat/drafts", "[[say ready.]]")
    crew.wait_for_words(window, "ready.")
    wait_for_rest(crew, window)
    for text in ("[[think 60]]", "one\ntwo\nthree\nfour\nfive [[think 60]]"):
        assert crew.run("send-agent", window, text).returncode == 0
        assert crew.run("send-agent", window, "not in this turn").returncode == 3
        crew.stage.tmux("send-keys", "-t", pane_of(crew, window), "Escape")
        wait_for_rest(crew, window)
        sent = crew.run("send-agent", window, "instead [[say instead.]]")
        assert sent.returncode == 0, f"{sent.stderr}\n{crew.screens()}"
        wait_for_rest(crew, window)
    crew.stage.tmux("send-keys", "-t", pane_of(crew, window), "-l", "a thought half typed")
    wait_until(lambda: "a thought half typed" in screen(crew, window), what="the draft")
    assert crew.run("send-agent", window, "not over a draft").returncode == 3
    assert crew.run("send-agent", "--keep-draft", window, "beside it [[say beside.]]").returncode == 0
    crew.wait_for_words(window, "beside.")
    mark = "› " if crew.stage.kind == "codex" else "❯\xa0"
    wait_until(lambda: f"{mark}a thought half typed" in screen(crew, window), what="the draft back in its box")
    said = crew.said(window, "user")
    assert not [text for text in said if "thought" in text or "not in this turn" in text]


def test_a_question_is_answered_by_the_text_of_a_row(crew: Crew) -> None:
    window = crew.spawn("feat/question", "[[ask Which one?|Alpha|Beta thing]]")
    wait_until(lambda: "Which one?" in screen(crew, window) and "2. Beta" in screen(crew, window), 30, "the question")
    wait_until(lambda: crew.run("answer-dialog", window, "--show").stdout.count("Beta thing"), 20, "its rows")
    assert crew.run("send-agent", window, "no text into a dialog").returncode == 3
    assert crew.run("answer-dialog", window).returncode == 3
    answered = crew.run("answer-dialog", window, "--choose", "beta")
    assert answered.returncode == 0, f"{answered.stderr}\n{crew.screens()}"
    wait_until(lambda: answers(crew, window), 30, f"the answer\n{crew.screens()}")
    assert all("Beta thing" in answer for answer in answers(crew, window))


def answers(crew: Crew, window: str) -> list[str]:
    """What the client told the model that the user chose."""
    users = [json.dumps(record) for record in crew.transcript(window) if record["type"] == "user"]
    return [text for text in users if "tool_result" in text]


@pytest.mark.stress
@pytest.mark.parametrize("crew", [CODEX], indirect=True)
def test_queued_texts_that_come_back_as_one_are_no_draft(crew: Crew) -> None:
    window = crew.spawn("feat/queued", "[[say Begun.]]")
    crew.wait_for_words(window, "Begun.")
    said(crew, "send-agent", window, "Begin the first. [[think 60]]")
    for number in range(2):
        said(crew, "send-agent", window, "--queue", f"Queued text number {number}. [[say More.]]")
    assert "unsent in its input box" not in said(crew, "interrupt-agent", window)
    assert "draft" not in json.loads(said(crew, "classify-pane", window)), crew.screens()
    said(crew, "send-agent", window, "Something else. [[say Went on.]]")
    crew.wait_for_words(window, "Went on.")


@pytest.mark.stress
@pytest.mark.parametrize("crew", [CLAUDE, CODEX], indirect=True)
def test_a_persons_draft_of_several_lines_is_kept_as_it_is(crew: Crew) -> None:
    window = crew.spawn("feat/lines", "[[say Begun.]]")
    crew.wait_for_words(window, "Begun.")
    wait_for_rest(crew, window)
    pane = pane_of(crew, window)
    lines = "a first line of a person\nand the second one"
    crew.stage.tmux("set-buffer", "-b", "lines", lines)
    crew.stage.tmux("paste-buffer", "-p", "-d", "-b", "lines", "-t", pane)
    wait_until(lambda: "the second one" in screen(crew, window), 10, lambda: screen(crew, window))
    said(crew, "send-agent", window, "--keep-draft", "Something else. [[say Went on.]]")
    crew.wait_for_words(window, "Went on.")
    wait_for_rest(crew, window)
    draft = json.loads(said(crew, "classify-pane", window))["draft"]
    assert draft.split() == lines.split()
